"""Containers, in which Instagram and Threads keep what is about to be published. Nobody sees one.

Meta fetches the pictures of one by itself, at an address of ours, and says in its status how far it is. A container
that was not published dies after a day: nothing has to be cleared away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.base import AdapterError, Connection, Duplicate, Rejected, Unavailable, gettext_noop
from adapters.graph import NOT_FETCHED, STILL_WORKING, GraphLine
from adapters.graph_reading import id_in, quoted
from adapters.http import BUSY
from adapters.media import approved_bytes

# One publication finds its containers unfinished so often at most, without waiting in between.
LOOKS = 20

BAD_FILE = gettext_noop("The network could not use a file. Nothing was sent.")
OUT_ALREADY = gettext_noop("The network says that this was published already.")
# Subcodes in Instagram's `status` and words in Threads' `error_message` that say a file was not got hold of.
_NOT_GOT = ("2207003", "2207020", "2207052", "FAILED_DOWNLOADING")
_THEIRS = ("2207001", "2207032", "2207053", "UNKNOWN")


def addresses(connection: Connection, items: Sequence[Mapping[str, Any]]) -> list[str]:
    """Where Meta finds the files. Every one is looked at before the first is told of: a replaced one stops all."""
    for item in items:
        approved_bytes(connection, item)
    return [connection.public_url(item) for item in items]


class Containers:
    """Those of one publication. `path` makes them; `field` names their state, `reason` what went wrong; a form
    travels as `form`: as `json`, or as `data`."""

    def __init__(self, line: GraphLine, path: str, field: str, reason: str, form: str) -> None:
        self._line, self._path, self._form = line, path, form
        self._field, self._reason = field, reason
        self._looks = LOOKS

    def make(self, **form: Any) -> str:
        sent: dict[str, Any] = {self._form: form}
        return id_in(self._line.graph("POST", self._path, **sent))

    def make_after(self, **form: Any) -> str:
        """One that follows what became public just now, which Meta itself may not see yet."""
        while True:
            try:
                return self.make(**form)
            except Unavailable as error:
                if error.public != STILL_WORKING or not self._looks:
                    raise
                self._looks -= 1

    def gather(self, parts: Sequence[str], /, **form: Any) -> str:
        """One that holds others. Most are ready at once: only where they are not is each looked at."""
        try:
            return self.make(**form)
        except Unavailable as error:
            if error.public != STILL_WORKING:
                raise
        self.wait_for(*parts)
        return self.make(**form)

    def publish(self, path: str, container: str) -> str:
        """The id of what is public now."""
        sent: dict[str, Any] = {self._form: {"creation_id": quoted(container)}}
        return id_in(self._line.graph("POST", path, creates=True, **sent))

    def wait_for(self, *containers: str) -> None:
        """Until all are ready to be published. Raises AdapterError when one is not, or not soon."""
        fields = f"{self._field},{self._reason}"
        for container in containers:
            while True:
                answer = self._line.graph("GET", f"/{quoted(container)}", query={"fields": fields})
                state = answer.text(self._field)
                if state == "FINISHED":
                    break
                if state != "IN_PROGRESS":
                    raise self._why(state, str(answer.mapping().get(self._reason) or ""))
                if not self._looks:
                    raise Unavailable(STILL_WORKING)
                self._looks -= 1

    def _why(self, state: str, reason: str) -> AdapterError:
        detail = self._line.without_secret(reason)[:200]
        if state == "PUBLISHED":
            return Duplicate(OUT_ALREADY, detail=detail)
        if state == "ERROR" and any(word in reason for word in _NOT_GOT):
            return Unavailable(NOT_FETCHED, detail=detail)
        if state == "ERROR" and not any(word in reason for word in _THEIRS):
            return Rejected(BAD_FILE, detail=detail)
        return Unavailable(BUSY, detail=detail)
