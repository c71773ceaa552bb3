"""What a call sends, so that it gets past the reading of its fields and to the question who may.

For the API from its own description of each operation, for pages and panel from the forms that stand on them.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from functools import cache
from html import unescape
from typing import Any

from django.test import Client
from django.urls import Resolver404, resolve

from accounts.clock import database_now
from approvals.models import Decision, Verdict
from approvals.policy import PRESETS
from cm_queue.api.urls import api
from tests.casting import digest_of, fresh
from tests.flow.bypass_stage import STATES, WHERE, Stage
from tests.flow.bypassing import What, addresses, fill, objects_of, operation
from tests.flow.doors import Forms

WHY = "Parce que c’est juste."
# Fields of forms that people fill in.
_WORDS = ("reason", "comment", "text", "note", "cause", "word", "why", "evidence", "label", "words")


# --- The API ----------------------------------------------------------------------------------------
def body_for(what: What, which: str, stage: Stage, turn: int) -> Any:
    """A JSON body for the operation, or None where it takes none."""
    found = operation(what).get("requestBody", {}).get("content", {})
    schema = found.get("application/json", {}).get("schema")
    return _example(schema, "", which, stage, turn) if schema else None


def _example(schema: dict[str, Any], name: str, which: str, stage: Stage, turn: int) -> Any:
    if "$ref" in schema:
        return _example(_schemas()[schema["$ref"].rpartition("/")[2]], name, which, stage, turn)
    if name == "decision":
        return _decision(schema, which, stage, turn)
    known = _known(name, which, stage, turn)
    if known is not None:
        return known
    if "anyOf" in schema:
        return _example(schema["anyOf"][0], name, which, stage, turn)
    if "enum" in schema:
        return schema["enum"][turn % len(schema["enum"])]
    if schema.get("type") == "object":
        fields = {
            key: _example(one, key, which, stage, turn) for key, one in schema.get("properties", {}).items()
        }
        # What is null is left out: there it means what leaving it out means.
        return {key: value for key, value in fields.items() if value is not None}
    plain = {"array": [], "boolean": True, "integer": 1, "number": 1, "string": WHY, "null": None}
    return plain.get(str(schema.get("type")))


def _decision(schema: dict[str, Any], which: str, stage: Stage, turn: int) -> str | int:
    """A word, or, where a rejection is to be lifted, which one."""
    if "enum" in schema:
        return str(schema["enum"][turn % len(schema["enum"])])
    post = stage.posts.get(which, stage.posts["rejected"])
    rejected = Decision.objects.filter(post=post, decision=Verdict.REJECT).first()
    return rejected.pk if rejected else 1


@cache
def _schemas() -> dict[str, Any]:
    schemas: dict[str, Any] = api.get_openapi_schema()["components"]["schemas"]
    return schemas


# What fields hold, by their name, whoever calls on whatever.
_ALWAYS: dict[str, Any] = {
    **{key: [] for key in ("products", "topics", "thread", "media")},
    **{key: {} for key in ("variants", "options")},
    **dict.fromkeys(
        ("pattern", "link", "url", "reply_to", "email", "preset", "quote", "place", "sha256"), ""
    ),
    "kind": "routine",
    "slot": "on_approval",
    "rule": "FREQ=DAILY",
    "facet": "launch",
    "rules": PRESETS["duo"],
    "domain": "craft",
    "level": 2,
    "late_minutes": 60,
    "days_ahead": 7,
    "lacking": ["craft"],
    "evidence": WHY,
}


def _known(name: str, which: str, stage: Stage, turn: int) -> Any:
    """What a field that names something must hold; None for others. `which` says on whose it is done."""
    if name in _ALWAYS:
        return _ALWAYS[name]
    if name == "digest":
        return digest_of(stage.posts.get(which, stage.posts["in_review"]))
    if name == "channels":
        return ["demo"] if turn % 2 else ["second"]
    if name == "template":
        return stage.things[which if which in WHERE else "here", "snippet"].pk
    if name in ("account", "person"):
        return stage.things[which if which in WHERE else "here", "person"].pk
    if name in ("first_day", "last_day"):
        return (database_now() + timedelta(days=20)).date().isoformat()
    return bool(turn % 2) if name == "brand" else None


LEFT_OUT = {"window", "after", "parent", "in_force", "since", "valid_until", "starts", "suggestion", "posts"}


def trimmed(body: Any, path: str) -> Any:
    """Without what is better left at its default."""
    if not isinstance(body, dict):
        return body
    kept = {key: value for key, value in body.items() if key not in LEFT_OUT}
    if path.endswith("/policy"):
        kept.pop("preset", None)
    if path.endswith("/decisions"):
        kept["reason"] = "facts"
    if path.endswith("/lexicon"):
        kept["words"] = "zébu"
    return kept


# --- Pages ------------------------------------------------------------------------------------------
Fields = dict[str, list[str]]


class Harvest:
    """The forms of all pages, as several people see them: by the address they are sent to, and by its line in
    the URL configuration, for whoever is not offered the form and sends one all the same."""

    def __init__(self) -> None:
        self.exact: dict[str, list[Fields]] = defaultdict(list)
        self.alike: dict[str, list[Fields]] = defaultdict(list)

    def take(self, client: Client, path: str) -> None:
        answer = client.get(path)
        if answer.status_code != 200 or "html" not in answer.headers.get("Content-Type", ""):
            return
        for form in Forms(answer.content.decode()).forms:
            to = unescape(form.action or path).partition("?")[0]
            try:
                route = resolve(to).route
            except Resolver404:
                continue
            if form.fields not in self.exact[to]:
                self.exact[to].append(form.fields)
                self.alike[route].append(form.fields)

    def fields(self, path: str, route: str, which: str, stage: Stage, turn: int) -> dict[str, Any]:
        offered = self.exact.get(path) or self.alike.get(route) or [{}]
        given: dict[str, Any] = dict(offered[turn % len(offered)])
        for name in (*_WORDS, *(key for key in given if key.rpartition("-")[2] in _WORDS)):
            if given.get(name, [""]) == [""]:
                given[name] = WHY
        if path not in self.exact and "digest" in given:
            given["digest"] = digest_of(stage.posts.get(which, stage.posts["in_review"]))
        return {"slot": "on_approval", "knowing": "on", "sure": "on", **given}


def harvest(
    stage: Stage, clients: dict[str, Client], area: str, readers: tuple[str, ...], *, whole: bool
) -> Harvest:
    """`readers`: first who wrote the posts, then who else reads them; unless it is for the `whole` matrix, each
    of these another state at another address, since most find the same forms again."""
    found = Harvest()
    author, others = readers[0], readers[1:]
    for turn, address in enumerate(one for one in addresses() if one.area == area):
        for place, which in enumerate(objects_of(What(address, "GET"))):
            also = others if whole or not others else [others[(turn + place) % len(others)]]
            for one in (author, *(also if which in STATES else ())):
                found.take(clients[one], fill(What(address, "GET"), which, stage))
    return found


def revision_number(which: str, stage: Stage) -> str:
    revision = fresh(stage.posts.get(which, stage.posts["in_review"])).revision
    return f'"{revision.number if revision else 1}"'
