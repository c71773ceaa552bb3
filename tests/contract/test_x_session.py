"""What X's refusals mean, and signing in to it, against the strict stand-in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast
from urllib.parse import parse_qs

import httpx
import pytest

from adapters.base import (
    Adapter,
    AdapterError,
    Ambiguous,
    AuthFailed,
    Content,
    Duplicate,
    Expired,
    NotSent,
    RateLimited,
    Rejected,
    Renewing,
    Unavailable,
)
from adapters.x import X
from adapters.x_session import Session
from tests.contract.far_x import far as x_far
from tests.contract.far_x import session
from tests.contract.farside import Far, a_moment_ago, permit_for
from tests.contract.stand_ins.faulty_front import Fault
from tests.contract.stand_ins.strict_x import CLIENT, NAME, REFRESH, TOKEN, USER

pytestmark = [pytest.mark.contract, pytest.mark.pure]

CREATE, ME, TRADE = "/2/tweets", "/2/users/me", "/2/oauth2/token"


def renewing(adapter: Adapter) -> Renewing:
    return cast(Renewing, adapter)


@pytest.fixture
def far(client: httpx.Client, tmp_path: Path) -> Iterator[Far]:
    with x_far(client, tmp_path) as made:
        yield made


def problem(status: int, detail: str, **more: object) -> bytes:
    return json.dumps(
        {"title": "t", "type": "about:blank", "status": status, "detail": detail, **more}
    ).encode()


# --- What refusals mean ---------------------------------------------------------------------------
REFUSALS = [
    (403, problem(403, "You are not allowed to create a Tweet with duplicate content."), Duplicate),
    (403, b'{"errors": [{"code": 187, "message": "Status is a duplicate."}]}', Duplicate),
    (403, problem(403, "no", type="https://api.twitter.com/2/problems/client-forbidden"), AuthFailed),
    (403, problem(403, "no", type="https://api.x.com/2/problems/unsupported-authentication"), AuthFailed),
    (403, problem(403, "Your account is suspended and is not permitted to access this feature."), AuthFailed),
    (403, problem(403, "This user is not allowed to post a video longer than 20 minutes."), Rejected),
    (403, problem(403, "Reply to this conversation is not allowed."), Rejected),
    (
        402,
        problem(402, "Your enrolled account does not have any credits.", title="CreditsDepleted"),
        Rejected,
    ),
    (400, problem(400, "One or more parameters to your request was invalid."), Rejected),
    (429, problem(429, "Too Many Requests"), RateLimited),
    (500, problem(500, "Internal error"), Ambiguous),
    (503, problem(503, "Service Unavailable"), Unavailable),
    (200, b'{"errors": [{"title": "Forbidden", "detail": "no"}]}', Ambiguous),
    (201, b'{"data": {"text": "a"}}', Ambiguous),
    (201, b'{"data": {"id": 12}}', Ambiguous),
    (201, b'{"data": {"id": "../evil"}}', Ambiguous),
]


@pytest.mark.parametrize(("status", "body", "meaning"), REFUSALS)
def test_what_a_refusal_means(far: Far, status: int, body: bytes, meaning: type[AdapterError]):
    far.front.arm("POST", CREATE, Fault(status, body))
    with pytest.raises(AdapterError) as caught:
        far.publish(Content("x"), "key")
    assert type(caught.value) is meaning
    assert caught.value.public


NOW = "Wed, 21 Oct 2015 07:28:00 GMT"


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"x-rate-limit-reset": "1445413380", "Date": NOW}, 900),
        ({"x-rate-limit-reset": "1445413380", "Retry-After": "5", "Date": NOW}, 5),
        (
            {
                "x-rate-limit-reset": "1445413380",
                "x-rate-limit-remaining": "99",
                "x-user-limit-24hour-remaining": "0",
                "x-user-limit-24hour-reset": "1445416080",
                "Date": NOW,
            },
            3600,
        ),
        ({}, None),
    ],
)
def test_how_long_to_wait(far: Far, headers: dict[str, str], wait: float | None):
    far.front.arm("POST", CREATE, Fault(429, headers=headers))
    with pytest.raises(RateLimited) as caught:
        far.publish(Content("x"), "key")
    assert caught.value.retry_after == wait


def test_a_monthly_cap_is_not_over_in_a_quarter_of_an_hour(far: Far):
    said = {
        "title": "UsageCapExceeded",
        "period": "Monthly",
        "detail": "Usage cap exceeded: Monthly product cap",
    }
    body = problem(429, **said, type="https://api.twitter.com/2/problems/usage-capped")  # type: ignore[arg-type]
    far.front.arm("POST", CREATE, Fault(429, body, headers={"x-rate-limit-reset": "1445413380"}))
    with pytest.raises(RateLimited, match="monthly") as caught:
        far.publish(Content("x"), "key")
    assert caught.value.retry_after == 86_400


# --- Signing in -----------------------------------------------------------------------------------
def refused(far: Far, **changes: object) -> AdapterError:
    payload = far.render(Content("x"))
    with pytest.raises(AdapterError) as caught:
        far.adapter(secret=session(**changes).dump()).publish(
            payload, permit_for(payload), "key", a_moment_ago()
        )
    return caught.value


def test_a_token_whose_time_is_over_is_not_even_tried(far: Far):
    for changes in ({"expires": datetime.now(UTC) - timedelta(seconds=1)}, {"access": ""}):
        assert type(refused(far, **changes)) is Expired
    assert far.front.seen == []


def test_a_refused_token_is_renewed_once_and_not_for_ever(far: Far):
    far.server.access = "another"
    assert type(refused(far)) is Expired
    assert type(refused(far, issued=datetime.now(UTC))) is AuthFailed
    assert type(refused(far, refresh="")) is AuthFailed


def test_a_token_that_runs_out_in_the_middle_of_a_thread_is_not_called_harmless(far: Far):
    far.front.arm("POST", CREATE, Fault(401), skip=1)
    with pytest.raises(Ambiguous):
        far.publish(Content("Un", thread=("Deux",)), "key")


@pytest.mark.parametrize("confidential", ["", "app-secret-77"])
def test_renewing_trades_both_tokens_and_the_new_one_publishes(far: Far, confidential: str):
    far.server.client_secret = confidential
    old = session(client_secret=confidential, access="")
    renewal = renewing(far.adapter(secret=old.dump())).renew()
    fresh = Session.read(renewal.secret)
    assert (fresh.access, fresh.refresh) == (far.server.access, far.server.refresh)
    assert fresh.refresh not in {"", REFRESH}
    assert (fresh.client_id, fresh.client_secret) == (CLIENT, confidential)
    assert renewal.expires_at is not None
    assert timedelta(0) < renewal.expires_at - datetime.now(UTC) <= timedelta(hours=2)
    sent = far.front.requests("POST", TRADE)[0]
    assert parse_qs(sent.body.decode())["grant_type"] == ["refresh_token"]
    assert sent.headers.get("authorization", "").startswith("Basic ") is bool(confidential)
    payload = far.render(Content("x"))
    adapter = far.adapter(secret=renewal.secret)
    assert adapter.publish(payload, permit_for(payload), "key", a_moment_ago()).remote_id


def test_a_refresh_token_is_good_once(far: Far):
    renewing(far.adapter()).renew()
    with pytest.raises(AuthFailed) as caught:
        renewing(far.adapter()).renew()
    assert REFRESH not in str(vars(caught.value))


@pytest.mark.parametrize(
    ("fault", "meaning"),
    [
        (Fault(503), Unavailable),
        (Fault(500), Unavailable),
        (Fault(429), RateLimited),
        (Fault(200, b"{}"), Unavailable),
        (Fault(200, b"<html>"), Unavailable),
        (Fault(cut="before reading"), NotSent),
        (Fault(400, b'{"error": "invalid_grant"}'), AuthFailed),
    ],
)
def test_what_goes_wrong_while_renewing(far: Far, fault: Fault, meaning: type[AdapterError]):
    far.front.arm("POST", TRADE, fault)
    with pytest.raises(AdapterError) as caught:
        renewing(far.adapter()).renew()
    assert type(caught.value) is meaning


def test_a_refresh_token_that_is_not_replaced_stays(far: Far):
    body = b'{"token_type": "bearer", "access_token": "new", "expires_in": 7200}'
    far.front.arm("POST", TRADE, Fault(200, body))
    fresh = Session.read(renewing(far.adapter()).renew().secret)
    assert (fresh.access, fresh.refresh, fresh.scope) == ("new", REFRESH, session().scope)


def test_a_bare_access_token_works_while_it_lives(far: Far):
    payload = far.render(Content("x"))
    adapter = far.adapter(secret=TOKEN)
    assert adapter.publish(payload, permit_for(payload), "key", a_moment_ago()).remote_id
    assert Session.read(renewing(adapter).renew().secret).access == TOKEN
    far.server.access = "another"
    with pytest.raises(AuthFailed):
        renewing(adapter).renew()


@pytest.mark.parametrize(
    "secret", ["", "{", "{}", "[1]", "with space", '{"access_token": "a b"}', "accent-é"]
)
def test_a_secret_that_is_none_sends_nothing(far: Far, secret: str):
    payload = far.render(Content("x"))
    for act in (
        lambda: far.adapter(secret=secret).publish(payload, permit_for(payload), "key", a_moment_ago()),
        lambda: renewing(far.adapter(secret=secret)).renew(),
    ):
        with pytest.raises(AuthFailed):
            act()
    assert far.front.seen == []


def test_no_part_of_the_secret_shows(far: Far):
    for path in (CREATE, TRADE):
        echoed = problem(422, f"bad: {TOKEN} {REFRESH} app-secret-77")
        far.front.arm("POST", path, Fault(422, echoed))
        adapter = far.adapter(secret=session(client_secret="app-secret-77").dump())
        payload = far.render(Content("x"))
        publishing = (payload, permit_for(payload), "key", a_moment_ago())
        act, given = (adapter.publish, publishing) if path == CREATE else (adapter.renew, ())  # type: ignore[attr-defined]
        with pytest.raises(AdapterError) as caught:
            act(*given)
        assert "bad:" in caught.value.detail
        for secret in (TOKEN, REFRESH, "app-secret-77"):
            assert secret not in f"{caught.value!r}{vars(caught.value)}"


# --- Who am I -------------------------------------------------------------------------------------
def test_check_says_who_without_posting(far: Far):
    health = far.adapter().check()
    assert health.ok, health.problem
    assert (health.account, health.handle) == (f"https://x.com#{USER}", f"@{NAME}")
    assert set(health.limits) == set(X.default_limits)
    assert health.expires_at is None
    assert {seen.method for seen in far.front.seen} == {"GET"}
    receipt = far.adapter(limits=health.limits)
    payload = far.render(Content("x"))
    url = receipt.publish(payload, permit_for(payload), "key", a_moment_ago()).url
    assert url.startswith(f"https://x.com/{NAME}/status/")


def test_a_sign_in_that_may_not_publish_is_told_at_once(far: Far):
    health = far.adapter(secret=session(scope="tweet.read users.read offline.access").dump()).check()
    assert not health.ok
    assert "tweet.write" in health.problem
    assert far.adapter(secret=session(scope="").dump()).check().ok


@pytest.mark.parametrize(
    "fault", [Fault(401), Fault(403), Fault(500), Fault(200, b"<html>"), Fault(302), Fault(402)]
)
def test_check_turns_faults_into_a_sentence(far: Far, fault: Fault):
    far.front.arm("GET", ME, fault)
    health = far.adapter().check()
    assert not health.ok
    assert health.problem
