"""The whole way of a post, with real processes: a publish worker, a ticker, Valkey, and Mastodon's API over
HTTP (PyPI's mastodon-mock). People act through our own HTTP API, with nothing but their tokens. Whatever is
not the story of an approved post arrives nowhere."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
import pytest

from accounts.models import Brand, User
from approvals.expertise import revoke
from approvals.models import Credential
from cm_queue.seeding import lamp_picture
from posts.lifecycle import DeliveryState, PostState
from posts.scheduling import next_free_slots
from publishing.models import Attempt
from tests.api.conftest import Caller, token_for
from tests.conftest import Launch
from tests.staging import ALT, house, soon

pytestmark = [pytest.mark.processes, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
TOKEN = "mock_token"
PATIENCE_S = 60
Json = dict[str, Any]


# --- The far side -------------------------------------------------------------------------------------
@dataclass
class Server:
    """mastodon-mock, looked at without our adapter."""

    url: str
    http: httpx.Client

    def statuses(self) -> list[Json]:
        me = self.http.get("/api/v1/accounts/verify_credentials").json()["id"]
        found: list[Json] = self.http.get(f"/api/v1/accounts/{me}/statuses", params={"limit": 40}).json()
        return found


@pytest.fixture
def mastodon(launch: Launch, free_port: Callable[[], int]) -> Iterator[Server]:
    """A server of its own for each test, so that what arrives is this test's."""
    port = free_port()
    command = [sys.executable, "-m", "mastodon_mock", "serve", "--in-memory", "--port", str(port)]
    launch([*command, "--log-level", "critical"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False) as http:
        until(lambda: _answers(http), "mastodon-mock")
        yield Server(url, http)


def _answers(http: httpx.Client) -> bool:
    try:
        return http.get("/api/v2/instance").status_code == 200
    except httpx.TransportError:
        return False


# --- Our side -----------------------------------------------------------------------------------------
class Desk:
    """The house, through its HTTP API: each verb answers JSON, or the refusal's code."""

    def __init__(self, brand: Brand, people: dict[str, User]) -> None:
        self.brand = brand
        self.people = people
        self.callers = {name: Caller(user, token_for(user, brand)) for name, user in people.items()}

    def do(self, who: str, method: str, path: str, body: Any = None, **headers: str) -> Json:
        answer = self.callers[who].call(method, path, body, **headers)
        told: Json = answer.json()
        assert answer.status_code < 500, told
        return told

    def post(self, pk: int) -> Json:
        return self.do("ines", "GET", f"/posts/{pk}")

    def state(self, pk: int) -> str:
        return str(self.post(pk)["state"])

    def submitted(self, text: str, who: str = "ines", **fields: Any) -> int:
        fields = {"channels": ["mastodon"], "text": text, **fields}
        made = self.do(who, "POST", f"/brands/{self.brand.slug}/posts", fields)
        assert self.do(who, "POST", f"/posts/{made['id']}/submit")["state"] == PostState.IN_REVIEW, made
        return int(made["id"])

    def say(self, who: str, pk: int, decision: str = "approve", comment: str = "") -> Json:
        seen = self.post(pk)["revision"]["digest"]
        body = {"decision": decision, "digest": seen, "comment": comment}
        return self.do(who, "POST", f"/posts/{pk}/decisions", body)

    def approved(self, text: str, **fields: Any) -> int:
        pk = self.submitted(text, **fields)
        self.say("nadia", pk)
        return pk

    def edit(self, who: str, pk: int, text: str) -> Json:
        number = self.post(pk)["revision"]["number"]
        return self.do(who, "PATCH", f"/posts/{pk}", {"text": text}, If_Match=f'"{number}"')

    def move(self, pk: int, to: datetime) -> Json:
        number = self.post(pk)["revision"]["number"]
        body = {"slot": to.isoformat()}
        return self.do("ines", "POST", f"/posts/{pk}/reschedule", body, If_Match=f'"{number}"')

    def until_state(self, pk: int, *states: PostState) -> Json:
        until(lambda: self.state(pk) in states, f"{' or '.join(states)} of post {pk}")
        return self.post(pk)

    def the_chain_verifies(self) -> None:
        """Once the ticker has sealed what there is."""
        verdict = self.do("olga", "GET", f"/brands/{self.brand.slug}/journal/verify")
        assert verdict["ok"] is True, verdict


@pytest.fixture
def desk(child_environment: dict[str, str], mastodon: Server) -> Desk:
    made = house()
    made.connect("mastodon", "mastodon", TOKEN, base_url=mastodon.url)
    return Desk(made.brand, made.people)


@pytest.fixture
def engine(desk: Desk, manage: Launch) -> None:
    """One worker and one ticker, as `manage.py up` starts them."""
    manage("publish_worker")
    manage("tick")


def until(true: Callable[[], object], what: str) -> None:
    """Waits for something that another process does."""
    give_up = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < give_up, f"{what}: it did not happen"
        time.sleep(0.1)


def slot(seconds: float) -> Json:
    """With a window around now, so that a test at midnight does not move a slot into another day's."""
    window = {"from": soon(-3600).isoformat(), "until": soon(7200).isoformat()}
    return {"slot": soon(seconds).isoformat(), "window": window}


# --- The story ----------------------------------------------------------------------------------------
def test_a_draft_travels_through_the_gate_to_a_mastodon_server(
    desk: Desk, mastodon: Server, engine: None
) -> None:
    image = desk.callers["ines"].upload(io.BytesIO(lamp_picture()), f"/api/v1/brands/{desk.brand.slug}/media")
    pk = desk.submitted(
        "Nos ampoules durent toute la vie.",
        media=[{"id": image.json()["id"], "alt": ALT}],
        options={"mastodon": {"language": "fr", "visibility": "unlisted"}},
        **slot(20),
    )
    desk.say("nadia", pk, "request_changes", "Dis « cinq ans » : c’est dans la notice.")
    assert desk.state(pk) == PostState.CHANGES_REQUESTED
    desk.edit("ines", pk, "Nos ampoules durent cinq ans.")
    assert desk.state(pk) == PostState.IN_REVIEW
    assert mastodon.statuses() == []
    seen = desk.post(pk)["revision"]["digest"]
    assert desk.say("nadia", pk)["counted"] is True
    assert desk.state(pk) == PostState.SCHEDULED

    post = desk.until_state(pk, PostState.PUBLISHED, PostState.FAILED, PostState.MISSED, PostState.UNKNOWN)
    (status,) = mastodon.statuses()
    assert "Nos ampoules durent cinq ans." in status["content"]
    assert (status["language"], status["visibility"]) == ("fr", "unlisted")
    assert [item["description"] for item in status["media_attachments"]] == [ALT]
    (delivery,) = post["deliveries"]
    assert (delivery["state"], delivery["attempts"]) == (DeliveryState.DELIVERED, 1)
    assert (delivery["remote_id"], delivery["url"]) == (status["id"], status["url"])
    attempt = Attempt.objects.get()
    assert attempt.started_at >= datetime.fromisoformat(post["slot"]), "it was early"
    assert attempt.permit is not None
    assert attempt.permit.digest == seen
    assert attempt.permit.gate_decision.allowed
    desk.the_chain_verifies()


# --- Nothing arrives ----------------------------------------------------------------------------------
@pytest.mark.once
def test_without_a_current_approval_by_the_qualified_nothing_arrives(
    desk: Desk, mastodon: Server, engine: None
) -> None:
    """One slot for all of them. The control, approved as it should be, shows that worker and ticker were
    at work when the others' slot came."""
    far = slot(3600)
    control = desk.approved("the control", **far)
    unread = desk.submitted("nobody read it", **far)
    stale = desk.approved("approved, then edited", **far)
    desk.edit("ines", stale, "edited after the approval")
    own = desk.submitted("approved by its author", who="nadia", **far)
    assert desk.say("nadia", own)["code"] == "contributor"
    rewritten = desk.submitted("rewritten by its reviewer", **far)
    desk.edit("nadia", rewritten, "her own words, and quite other ones")
    assert desk.say("nadia", rewritten)["code"] == "contributor"
    unqualified = []
    # A director without expertise, one at level 1, somebody who does not know the company, the owner.
    for who in ("denis", "delphine", "marc", "olga"):
        unqualified.append(desk.submitted(f"approved by {who}", **far))
        desk.say(who, unqualified[-1])
    held = desk.approved("held just before its slot", **far)
    revoked = desk.submitted("its approver lost their standing", **far)
    desk.say("hugo", revoked)
    assert desk.state(revoked) == PostState.SCHEDULED

    unapproved = [unread, stale, own, rewritten, *unqualified]
    assert {desk.state(pk) for pk in unapproved} == {PostState.IN_REVIEW}
    due = soon(20)
    for pk in [*unapproved, control, held, revoked]:
        desk.move(pk, due)
    desk.do("ines", "POST", f"/posts/{held}/hold", {"reason": "not now"})
    company = Credential.objects.get(user=desk.people["hugo"], domain="company")
    revoke(desk.people["olga"], company.pk, "a cause")
    assert mastodon.statuses() == []

    desk.until_state(control, PostState.PUBLISHED)
    for pk in unapproved:
        missed = desk.until_state(pk, PostState.MISSED, PostState.PUBLISHED)
        assert missed["state"] == PostState.MISSED
        assert [one["state"] for one in missed["deliveries"]] == [DeliveryState.MISSED]
    assert desk.state(held) == PostState.HELD
    stopped = desk.until_state(revoked, PostState.HELD, PostState.PUBLISHED)
    assert stopped["state"] == PostState.HELD
    assert {one["domain"] for one in stopped["gate"]["requirements"] if one["missing"]} == {"company"}
    (status,) = mastodon.statuses()
    assert "the control" in status["content"]
    assert Attempt.objects.count() == 1
    desk.the_chain_verifies()


# --- Slots --------------------------------------------------------------------------------------------
@pytest.mark.once
def test_a_slot_moved_inside_the_window_is_the_new_time(desk: Desk, mastodon: Server, engine: None) -> None:
    sooner = desk.approved("moved to sooner", **slot(3600))
    later = desk.approved("moved to later", **slot(15))
    new = soon(20)
    for pk in (later, sooner):
        assert desk.move(pk, new)["state"] == PostState.SCHEDULED
    for pk in (later, sooner):
        desk.until_state(pk, PostState.PUBLISHED)
    assert len(mastodon.statuses()) == 2
    assert all(attempt.started_at >= new for attempt in Attempt.objects.all())


@pytest.mark.once
def test_a_slot_that_passed_before_the_approval_is_missed_and_the_next_free_one_is_offered(
    desk: Desk, mastodon: Server, engine: None
) -> None:
    pk = desk.submitted("too late", **slot(5))
    desk.until_state(pk, PostState.MISSED)
    assert desk.move(pk, soon(-1))["code"] == "past_slot"
    (offered,) = next_free_slots(desk.brand, soon(0), 1)
    assert offered > soon(0)
    # Approved all the same, it waits for a person to give it a slot, and goes out at that one.
    desk.say("nadia", pk)
    assert desk.state(pk) == PostState.MISSED
    assert mastodon.statuses() == []
    desk.move(pk, soon(5))
    desk.until_state(pk, PostState.PUBLISHED)
    assert len(mastodon.statuses()) == 1


@pytest.mark.once
def test_on_approval_goes_out_as_soon_as_the_gate_opens(desk: Desk, mastodon: Server, engine: None) -> None:
    pk = desk.submitted("as soon as you say so", slot="on_approval")
    assert mastodon.statuses() == []
    desk.say("nadia", pk)
    desk.until_state(pk, PostState.PUBLISHED)
    assert len(mastodon.statuses()) == 1


@pytest.mark.once
def test_a_single_tick_suffices_for_one_release(desk: Desk, mastodon: Server, manage: Launch) -> None:
    """`tick --once` from a timer: the hint waits in Valkey for a worker that starts later."""
    pk = desk.approved("ticked by hand", slot="on_approval")
    assert manage("tick", "--once").wait(PATIENCE_S) == 0
    assert desk.state(pk) == PostState.SCHEDULED
    manage("publish_worker")
    desk.until_state(pk, PostState.PUBLISHED)
    assert len(mastodon.statuses()) == 1
