"""The whole way of a post, with real processes: a publish worker, a ticker, Valkey, and Mastodon's API over
HTTP (PyPI's mastodon-mock). Whatever is not the story of an approved post arrives nowhere."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from accounts.refusals import Refused
from approvals.expertise import revoke
from approvals.models import Credential, Verdict
from approvals.reviewing import Word, decide, revise
from approvals.steering import hold, reschedule
from journal.sealing import seal
from journal.verifying import verify
from posts.lifecycle import DeliveryState, PostState
from posts.models import Post
from posts.scheduling import next_free_slots
from publishing.models import Attempt, Outcome
from tests.conftest import Launch
from tests.staging import ALT, House, delivery_of, digest_of, fresh, house, picture, say, soon

pytestmark = [pytest.mark.processes, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
TOKEN = "mock_token"
PATIENCE_S = 60


@dataclass
class Server:
    """mastodon-mock, looked at without our adapter."""

    url: str
    http: httpx.Client

    def statuses(self) -> list[dict[str, Any]]:
        me = self.http.get("/api/v1/accounts/verify_credentials").json()["id"]
        found: list[dict[str, Any]] = self.http.get(
            f"/api/v1/accounts/{me}/statuses", params={"limit": 40}
        ).json()
        return found

    def having(self, text: str) -> list[dict[str, Any]]:
        return [one for one in self.statuses() if text in one["content"]]


@pytest.fixture
def mastodon(launch: Launch, free_port: Callable[[], int]) -> Iterator[Server]:
    """A server of its own for each test, so that what arrives is this test's."""
    port = free_port()
    command = [sys.executable, "-m", "mastodon_mock", "serve", "--in-memory", "--port", str(port)]
    launch([*command, "--log-level", "critical"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False) as http:
        until(lambda: _answers(http))
        yield Server(url, http)


def _answers(http: httpx.Client) -> bool:
    try:
        return http.get("/api/v2/instance").status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
def lumiere(child_environment: dict[str, str], mastodon: Server) -> House:
    made = house()
    made.connect("mastodon", "mastodon", TOKEN, base_url=mastodon.url)
    return made


@pytest.fixture
def engine(lumiere: House, manage: Launch) -> None:
    """One worker and one ticker, as `manage.py up` starts them."""
    manage("publish_worker")
    manage("tick")


def until(true: Callable[[], object], what: str = "it") -> None:
    """Waits for something that another process does."""
    give_up = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < give_up, f"{what} did not happen"
        time.sleep(0.05)


def until_state(post: Post, *states: PostState) -> Post:
    until(lambda: fresh(post).lifecycle in states, f"{' or '.join(states)} (it is {fresh(post).state})")
    return fresh(post)


def a_window() -> dict[str, str]:
    """Around now, so that a test at midnight does not move a slot into another day's window."""
    return {"from": soon(-3600).isoformat(), "until": soon(3600).isoformat()}


def slot(seconds: float) -> dict[str, Any]:
    return {"slot": soon(seconds).isoformat(), "window": a_window()}


def when(status: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(status["created_at"]).astimezone(UTC)


# --- The story ----------------------------------------------------------------------------------------
def test_a_draft_travels_through_the_gate_to_a_mastodon_server(
    lumiere: House, mastodon: Server, engine: None
) -> None:
    ines, nadia = lumiere.ines, lumiere.nadia
    image = picture(ines, lumiere.brand)
    post = lumiere.submitted(
        "Nos ampoules durent toute la vie.",
        media=[{"id": image.pk, "alt": ALT}],
        options={"mastodon": {"language": "fr", "visibility": "unlisted"}},
        **slot(15),
    )
    say(nadia, post, Verdict.REQUEST_CHANGES, "Dis « cinq ans » : c’est dans la notice.")
    assert fresh(post).lifecycle is PostState.CHANGES_REQUESTED
    revise(ines, post.pk, {"text": "Nos ampoules durent cinq ans."})
    assert fresh(post).lifecycle is PostState.IN_REVIEW
    assert mastodon.statuses() == []
    seen = digest_of(post)
    decide(nadia, post.pk, Word(Verdict.APPROVE.value, seen))
    assert fresh(post).lifecycle is PostState.SCHEDULED

    post = until_state(post, PostState.PUBLISHED, PostState.FAILED, PostState.UNKNOWN)
    (status,) = mastodon.statuses()
    assert "Nos ampoules durent cinq ans." in status["content"]
    assert (status["language"], status["visibility"]) == ("fr", "unlisted")
    assert [item["description"] for item in status["media_attachments"]] == [ALT]
    delivery, attempt = delivery_of(post), Attempt.objects.get()
    assert post.slot is not None
    assert attempt.started_at >= post.slot, "it was early"
    assert (delivery.lifecycle, delivery.remote_id) == (DeliveryState.DELIVERED, status["id"])
    assert delivery.url == status["url"] != ""
    assert (attempt.outcome, attempt.remote_id) == (Outcome.DELIVERED, status["id"])
    assert attempt.permit is not None and attempt.permit.digest == seen
    assert attempt.permit.gate_decision.allowed
    _the_chain_verifies(lumiere)


def _the_chain_verifies(lumiere: House) -> None:
    seal()
    verification = verify(lumiere.brand)
    assert verification.fault is None
    assert verification.sealed > 10


# --- Nothing arrives ----------------------------------------------------------------------------------
def test_without_a_current_approval_by_the_qualified_nothing_arrives(
    lumiere: House, mastodon: Server, engine: None
) -> None:
    """One slot for all of them. The control, approved as it should be, is what shows that the worker and the
    ticker were at work when the others' slot came."""
    due = slot(25)
    ines, nadia = lumiere.ines, lumiere.nadia
    control = lumiere.approved("the control", **due)
    unread = lumiere.submitted("nobody read it", **due)
    stale = lumiere.approved("approved, then edited", **due)
    revise(ines, stale.pk, {"text": "edited after the approval"})
    own = lumiere.submitted("approved by its author", author=nadia, **due)
    with pytest.raises(Refused) as refused:
        say(nadia, own)
    assert refused.value.code == "contributor"
    edited_by_nadia = lumiere.submitted("rewritten by its reviewer", **due)
    revise(nadia, edited_by_nadia.pk, {"text": "her own words"})
    with pytest.raises(Refused):
        say(nadia, edited_by_nadia)
    by_a_director = lumiere.submitted("approved by a director", **due)
    say(lumiere.denis, by_a_director)
    by_a_director_at_one = lumiere.submitted("approved by a director at level 1", **due)
    say(lumiere.delphine, by_a_director_at_one)
    by_half_an_expert = lumiere.submitted("approved by somebody who does not know the company", **due)
    say(lumiere.marc, by_half_an_expert)
    by_the_owner = lumiere.submitted("approved by the owner", **due)
    say(lumiere.olga, by_the_owner)
    held = lumiere.approved("held just before its slot", **due)
    hold(ines, held.pk, "not now")
    revoked = lumiere.submitted("its approver lost their standing", **due)
    say(lumiere.hugo, revoked)
    assert fresh(revoked).lifecycle is PostState.SCHEDULED
    revoke(lumiere.olga, Credential.objects.get(user=lumiere.hugo, domain="company").pk, "a cause")

    unapproved = [
        *(
            unread,
            stale,
            own,
            edited_by_nadia,
            by_a_director,
            by_a_director_at_one,
            by_half_an_expert,
            by_the_owner,
        )
    ]
    assert {fresh(one).lifecycle for one in unapproved} == {PostState.IN_REVIEW}
    assert mastodon.statuses() == []
    until_state(control, PostState.PUBLISHED)
    for post in unapproved:
        missed = until_state(post, PostState.MISSED, PostState.PUBLISHED)
        assert missed.lifecycle is PostState.MISSED
        assert delivery_of(post).lifecycle is DeliveryState.MISSED
    assert fresh(held).lifecycle is PostState.HELD
    revoked = until_state(revoked, PostState.HELD, PostState.PUBLISHED)
    assert revoked.lifecycle is PostState.HELD
    assert [reason["params"]["domain"] for reason in revoked.reasons if "domain" in reason["params"]] == [
        "company"
    ]
    (status,) = mastodon.statuses()
    assert "the control" in status["content"]
    assert Attempt.objects.count() == 1
    _the_chain_verifies(lumiere)


# --- Slots --------------------------------------------------------------------------------------------
def test_a_slot_moved_inside_the_window_is_the_new_time(
    lumiere: House, mastodon: Server, engine: None
) -> None:
    earlier, later = (
        lumiere.approved("moved to sooner", **slot(1800)),
        lumiere.approved("moved to later", **slot(8)),
    )
    new = soon(12)
    reschedule(lumiere.ines, earlier.pk, new.isoformat())
    reschedule(lumiere.ines, later.pk, new.isoformat())
    assert {fresh(one).lifecycle for one in (earlier, later)} == {PostState.SCHEDULED}
    for post in (earlier, later):
        until_state(post, PostState.PUBLISHED)
    assert len(mastodon.statuses()) == 2
    assert all(attempt.started_at >= new for attempt in Attempt.objects.all())


def test_a_slot_that_passed_before_the_approval_is_missed_and_the_next_free_one_is_offered(
    lumiere: House, mastodon: Server, engine: None
) -> None:
    post = lumiere.submitted("too late", **slot(3))
    until_state(post, PostState.MISSED)
    with pytest.raises(Refused):
        reschedule(lumiere.ines, post.pk, soon(-1).isoformat())
    (offered,) = next_free_slots(lumiere.brand, soon(0), 1)
    assert offered > soon(0)
    # Approved all the same, it waits for a person to give it a slot, and goes out at that one.
    say(lumiere.nadia, post)
    assert fresh(post).lifecycle is PostState.MISSED
    reschedule(lumiere.ines, post.pk, soon(4).isoformat())
    until_state(post, PostState.PUBLISHED)
    assert len(mastodon.statuses()) == 1


def test_on_approval_goes_out_as_soon_as_the_gate_opens(
    lumiere: House, mastodon: Server, engine: None
) -> None:
    post = lumiere.submitted("as soon as you say so", slot="on_approval")
    assert mastodon.statuses() == []
    say(lumiere.nadia, post)
    post = until_state(post, PostState.PUBLISHED)
    assert len(mastodon.statuses()) == 1
    lateness = delivery_of(post).lateness()
    assert lateness is not None and lateness < timedelta(seconds=PATIENCE_S)


def test_a_single_tick_suffices_for_one_release(lumiere: House, mastodon: Server, manage: Launch) -> None:
    """`tick --once` from a timer: the hint waits in Valkey for a worker that starts later."""
    post = lumiere.approved("ticked by hand", slot="on_approval")
    assert manage("tick", "--once").wait(PATIENCE_S) == 0
    assert fresh(post).lifecycle is PostState.SCHEDULED
    manage("publish_worker")
    until_state(post, PostState.PUBLISHED)
    assert len(mastodon.having("ticked by hand")) == 1
