"""Structured logs, with secrets scrubbed before anything is written."""

from __future__ import annotations

import logging
import logging.config
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

from journal.scrubbing import SECRET_NAMES, scrub

# Names that look secret and are not: fencing tokens are small integers, needed to follow a delivery.
_HARMLESS = {"fencing_token"}
_PROBES = ("/healthz", "/readyz")
_LIVE = "GET /live/"


def _is_probe(text: str) -> bool:
    return text.endswith(_PROBES)


def _drop_probes(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Whoever watches us, and every page that is open, asks every few seconds, and would bury what people do. A
    request's end says all that its beginning says, so the beginnings are dropped too."""
    request = str(event.get("request", ""))
    lives = request.startswith(_LIVE) and int(event.get("code", 500)) < 400
    if event.get("event") == "request_started" or _is_probe(request) or lives:
        raise structlog.DropEvent
    return event


class _NoProbes(logging.Filter):
    """The same for Django's own line about an answer of 503, which `/readyz` gives by design."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not _is_probe(str(getattr(getattr(record, "request", None), "path", "")))


def _scrub_event(_logger: Any, _method: str, event: EventDict) -> EventDict:
    for name, value in event.items():
        if name not in _HARMLESS and SECRET_NAMES.search(name):
            event[name] = "…"
        elif isinstance(value, str):
            event[name] = scrub(value)
    return event


def logging_config(level: str, form: str) -> None:
    """Configures structlog and the standard library to write one line an event on stderr."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        _scrub_event,
    ]
    structlog.configure(
        processors=[_drop_probes, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(
            colors=False, pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
        )
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "line": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
                    "foreign_pre_chain": shared,
                }
            },
            "filters": {"no_probes": {"()": _NoProbes}},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
            "root": {"handlers": ["stderr"], "level": level},
            "loggers": {
                "django.request": {"level": "ERROR", "filters": ["no_probes"]},
                "httpx": {"level": "WARNING"},
                "rq.worker": {"level": "WARNING"},
            },
        }
    )
