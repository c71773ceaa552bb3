"""Bluesky: whatever happens to an answer, a post is out once, and what is out can be told and taken away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import time_machine

from adapters.base import (
    Ambiguous,
    CannotTell,
    Content,
    Duplicate,
    NotFound,
    NotSent,
    PermitRefused,
    Receipt,
    Rejected,
)
from adapters.bluesky import Bluesky
from adapters.bluesky_records import POST, is_tid, tid
from adapters.bluesky_session import Session
from tests.contract import far_bluesky
from tests.contract.farside import Far, a_moment_ago, image, permit_for
from tests.contract.stand_ins.faulty_front import Fault
from tests.contract.stand_ins.strict_bluesky import (
    DID,
    FRIEND,
    FRIEND_DID,
    token,
)

pytestmark = [pytest.mark.contract, pytest.mark.pure]

PUT, GET = far_bluesky.CREATE, "/xrpc/com.atproto.repo.getRecord"
CREATE_SESSION = "/xrpc/com.atproto.server.createSession"
REFRESH = "/xrpc/com.atproto.server.refreshSession"


@pytest.fixture
def far(client: httpx.Client, tmp_path: Path) -> Iterator[Far]:
    with far_bluesky.far(client, tmp_path) as made:
        yield made


def record(far: Far, receipt: Receipt, place: int = 0) -> dict[str, Any]:
    return far.server.records[receipt.parts[place]]["value"]


def error(name: str, message: str = "") -> bytes:
    return json.dumps({"error": name, "message": message}).encode()


# --- Once, and only once --------------------------------------------------------------------------
def test_record_keys_come_from_key_and_moment_and_no_two_keys_share_one():
    begun = datetime(2026, 11, 22, 20, 30, tzinfo=UTC)
    keys = [f"delivery-{number}" for number in range(3000)]
    names = {tid(key, begun, place) for key in keys for place in range(3)}
    assert len(names) == 9000
    assert all(is_tid(name) for name in names)
    assert tid("k", begun) == tid("k", begun.astimezone(datetime.now().astimezone().tzinfo))
    assert tid("k", begun) != tid("k", begun + timedelta(seconds=2))
    assert [tid("k", begun, place) for place in range(20)] == sorted(tid("k", begun, p) for p in range(20))
    assert tid("k", begun) < tid("k", begun + timedelta(seconds=3)), "in the order of time"


def test_a_record_key_is_never_in_the_future():
    """Decoded as the specification has it: 53 bits of microseconds above 10 of a clock."""
    begun = datetime(2026, 11, 22, 20, 30, tzinfo=UTC)
    for number in range(200):
        value = 0
        for sign in tid(f"key-{number}", begun):
            value = value << 5 | "234567abcdefghijklmnopqrstuvwxyz".index(sign)
        moment = (value >> 10) / 1e6
        assert begun.timestamp() - 2.2 <= moment <= begun.timestamp()


def test_an_attempt_again_writes_the_same_bytes_and_changes_nothing(far: Far):
    begun = a_moment_ago()
    content = Content(f"Bonjour @{FRIEND} https://a.example/", (image(),), thread=("Suite",))
    first = far.publish(content, "key", begun)
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=20)):
        second = far.publish(content, "key", begun)
    assert first == second
    bodies = [seen.body for seen in far.front.requests("POST", PUT)]
    assert bodies[:2] == bodies[2:]
    assert len(far.server.records) == 2


@pytest.mark.parametrize("content", [Content("Aurore"), Content("Aurore", (image(),), thread=("Suite",))])
def test_a_lost_answer_is_found_by_its_key(far: Far, content: Content):
    begun = a_moment_ago()
    far.front.arm("POST", PUT, Fault(cut="after accepting"), skip=len(content.thread))
    with pytest.raises(Ambiguous):
        far.publish(content, "key", begun)
    payload = far.render(content)
    found = far.adapter().reconcile(payload, "key", begun)
    assert isinstance(found, Receipt)
    assert len(found.parts) == len(content.thread) + 1
    assert far.adapter().reconcile(payload, "key", begun + timedelta(hours=1)) == NotFound()
    assert far.adapter().reconcile(payload, "another", begun) == NotFound()
    assert far.publish(content, "key", begun) == found
    assert len(far.server.records) == len(content.thread) + 1


def test_the_same_words_twice_are_two_posts(far: Far):
    begun = a_moment_ago()
    one, two = (far.publish(Content("Bonjour"), key, begun) for key in ("key-1", "key-2"))
    assert one.remote_id != two.remote_id
    assert far.count("Bonjour") == 2


def test_half_a_thread_is_taken_up_where_it_stopped_however_late(far: Far):
    begun, content = a_moment_ago(), Content("Un", thread=("Deux", "Trois"))
    far.front.arm("POST", PUT, Fault(429), skip=1)
    with pytest.raises(Ambiguous):
        far.publish(content, "key", begun)
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=1)):
        assert far.adapter().reconcile(far.render(content), "key", begun) == NotFound()
        receipt = far.publish(content, "key", begun)
    assert len(receipt.parts) == 3
    assert len(far.server.records) == 3


def test_a_mention_that_leads_elsewhere_by_now_does_not_rewrite_what_is_out(far: Far):
    begun, content = a_moment_ago(), Content(f"Merci @{FRIEND}", thread=("Suite",))
    far.front.arm("POST", PUT, Fault(503), skip=1)
    with pytest.raises(Ambiguous):
        far.publish(content, "key", begun)
    before = dict(far.server.records)
    del far.server.handles[FRIEND]
    receipt = far.publish(content, "key", begun)
    assert len(receipt.parts) == 2
    assert all(far.server.records[uri] == kept for uri, kept in before.items())
    parent = record(far, receipt, 1)["reply"]["parent"]
    assert parent == {"uri": receipt.remote_id, "cid": before[receipt.remote_id]["cid"]}


def test_another_post_under_our_key_is_neither_overwritten_nor_claimed(far: Far):
    begun = a_moment_ago()
    far.publish(Content("Autre chose"), "key", begun)
    with pytest.raises(Duplicate):
        far.publish(Content("Bonjour"), "key", begun)
    assert far.server.texts() == ["Autre chose"]
    found = far.adapter().reconcile(far.render(Content("Bonjour")), "key", begun)
    assert isinstance(found, CannotTell)
    assert not found.again


@pytest.mark.parametrize(
    "other",
    [Content("Aurore", (image("Autre"),)), Content("Aurore"), Content("Aurore", link="https://a.example/")],
)
def test_what_differs_in_picture_or_card_is_not_taken_for_it(far: Far, other: Content):
    begun = a_moment_ago()
    far.publish(other, "key", begun)
    payload = far.render(Content("Aurore", (image(),)))
    assert isinstance(far.adapter().reconcile(payload, "key", begun), CannotTell)


@pytest.mark.parametrize(
    ("fault", "again"),
    [
        (Fault(503), True),
        (Fault(500), True),
        (Fault(429), True),
        (Fault(200, b"<html>"), True),
        (Fault(200, b'{"uri": "at://x", "cid": "b"}'), True),
        (Fault(cut="after reading"), True),
        (Fault(400, error("RepoDeactivated")), False),
        (Fault(404, error("XRPCNotSupported")), False),
    ],
)
def test_reconcile_that_cannot_read_says_so(far: Far, fault: Fault, again: bool):
    far.front.arm("GET", GET, fault)
    found = far.adapter().reconcile(far.render(Content("x")), "key", a_moment_ago())
    assert isinstance(found, CannotTell)
    assert found.again is again


def test_an_older_pds_has_no_name_for_what_is_missing(far: Far):
    far.front.arm("GET", GET, Fault(400, error("InvalidRequest", "Could not locate record: at://…")))
    assert far.adapter().reconcile(far.render(Content("x")), "key", a_moment_ago()) == NotFound()


def test_reading_needs_no_sign_in_that_may_have_run_out(far: Far):
    begun = a_moment_ago()
    receipt = far.publish(Content("Bonjour"), "key", begun)
    spent = replace(Session.read(far.secret), access=token({"sub": DID}, -10)).write()
    assert far.adapter(secret=spent).reconcile(far.render(Content("Bonjour")), "key", begun) == receipt
    assert "authorization" not in far.front.requests("GET", GET)[-1].headers


# --- Taking away and changing ---------------------------------------------------------------------
def test_a_thread_is_taken_away_from_its_end_and_twice_is_no_error(far: Far):
    receipt = far.publish(Content("a", thread=("b", "c")), "key")
    far.adapter().retract(receipt)
    path = "/xrpc/com.atproto.repo.deleteRecord"
    keys = [json.loads(seen.body)["rkey"] for seen in far.front.requests("POST", path)]
    assert keys == [part.rsplit("/", 1)[1] for part in reversed(receipt.parts)]
    assert far.server.records == {}
    far.adapter().retract(receipt)
    far.front.arm("POST", path, Fault(400, error("RecordNotFound")), times=3)
    far.adapter().retract(receipt)


def test_a_lost_answer_to_a_retraction_is_safe_to_repeat(far: Far):
    receipt = far.publish(Content("a"), "key")
    far.front.arm("POST", "/xrpc/com.atproto.repo.deleteRecord", Fault(cut="after accepting"))
    with pytest.raises(NotSent):
        far.adapter().retract(receipt)
    far.adapter().retract(receipt)


@pytest.mark.parametrize("uri", [f"at://{FRIEND_DID}/{POST}/3kabc", "nonsense", f"at://{DID}/{POST}/"])
def test_only_ones_own_posts_are_taken_away(far: Far, uri: str):
    with pytest.raises(Rejected):
        far.adapter().retract(Receipt(uri))
    assert far.front.seen == []


def test_there_is_no_changing(far: Far):
    assert not Bluesky.capabilities.edit
    receipt = far.publish(Content("a"), "key")
    payload = far.render(Content("b"))
    seen = len(far.front.seen)
    with pytest.raises(PermitRefused):
        far.adapter().correct(receipt, payload, permit_for(far.render(Content("c"))))
    with pytest.raises(Rejected):
        far.adapter().correct(receipt, payload, permit_for(payload))
    assert len(far.front.seen) == seen
    assert far.adapter().reread(receipt, far.render(Content("a"))) == receipt
    assert far.adapter().reread(receipt, payload) == NotFound()
    assert far.adapter().reread(receipt, far.render(Content("a", thread=("b",)))) == NotFound()


def test_a_permit_for_other_bytes_is_refused_before_any(far: Far):
    with pytest.raises(PermitRefused):
        far.adapter().publish(
            far.render(Content("a")), permit_for(far.render(Content("b"))), "key", a_moment_ago()
        )
    assert far.front.seen == []
