"""The two readers must notice what they are there to notice, and the plan must be the same again."""

from __future__ import annotations

import ast
import copy
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.faults.counting import Seen, Sent, Try, count
from tests.faults.planning import KILLS, Kind, plan
from tests.faults.reading import Story, wrongs

pytestmark = pytest.mark.pure
T = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
BEFORE, LATER = T - timedelta(minutes=5), T + timedelta(minutes=5)
DIGEST = "a" * 64
PAYLOAD: dict[str, Any] = {"body": {"parts": [{"text": "Bonjour", "media": []}]}, "channel": "m-0"}
SHA = hashlib.sha256(
    json.dumps(PAYLOAD, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
).hexdigest()


# --- The independent reader -------------------------------------------------------------------------
def story() -> Story:
    """One post of Inès (1), approved by Nadia (2), sent at T."""
    attempt = {
        "id": 1, "delivery_id": 1, "token": 1, "key": "k", "started_at": T, "post_id": 1, "brand_id": 1,
        "channel_id": 1, "due_at": BEFORE, "channel": "m-0", "network": "mastodon", "digest": DIGEST,
        "payload_sha256": SHA, "permit_token": 1, "spent_at": T, "expires_at": LATER,
        "permit_channel_id": 1, "permit_delivery_id": 1, "permit_id": 1,
    }  # fmt: skip
    decision = {
        "id": 1, "post_id": 1, "lineage_id": 1, "person": 2, "user_id": 2, "decision": "approve",
        "digest": DIGEST, "epoch": 0, "binding": False, "at": BEFORE,
    }  # fmt: skip
    credential = {
        "brand_id": 1, "user_id": 2, "level": 2, "valid_from": BEFORE - timedelta(days=9),
        "confirmed_at": BEFORE - timedelta(days=9), "valid_until": None, "ended_at": None,
    }  # fmt: skip
    revision = {"id": 1, "post_id": 1, "number": 1, "digest": DIGEST, "payloads": {"m-0": PAYLOAD}}
    return Story(
        {
            "attempts": [attempt],
            "posts": [
                {"id": 1, "lineage_id": 1, "kind": "routine", "window_from": BEFORE, "window_until": LATER}
            ],
            "revisions": [revision | {"content": {"channels": ["m-0"]}}],
            "decisions": [decision],
            "writers": [{"lineage_id": 1, "person": 1, "first_at": BEFORE}],
            "credentials": [
                credential | {"domain": domain} for domain in ("craft", "company", "channel:mastodon")
            ],
            "epochs": [],
            "incidents": [],
            "pauses": [],
            "entries": [],
        },
        {"k": ["Bonjour"]},
    )


def entry(verb: str, at: datetime = T - timedelta(seconds=1), subject: str = "post:1", **data: Any) -> Any:
    post_id = 1 if subject.startswith("post") else None
    return {
        "id": 9,
        "brand_id": 1,
        "verb": verb,
        "subject": subject,
        "post_id": post_id,
        "data": data,
        "at": at,
    }


def add(table: str, **row: Any) -> Callable[[Story], None]:
    return lambda told: told[table].append({"id": 7, "brand_id": 1, **row})


def write(verb: str, **more: Any) -> Callable[[Story], None]:
    return lambda told: told["entries"].append(entry(verb, **more))


def change(table: str, **fields: Any) -> Callable[[Story], None]:
    return lambda told: told[table][0].update(fields)


SECOND = T - timedelta(seconds=1)


def test_a_post_that_was_allowed_is_no_fault() -> None:
    assert wrongs(story()) == []


@pytest.mark.parametrize(
    ("because", "happened"),
    [
        ("the digest then was", write("post.seal", to="in_review", digest="b" * 64)),
        ("the post was in_review", write("post.seal", to="in_review", digest=DIGEST)),
        ("the post was held", write("post.held", to="held")),
        ("it was held by a person", write("post.hold", to="")),
        ("the brand was stopped", write("brand.stop", subject="brand:1")),
        ("its channel was paused", write("channel.pause", subject="channel:1")),
        ("incidents 7", add("incidents", scope={"brand": True}, declared_at=SECOND, lifted_at=LATER)),
        ("pauses 7", add("pauses", scope={"channels": ["m-0"]}, at=SECOND, ended_at=None)),
        ("nobody who may", add("epochs", number=1, scope={"brand": True}, at=SECOND)),
        ("nobody who may", change("credentials", ended_at=SECOND)),
        ("nobody who may", change("credentials", level=1)),
        ("nobody who may", change("credentials", confirmed_at=SECOND)),
        ("nobody who may", change("decisions", digest="b" * 64)),
        ("nobody who may", change("decisions", at=T - timedelta(days=46))),
        ("nobody who may", change("writers", person=2)),
        ("objection 7", add(
            "decisions", post_id=1, lineage_id=1, person=3, user_id=3, decision="reject", digest=DIGEST,
            epoch=0, binding=True, at=SECOND,
        )),
        ("sent without a permit", change("attempts", permit_id=None)),
        ("another claim's", change("attempts", permit_token=2)),
        ("another channel's", change("attempts", permit_channel_id=2)),
        ("had run out", change("attempts", expires_at=SECOND)),
        ("other bytes", change("attempts", payload_sha256="c" * 64)),
        ("early", change("attempts", due_at=LATER)),
        ("outside its window", change("posts", window_until=SECOND)),
        ("the network got", lambda told: told.log["k"].__setitem__(0, "Autre chose")),  # type: ignore[attr-defined]
        ("2 requests, 1 attempts", lambda told: told.log["k"].append("Bonjour")),  # type: ignore[attr-defined]
        ("used twice", lambda told: told["attempts"].append(dict(told["attempts"][0]))),
    ],
)  # fmt: skip
def test_what_was_not_allowed_is_found(because: str, happened: Callable[[Story], None]) -> None:
    told = copy.deepcopy(story())
    happened(told)
    assert any(because in one for one in wrongs(told)), wrongs(told)


@pytest.mark.parametrize(
    "happened",
    [
        pytest.param(write("channel.pause", subject="channel:2"), id="another channel"),
        pytest.param(write("post.held", at=LATER, to="held"), id="held afterwards"),
        pytest.param(change("credentials", ended_at=LATER), id="revoked afterwards"),
        pytest.param(add("pauses", scope={"channels": ["m-1"]}, at=SECOND, ended_at=None), id="elsewhere"),
        pytest.param(
            add("incidents", scope={"brand": True}, declared_at=LATER, lifted_at=None),
            id="incident afterwards",
        ),
    ],
)
def test_what_does_not_touch_it_is_no_fault(happened: Callable[[Story], None]) -> None:
    told = story()
    happened(told)
    assert wrongs(told) == []


def test_the_reader_imports_nothing_of_the_product() -> None:
    product = {"accounts", "adapters", "approvals", "cm_queue", "journal", "posts", "publishing", "django"}
    for name in ("reading", "counting", "databases"):
        tree = ast.parse(Path(__file__).with_name(f"{name}.py").read_text())
        imported = {
            module.split(".")[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for module in (
                [one.name for one in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            )
        }
        assert imported & product == set()


# --- The count ----------------------------------------------------------------------------------------
def tried(outcome: str = "DELIVERED", worker: str = "here:1", *, ended: bool = True) -> Try:
    return Try(outcome, worker, 100.0, ended)


WELL = Sent("d-0", "DELIVERED", "1", (tried(),), False)
UNKNOWN = Sent("d-0", "UNKNOWN", "", (tried("UNKNOWN"),), True)
OUT = Seen("1", False, True, 100.1)


def test_once_and_known_is_well() -> None:
    assert count([WELL], {"d-0": [OUT]}, reconcilable=True).faults(reconcilable=True) == {}


def test_a_repeat_under_the_same_key_is_no_double() -> None:
    twice = Sent("d-0", "DELIVERED", "1", (tried("UNKNOWN"), tried()), False)
    found = count([twice], {"d-0": [OUT, Seen("1", True, True, 101.0)]}, reconcilable=True)
    assert found.faults(reconcilable=True) == {}


@pytest.mark.parametrize(
    ("what", "sent", "seen"),
    [
        ("lost", WELL, []),
        ("lost", Sent("d-0", "PENDING", "", (), False), []),
        ("stuck", Sent("d-0", "SENDING", "", (tried("SENDING", ended=False),), False), [OUT]),
        ("unknown", UNKNOWN, [OUT]),
        (
            "doubled",
            Sent("d-0", "DELIVERED", "1", (tried(), tried()), False),
            [OUT, Seen("2", False, True, 1)],
        ),
        ("wrong", WELL, [OUT, Seen("1", True, True, 101.0)]),
        ("wrong", Sent("d-0", "DELIVERED", "9", (tried(),), False), [OUT]),
        ("wrong", Sent("d-0", "DELIVERED", "1", (tried("SENDING", ended=False),), False), [OUT]),
    ],
)
def test_with_keys_everything_else_is_found(what: str, sent: Sent, seen: list[Seen]) -> None:
    assert what in count([sent], {"d-0": seen}, reconcilable=True).faults(reconcilable=True)


def test_without_keys_an_unknown_has_a_cause_and_somebody_was_asked() -> None:
    silent = Seen("1", False, False, 100.1)
    kept = count([UNKNOWN], {"d-0": [silent]}, reconcilable=False)
    killed = count([UNKNOWN], {"d-0": [OUT]}, reconcilable=False, lost_workers={"here:1"})
    cut = count([UNKNOWN], {"d-0": [OUT]}, reconcilable=False, cuts=[100.2])
    assert [one.faults(reconcilable=False) for one in (kept, killed, cut)] == [{}, {}, {}]


@pytest.mark.parametrize(
    ("what", "sent", "seen"),
    [
        ("unexplained", UNKNOWN, [OUT]),
        ("unexplained", UNKNOWN, []),
        ("unasked", Sent("d-0", "UNKNOWN", "", (tried("UNKNOWN"),), False), [Seen("1", False, False, 1)]),
        ("wrong", Sent("d-0", "UNKNOWN", "", (tried("UNKNOWN"), tried("UNKNOWN")), True), [OUT, OUT]),
        ("wrong", Sent("d-0", "UNKNOWN", "", (tried(),), True), [OUT]),
        ("wrong", Sent("d-0", "DELIVERED", "1", (tried("UNKNOWN"), tried()), False), [OUT]),
    ],
)
def test_without_keys_everything_else_is_found(what: str, sent: Sent, seen: list[Seen]) -> None:
    assert what in count([sent], {"d-0": seen}, reconcilable=False).faults(reconcilable=False)


# --- The plan -------------------------------------------------------------------------------------------
def test_a_seed_gives_the_same_plan_again() -> None:
    first = plan(7, 50, 30, postgres=True)
    assert plan(7, 50, 30, postgres=True) == first
    assert plan(8, 50, 30, postgres=True) != first
    assert sum(one.kind in KILLS for each in first for one in each.faults) == 30
    assert sum(len(each.due) for each in first) == 50


def test_on_sqlite_nobody_kills_a_server_that_is_not_there() -> None:
    kinds = {one.kind for each in plan(7, 9, 60, postgres=False) for one in each.faults}
    assert not kinds & {Kind.KILL_POSTGRES, Kind.KILL_BACKEND, Kind.CUT_DATABASE}
