from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

WRITE = """
import logging, structlog
from cm_queue.logs import logging_config
logging_config("INFO", "json")
structlog.get_logger("ours").info("sent", authorization="Bearer abcdef123", fencing_token=7, channel="demo")
logging.getLogger("theirs").warning("asked %s", "https://example.org/?access_token=abcdef123&x=1")
try:
    raise ValueError("password=hunter22")
except ValueError:
    logging.getLogger("theirs").exception("it failed")
"""


@pytest.fixture(scope="module")
def lines() -> list[dict[str, object]]:
    """What a process writes on stderr: an own process, since the handlers keep the stream they found."""
    told = subprocess.run(
        [sys.executable, "-c", WRITE],
        cwd=ROOT,
        env={**os.environ},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout == ""
    return [json.loads(line) for line in told.stderr.splitlines()]


def test_a_named_secret_is_hidden_and_a_fencing_token_is_not(lines: list[dict[str, object]]):
    assert lines[0]["authorization"] == "…"
    assert (lines[0]["fencing_token"], lines[0]["channel"]) == (7, "demo")


def test_a_secret_inside_another_librarys_line_is_hidden(lines: list[dict[str, object]]):
    assert lines[1]["event"] == "asked https://example.org/?access_token=…&x=1"


def test_a_secret_inside_a_traceback_is_hidden(lines: list[dict[str, object]]):
    assert "hunter22" not in json.dumps(lines[2])
    assert "ValueError" in str(lines[2]["exception"])


def test_a_probe_leaves_no_line_and_a_page_leaves_one():
    write = """
import logging, structlog
from types import SimpleNamespace
from cm_queue.logs import logging_config
logging_config("INFO", "json")
ours = structlog.get_logger("django_structlog")
for request in ("GET /readyz", "GET /live/", "GET /posts/7/"):
    ours.info("request_started", request=request)
    ours.info("request_finished", request=request, code=200)
for path in ("/readyz", "/posts/7/"):
    request = SimpleNamespace(path=path)
    logging.getLogger("django.request").error("Unavailable: %s", path, extra={"request": request})
"""
    told = subprocess.run(
        [sys.executable, "-c", write],
        cwd=ROOT,
        env={**os.environ},
        capture_output=True,
        text=True,
        check=True,
    )
    events = [(line["event"], line.get("request")) for line in map(json.loads, told.stderr.splitlines())]
    assert [event for event, _ in events] == ["request_finished", "Unavailable: /posts/7/"]
    assert events[0][1] == "GET /posts/7/"


def test_a_fault_in_the_text_form_is_a_scrubbed_traceback_without_a_warning() -> None:
    """Seen: the console renderer warned about every exception it was given as text."""
    write = WRITE.replace('"json"', '"text"') + (
        'try:\n    raise LookupError("token=abcdef123456")\n'
        'except LookupError:\n    structlog.get_logger("ours").exception("fault")\n'
    )
    told = subprocess.run(
        [sys.executable, "-W", "error", "-c", write], cwd=ROOT, capture_output=True, text=True, check=True
    ).stderr
    assert "LookupError" in told
    assert "abcdef123456" not in told
