"""Bluesky: what a PDS's refusals mean, signing in and staying signed in."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from adapters.base import (
    AdapterError,
    Ambiguous,
    AuthFailed,
    CannotTell,
    Content,
    Expired,
    NotSent,
    RateLimited,
    Receipt,
    Rejected,
    Unavailable,
)
from adapters.bluesky import Bluesky
from adapters.bluesky_session import Session
from tests.contract import far_bluesky
from tests.contract.farside import Far, a_moment_ago, image, permit_for
from tests.contract.stand_ins.faulty_front import Fault
from tests.contract.stand_ins.strict_bluesky import (
    DID,
    FRIEND,
    FRIEND_DID,
    HANDLE,
    PASSWORD,
)

pytestmark = [pytest.mark.contract, pytest.mark.pure]

PUT, GET = far_bluesky.CREATE, "/xrpc/com.atproto.repo.getRecord"
CREATE_SESSION = "/xrpc/com.atproto.server.createSession"
REFRESH = "/xrpc/com.atproto.server.refreshSession"


@pytest.fixture
def far(client: httpx.Client, tmp_path: Path) -> Iterator[Far]:
    with far_bluesky.far(client, tmp_path) as made:
        yield made


def renewing(far: Far, secret: str | None = None) -> Bluesky:
    """The adapter as what it is: only some networks have `renew`."""
    made = far.adapter(secret=far.secret if secret is None else secret)
    assert isinstance(made, Bluesky)
    return made


def error(name: str, message: str = "") -> bytes:
    return json.dumps({"error": name, "message": message}).encode()


# --- What its refusals mean -----------------------------------------------------------------------
@pytest.mark.parametrize(
    ("status", "name", "meaning"),
    [
        (400, "ExpiredToken", Expired),
        (400, "InvalidToken", Expired),
        (401, "AuthMissing", Expired),
        (401, "AuthenticationRequired", Expired),
        (401, "AccountTakedown", AuthFailed),
        (400, "AccountDeactivated", AuthFailed),
        (403, "ScopeMissingError", AuthFailed),
        (403, "Forbidden", Rejected),
        (400, "InvalidRequest", Rejected),
        (400, "BlobTooLarge", Rejected),
        (413, "PayloadTooLarge", Rejected),
        (404, "XRPCNotSupported", Rejected),
        (429, "RateLimitExceeded", RateLimited),
        (500, "InternalServerError", Ambiguous),
        (501, "MethodNotImplemented", Ambiguous),
        (502, "UpstreamFailure", Ambiguous),
        (503, "NotEnoughResources", Unavailable),
        (504, "UpstreamTimeout", Ambiguous),
    ],
)
def test_what_each_refusal_means(far: Far, status: int, name: str, meaning: type[AdapterError]):
    far.front.arm("POST", PUT, Fault(status, error(name, "so it is")))
    with pytest.raises(AdapterError) as caught:
        far.publish(Content("x"), "key")
    assert type(caught.value) is meaning
    assert caught.value.public
    if name != "MethodNotImplemented" and meaning is not RateLimited:
        assert name in caught.value.detail


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[]",
        b"<html>",
        b'{"uri": "at://x"}',
        b'{"uri": null, "cid": "b"}',
        b'{"uri": "at://did:plc:other/app.bsky.feed.post/3k", "cid": "bafy"}',
    ],
)
def test_an_answer_that_makes_no_sense_is_no_success(far: Far, body: bytes):
    far.front.arm("POST", PUT, Fault(200, body))
    with pytest.raises(Ambiguous):
        far.publish(Content("x"), "key")


@pytest.mark.parametrize(
    "body", [b"{}", b'{"blob": "b"}', b'{"blob": {"ref": "b"}}', b'{"blob": {"ref": {"$link": 1}}}']
)
def test_an_upload_whose_answer_makes_no_sense_publishes_nothing(far: Far, body: bytes):
    far.front.arm("POST", far.upload, Fault(200, body))
    with pytest.raises(Unavailable):
        far.publish(Content("x", (image(),)), "key")
    assert far.server.records == {}


def test_the_network_says_when_its_limit_ends(far: Far):
    at = int(time.time()) + 1800
    headers = {"RateLimit-Limit": "1666", "RateLimit-Remaining": "0", "RateLimit-Reset": str(at)}
    far.front.arm("POST", PUT, Fault(429, error("RateLimitExceeded"), headers=headers))
    with pytest.raises(RateLimited) as caught:
        far.publish(Content("x"), "key")
    assert caught.value.retry_after == pytest.approx(1800, abs=30)


def test_none_of_the_three_secrets_ever_shows(far: Far):
    session = Session.read(far.secret)
    echo = error("InvalidRequest", f"{session.refresh[-60:]} {PASSWORD} {session.access}")
    far.front.arm("POST", PUT, Fault(400, echo))
    with pytest.raises(Rejected) as caught:
        far.publish(Content("x"), "key")
    shown = f"{caught.value}{caught.value!r}{vars(caught.value)}"
    assert PASSWORD not in shown
    assert session.access not in shown
    far.front.arm("POST", REFRESH, Fault(503, error("Busy", f"{session.refresh} {PASSWORD}")))
    with pytest.raises(Unavailable) as refreshing:
        renewing(far).renew()
    assert session.refresh[:20] not in str(vars(refreshing.value))


# --- Signing in -----------------------------------------------------------------------------------
def test_a_bare_password_must_sign_in_first_and_nothing_is_sent(far: Far):
    payload = far.render(Content("x"))
    adapter = far.adapter(secret=PASSWORD)
    with pytest.raises(Expired):
        adapter.publish(payload, permit_for(payload), "key", a_moment_ago())
    health = adapter.check()
    assert not health.ok
    assert "signed in" in health.problem
    found = adapter.reconcile(payload, "key", a_moment_ago())
    assert isinstance(found, CannotTell)
    assert found.again
    assert far.front.seen == []


@pytest.mark.parametrize("secret", ["", "line\nbreak", "nul\x00"])
def test_a_malformed_password_reaches_nobody(far: Far, secret: str):
    with pytest.raises(AuthFailed):
        renewing(far, secret).renew()
    assert far.front.seen == []


def test_the_first_renewal_signs_in_and_the_ones_after_refresh(far: Far):
    first = renewing(far, f" {PASSWORD}\n").renew()
    session = Session.read(first.secret)
    assert (session.password, session.did, session.handle) == (PASSWORD, DID, HANDLE)
    assert first.expires_at is not None
    assert timedelta(minutes=110) < first.expires_at - datetime.now(UTC) <= timedelta(minutes=120)
    assert session.expires_at == first.expires_at.isoformat()
    second = renewing(far, first.secret).renew()
    assert Session.read(second.secret).refresh != session.refresh
    assert far.server.sign_ins == 1
    assert far.adapter(secret=second.secret).check().ok
    signed = far.front.requests("POST", REFRESH)[0]
    assert signed.headers["authorization"] == f"Bearer {session.refresh}"
    assert signed.body == b""


def test_a_refresh_token_that_is_no_longer_good_leads_back_to_the_password(far: Far):
    spent = far.secret
    renewing(far, spent).renew()
    fresh = renewing(far, spent).renew()
    assert far.server.sign_ins == 1
    form = json.loads(far.front.requests("POST", CREATE_SESSION)[0].body)
    assert form == {"identifier": DID, "password": PASSWORD}, "by the DID: the handle may be another's by now"
    assert far.adapter(secret=fresh.secret).check().ok


@pytest.mark.parametrize("fault", [Fault(503), Fault(500), Fault(cut="after accepting"), Fault(200, b"{}")])
def test_a_refresh_that_merely_failed_does_not_spend_a_sign_in(far: Far, fault: Fault):
    far.front.arm("POST", REFRESH, fault)
    with pytest.raises((Unavailable, NotSent)):
        renewing(far).renew()
    assert far.server.sign_ins == 0


def test_a_wrong_password_needs_a_person(far: Far):
    with pytest.raises(AuthFailed) as caught:
        renewing(far, "wrong-pass").renew()
    assert not isinstance(caught.value, Expired)
    assert "wrong-pass" not in str(vars(caught.value))
    revoked = Session.read(far.secret)
    far.server.refreshable.clear()
    with pytest.raises(AuthFailed):
        renewing(far, replace(revoked, password="").write()).renew()


def test_the_accounts_own_password_with_a_second_factor_is_explained(far: Far):
    far.server.asks_for_a_code = True
    with pytest.raises(AuthFailed, match="app password"):
        renewing(far, PASSWORD).renew()


def test_too_many_sign_ins_wait(far: Far):
    far.server.sign_ins_allowed = 0
    with pytest.raises(RateLimited) as caught:
        renewing(far, PASSWORD).renew()
    assert caught.value.retry_after == 240


def test_another_account_is_not_taken_for_ours(far: Far):
    answer = {"did": FRIEND_DID, "handle": FRIEND, "accessJwt": "a", "refreshJwt": "r"}
    far.front.arm("POST", REFRESH, Fault(200, json.dumps(answer).encode()))
    with pytest.raises(AuthFailed):
        renewing(far).renew()


@pytest.mark.parametrize("opaque", ["opaque", "a.b.c", "a.e30.c", "a.eyJleHAiOiAieCJ9.c", "a.W10.c"])
def test_a_token_that_does_not_say_when_it_ends(far: Far, opaque: str):
    answer = {"did": DID, "handle": HANDLE, "accessJwt": opaque, "refreshJwt": "r"}
    far.front.arm("POST", REFRESH, Fault(200, json.dumps(answer).encode()))
    assert renewing(far).renew().expires_at is None


def test_a_token_that_runs_out_on_the_way_is_renewed_and_the_post_is_out_once(far: Far):
    begun, content = a_moment_ago(), Content("Bonjour", (image(),))
    far.server.token_life_s = -1
    spent = far_bluesky.signed_in(far.server)
    payload = far.render(content)
    with pytest.raises(Expired) as caught:
        far.adapter(secret=spent).publish(payload, permit_for(payload), "key", begun)
    assert caught.value.status == 400
    assert not far.adapter(secret=spent).check().ok
    far.server.token_life_s = 7200
    fresh = renewing(far, spent).renew().secret
    receipt = far.adapter(secret=fresh).publish(payload, permit_for(payload), "key", begun)
    assert far.server.texts() == ["Bonjour"]
    assert isinstance(receipt, Receipt)


# --- Who am I -------------------------------------------------------------------------------------
def test_check_names_the_account_by_its_did(far: Far):
    health = far.adapter().check()
    assert health.ok, health.problem
    assert (health.account, health.handle) == (DID, f"@{HANDLE}")
    assert health.url == f"https://bsky.app/profile/{HANDLE}"
    assert health.expires_at is None
    assert set(health.limits) == set(Bluesky.default_limits)
    assert [seen.method for seen in far.front.seen] == ["GET"]


@pytest.mark.parametrize("status", ["deactivated", "suspended"])
def test_an_account_that_is_not_active_is_told(far: Far, status: str):
    far.server.standing = {"active": False, "status": status}
    health = far.adapter().check()
    assert not health.ok
    assert health.params == {"status": status}
    assert status in health.problem % health.params


def test_check_turns_faults_into_a_sentence(far: Far):
    path = "/xrpc/com.atproto.server.getSession"
    other = json.dumps({"did": FRIEND_DID, "handle": FRIEND}).encode()
    for fault in (Fault(401), Fault(500), Fault(200, b"<html>"), Fault(302), Fault(200, other)):
        far.front.arm("GET", path, fault)
        health = far.adapter().check()
        assert not health.ok
        assert health.problem
    far.server.standing = {"active": False, "status": "takendown"}
    assert not far.adapter().check().ok
