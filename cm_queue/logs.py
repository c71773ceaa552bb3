"""Structured logs, with secrets scrubbed before anything is written."""

from __future__ import annotations

import logging
import logging.config
import re
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

# What must never reach a log, whatever logs it: header and setting names that carry secrets.
_SECRET_NAMES = re.compile(
    r"(?i)(authorization|password|passwd|secret|token|api[_-]?key|cookie|encryption_keys)"
)
_SECRET_VALUES = re.compile(
    r"(?i)(bearer\s+)[A-Za-z0-9._~+/=-]{6,}|((?:access_|refresh_|api_)?(?:token|key|secret|password)[\"']?\s*[=:]\s*[\"']?)[^\s\"'&,}]{4,}"
)
# Names that look secret and are not: fencing tokens are small integers, needed to follow a delivery.
_HARMLESS = {"fencing_token"}


def scrub(text: str) -> str:
    """The text with whatever looks like a credential replaced by three dots."""
    return _SECRET_VALUES.sub(lambda match: (match.group(1) or match.group(2)) + "…", text)


def _scrub_event(_logger: Any, _method: str, event: EventDict) -> EventDict:
    for name, value in event.items():
        if name not in _HARMLESS and _SECRET_NAMES.search(name):
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
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0)
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
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
            "root": {"handlers": ["stderr"], "level": level},
            "loggers": {
                "django.request": {"level": "ERROR"},
                "httpx": {"level": "WARNING"},
                "rq.worker": {"level": "WARNING"},
            },
        }
    )
