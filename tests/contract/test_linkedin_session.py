"""LinkedIn's sign-in: what the secret holds, its end, its renewal, and what the member may do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import httpx
import pytest

from adapters.base import (
    Adapter,
    AdapterError,
    Ambiguous,
    AuthFailed,
    CannotTell,
    Connection,
    Content,
    Expired,
    NotSent,
    Receipt,
    Renewing,
    Unavailable,
)
from adapters.linkedin import NO_ROLE, LinkedIn
from adapters.linkedin_session import MAY_NOT, Session
from tests.contract.far_linkedin import far as linkedin_far
from tests.contract.far_linkedin import session
from tests.contract.farside import Far, a_moment_ago, permit_for
from tests.contract.stand_ins.faulty_front import Fault
from tests.contract.stand_ins.strict_linkedin import CLIENT, CLIENT_SECRET, REFRESH, TOKEN

pytestmark = [pytest.mark.contract, pytest.mark.pure]

TRADE, INTROSPECT, CREATE = "/oauth/v2/accessToken", "/oauth/v2/introspectToken", "/rest/posts"
TOMORROW = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
YESTERDAY = TOMORROW - timedelta(days=2)


def renewing(adapter: Adapter) -> Renewing:
    return cast(Renewing, adapter)


@pytest.fixture
def far(client: httpx.Client, tmp_path: Path) -> Iterator[Far]:
    with linkedin_far(client, tmp_path) as made:
        yield made


def as_json(**said: object) -> str:
    return json.dumps({"access": TOKEN, **said})


def publish(far: Far, secret: str, text: str = "Aurore") -> Receipt:
    payload = far.render(Content(text))
    return far.adapter(secret=secret).publish(payload, permit_for(payload), "key", a_moment_ago())


# --- What the secret holds ------------------------------------------------------------------------
def test_a_secret_is_read_as_it_was_written():
    whole = session(refresh_expires=TOMORROW)
    assert Session.read(whole.dump()) == whole
    assert Session.read(f"  {TOKEN} ") == Session(access=TOKEN)


def test_the_answer_of_linkedins_sign_in_will_do_as_it_is():
    said = {"access_token": "a", "refresh_token": "b", "client_id": "c", "client_secret": "d"}
    read = Session.read(json.dumps({**said, "expires_at": int(TOMORROW.timestamp())}))
    assert read == Session("a", "b", "c", "d", TOMORROW)
    assert read.renewable


@pytest.mark.parametrize(
    "secret", ["", "{", "[1]", "{}", '{"access": 7}', '{"expires_at": 1e99}', "[" * 9999]
)
def test_of_what_cannot_be_read_nothing_is_sent(far: Far, secret: str):
    with pytest.raises(AuthFailed):
        publish(far, secret)
    with pytest.raises(AuthFailed):
        renewing(far.adapter(secret=secret)).renew()
    assert not far.adapter(secret=secret).check().ok
    assert far.front.seen == []


# --- Until when -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("secret", "ends"),
    [
        (TOKEN, None),
        (as_json(expires_at=TOMORROW.isoformat()), TOMORROW),
        (as_json(expires_at=int(TOMORROW.timestamp())), TOMORROW),
        (as_json(expires_at=TOMORROW.isoformat(), refresh=REFRESH), TOMORROW),
        (session(refresh_expires=None).dump(), None),
        (session(refresh_expires=TOMORROW).dump(), TOMORROW),
    ],
    ids=["bare", "iso", "epoch", "no client for the refresh", "renewed", "the refresh token ends"],
)
def test_the_end_shows_before_it_stops_a_release(far: Far, secret: str, ends: datetime | None):
    health = far.adapter(secret=secret).check()
    assert health.ok, health.problem
    assert health.expires_at == ends


def test_an_end_that_nobody_wrote_down_is_asked_of_linkedin(far: Far):
    secret = as_json(client_id=CLIENT, client_secret=CLIENT_SECRET)
    ends = far.server.expires_at.replace(microsecond=0)
    assert far.adapter(secret=secret).check().expires_at == ends
    renewal = renewing(far.adapter(secret=secret)).renew()
    assert (renewal.secret, renewal.expires_at) == (secret, ends)
    far.server.access = "another"
    with pytest.raises(AuthFailed):
        renewing(far.adapter(secret=secret)).renew()


# Named, because the workers of a run must know a test by the same name, whenever each began.
@pytest.mark.parametrize(
    ("secret", "ends"),
    [(TOKEN, None), (as_json(expires_at=TOMORROW.isoformat()), TOMORROW)],
    ids=["a bare token", "its end is known"],
)
def test_without_a_refresh_token_the_secret_stays(far: Far, secret: str, ends: datetime | None):
    renewal = renewing(far.adapter(secret=secret)).renew()
    assert (renewal.secret, renewal.expires_at) == (secret, ends)
    assert far.front.seen == []


def test_without_a_refresh_token_the_end_is_the_end(far: Far):
    secret = as_json(expires_at=YESTERDAY.isoformat())
    with pytest.raises(AuthFailed):
        renewing(far.adapter(secret=secret)).renew()
    with pytest.raises(AuthFailed) as caught:
        publish(far, secret)
    assert not isinstance(caught.value, Expired)
    assert not far.adapter(secret=secret).check().ok
    assert far.front.seen == []


# --- Renewing -------------------------------------------------------------------------------------
def test_a_refresh_token_brings_a_fresh_access_token(far: Far):
    before = datetime.now(UTC)
    renewal = renewing(far.adapter(secret=session(expires=YESTERDAY).dump())).renew()
    fresh = Session.read(renewal.secret)
    assert fresh.access == far.server.access != TOKEN
    assert fresh.refresh == REFRESH
    assert fresh.expires == renewal.expires_at
    assert fresh.expires
    assert fresh.refresh_expires
    assert before + timedelta(days=59) < fresh.expires < before + timedelta(days=61)
    assert before + timedelta(days=364) < fresh.refresh_expires < before + timedelta(days=366)
    assert publish(far, renewal.secret).remote_id


def test_what_ran_out_is_said_before_a_byte_leaves_and_is_renewed(far: Far):
    for secret in (session(expires=YESTERDAY).dump(), session(access="", expires=None).dump()):
        with pytest.raises(Expired):
            publish(far, secret)
    assert far.front.seen == []


def test_a_token_refused_right_after_it_was_given_is_not_traded_for_ever(far: Far):
    with pytest.raises(Expired):
        publish(far, session(access="old").dump())
    with pytest.raises(AuthFailed) as caught:
        publish(far, session(access="old", issued=datetime.now(UTC)).dump())
    assert not isinstance(caught.value, Expired)
    with pytest.raises(AuthFailed) as caught:
        publish(far, "old")
    assert not isinstance(caught.value, Expired)


def test_a_refresh_token_that_is_over_needs_a_person(far: Far):
    with pytest.raises(AuthFailed):
        renewing(far.adapter(secret=session(refresh_expires=YESTERDAY).dump())).renew()
    assert far.front.seen == []
    for changes in ({"refresh": "spent"}, {"client_secret": "wrong"}):
        with pytest.raises(AuthFailed) as caught:
            renewing(far.adapter(secret=session(**changes).dump())).renew()
        assert far.shown(str(caught.value)) == []


@pytest.mark.parametrize(
    ("fault", "meaning"),
    [
        (Fault(500), Unavailable),
        (Fault(200, b"{}"), Unavailable),
        (Fault(200, b"<html>"), Unavailable),
        (Fault(cut="after reading"), NotSent),
    ],
)
def test_a_renewal_that_fails_by_chance_is_tried_again(far: Far, fault: Fault, meaning: type[AdapterError]):
    far.front.arm("POST", TRADE, fault)
    with pytest.raises(meaning):
        renewing(far.adapter()).renew()
    assert renewing(far.adapter()).renew().secret


def test_the_sign_in_is_linkedins_own_host():
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        assert "authorization" not in request.headers
        return httpx.Response(200, json={"access_token": "a", "expires_in": 5184000})

    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        connection = Connection("c", {"organization": "1"}, {}, session().dump(), client, {}.__getitem__)
        fresh = Session.read(LinkedIn(connection).renew().secret)
    assert asked == ["https://www.linkedin.com/oauth/v2/accessToken"]
    assert (fresh.access, fresh.refresh) == ("a", REFRESH)


# --- Who, and what they may -----------------------------------------------------------------------
def test_who_it_is(far: Far):
    health = far.adapter().check()
    assert health.account == "https://www.linkedin.com#5583111"
    assert health.handle == "Maison Lumière"
    assert health.url == "https://www.linkedin.com/company/maison-lumiere/"
    assert not [seen for seen in far.front.seen if seen.method != "GET"]


@pytest.mark.parametrize(
    ("role", "well"),
    [
        ("ADMINISTRATOR", True),
        ("CONTENT_ADMINISTRATOR", True),
        ("DIRECT_SPONSORED_CONTENT_POSTER", True),
        ("ANALYST", False),
        ("CURATOR", False),
    ],
)
def test_the_members_role_on_the_page(far: Far, role: str, well: bool):
    far.server.role = role
    health = far.adapter().check()
    assert health.ok is well
    assert health.problem == ("" if well else NO_ROLE)


def test_rights_that_are_missing_are_named(far: Far):
    far.server.rights = {"r_organization_social"}
    assert far.adapter().check().problem == MAY_NOT
    with pytest.raises(AuthFailed) as caught:
        publish(far, far.secret)
    assert caught.value.public == MAY_NOT


@pytest.mark.parametrize(
    "path",
    ["/rest/organizations/5583111", "/rest/organizationAcls"],
    ids=["page", "roles"],
)
@pytest.mark.parametrize(
    "fault",
    [
        Fault(401),
        Fault(403),
        Fault(429),
        Fault(500),
        Fault(302),
        Fault(200, b"[]"),
        Fault(cut="after reading"),
    ],
)
def test_trouble_becomes_a_sentence(far: Far, path: str, fault: Fault):
    secret = as_json(client_id=CLIENT, client_secret=CLIENT_SECRET)
    far.front.arm("*", path, fault)
    health = far.adapter(secret=secret).check()
    assert not health.ok
    assert health.problem
    assert far.shown(repr(health)) == []


@pytest.mark.parametrize(("status", "well"), [(500, True), (429, True), (401, False)])
def test_not_knowing_the_end_for_once_stops_nothing(far: Far, status: int, well: bool):
    far.front.arm("POST", INTROSPECT, Fault(status))
    health = far.adapter(secret=as_json(client_id=CLIENT, client_secret=CLIENT_SECRET)).check()
    assert health.ok is well
    assert health.expires_at is None


def test_looking_with_a_token_that_ran_out_is_worth_another_look(far: Far):
    far.front.arm("POST", CREATE, Fault(cut="after accepting"))
    with pytest.raises(Ambiguous):
        publish(far, far.secret)
    payload = far.render(Content("Aurore"))
    for secret, again in ((session(expires=YESTERDAY).dump(), True), ("old", False)):
        for found in (
            far.adapter(secret=secret).reconcile(payload, "key", a_moment_ago()),
            far.adapter(secret=secret).reread(Receipt("urn:li:share:1"), payload),
        ):
            assert isinstance(found, CannotTell)
            assert found.again is again


@pytest.mark.parametrize("lost", ["w_organization_social", "r_organization_social", "rw_organization_admin"])
def test_a_right_that_a_sign_in_did_not_bring_is_said_before_a_release_needs_it(far: Far, lost: str):
    """Reading the page needs none of the rights to write: so what was given is compared too, where it is known."""
    rights = {"w_organization_social", "r_organization_social", "rw_organization_admin"}
    assert far.adapter(secret=session(scope=",".join(sorted(rights))).dump()).check().ok
    health = far.adapter(secret=session(scope=" ".join(sorted(rights - {lost}))).dump()).check()
    assert not health.ok
    assert "w_organization_social" in health.problem
