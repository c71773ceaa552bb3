"""Decisions, the queue, comments and the gate through the API."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Membership
from approvals.expertise import revoke
from approvals.models import Credential, Decision
from posts.models import Comment
from tests.api.conftest import HERE, Cast, Draft, a_word, refusal, tomorrow

DECISION_KEYS = {"by", "decision", "digest", "at", "counted", "why_not", "comment", "reason"}


def test_an_approval_opens_the_gate(cast: Cast, submitted: Draft):
    made = submitted()
    answer = cast.nadia.post(f"/posts/{made['id']}/decisions", a_word(made))
    assert answer.status_code == 201
    told = answer.json()
    assert set(told) >= DECISION_KEYS
    assert (told["counted"], told["why_not"], told["by"]["name"]) == (True, None, "Nadia")
    after = cast.ines.get(f"/posts/{made['id']}").json()
    assert after["state"] == "scheduled"
    assert after["gate"]["open"] is True
    assert after["gate"]["blockers"] == []
    assert after["gate"]["distinct_approvers"] == {"needed": 1, "have": 1}
    craft = next(one for one in after["gate"]["requirements"] if one["domain"] == "craft")
    assert [one["email"] for one in craft["covered_by"]] == ["nadia@maison-lumiere.example"]
    (kept,) = after["decisions"]
    assert kept == {name: value for name, value in told.items() if name != "warnings"}
    assert cast.ines.get(f"/posts/{made['id']}/gate").json() == after["gate"]


def test_a_contributor_is_refused_and_nothing_is_stored(cast: Cast, submitted: Draft):
    made = submitted("nadia")
    refusal(cast.nadia.post(f"/posts/{made['id']}/decisions", a_word(made)), 403, "contributor")
    assert not Decision.objects.exists()
    assert cast.nadia.get(f"/posts/{made['id']}").json()["state"] == "in_review"


@pytest.mark.parametrize("name", ["sofia", "olga"])
def test_an_unqualified_vote_is_advisory_and_says_so(cast: Cast, submitted: Draft, name: str):
    made = submitted()
    answer = getattr(cast, name).post(f"/posts/{made['id']}/decisions", a_word(made), Accept_Language="en")
    assert answer.status_code == 201
    told = answer.json()
    assert (told["counted"], told["why_not_code"]) == (False, "advisory")
    assert "advisory" in told["why_not"]
    assert cast.ines.get(f"/posts/{made['id']}").json()["gate"]["open"] is False


def test_a_stale_digest_is_a_conflict(cast: Cast, submitted: Draft):
    made = submitted()
    now = cast.ines.patch(f"/posts/{made['id']}", {"text": "Autre chose."}).json()
    told = refusal(cast.nadia.post(f"/posts/{made['id']}/decisions", a_word(made)), 409, "stale_digest")
    assert told["digest"] == now["revision"]["digest"]
    assert told["revision"] == 2
    assert not Decision.objects.exists()


def test_outsiders_and_former_members_decide_nothing(cast: Cast, submitted: Draft):
    made = submitted()
    path = f"/posts/{made['id']}/decisions"
    refusal(cast.outsider.post(path, a_word(made)), 404, "no_such_post")
    refusal(cast.nobody.post(path, a_word(made)), 401, "unauthenticated")
    Membership.objects.filter(user=cast.nadia.user).update(is_active=False)
    refusal(cast.nadia.post(path, a_word(made)), 403, "not_a_member")
    assert not Decision.objects.exists()


def test_an_objection_needs_a_word_and_holds_the_post(cast: Cast, submitted: Draft):
    made = submitted()
    path = f"/posts/{made['id']}/decisions"
    told = refusal(cast.nadia.post(path, a_word(made, "reject")), 422, "comment_needed")
    assert "comment" in told["errors"]
    told = cast.nadia.post(path, a_word(made, "reject", comment="Pas comme cela.", reason="tone")).json()
    assert (told["counted"], told["comment"], told["reason"]) == (True, "Pas comme cela.", "tone")
    after = cast.ines.get(f"/posts/{made['id']}").json()
    assert after["state"] == "rejected"
    blocker = next(one for one in after["gate"]["blockers"] if one["code"] == "veto")
    assert "Pas comme cela." in blocker["message"]
    # Taking it back lets go again, and revives nothing.
    told = cast.nadia.post(path, {"decision": "withdraw"}).json()
    assert (told["counted"], told["why_not_code"]) == (False, "withdrawal")
    after = cast.ines.get(f"/posts/{made['id']}").json()
    assert [one["why_not_code"] for one in after["decisions"]] == ["superseded", "withdrawal"]


@pytest.mark.parametrize(
    ("word", "field"),
    [
        ({"decision": "publish"}, "decision"),
        ({}, "decision"),
        ({"decision": "approve"}, "digest"),
        ({"decision": "reject", "digest": "x", "comment": "x", "reason": "humeur"}, "reason"),
        ({"decision": "approve", "digest": "x", "comment": "a\x00b"}, "comment"),
        ({"decision": "approve", "digest": "x" * 65}, "digest"),
    ],
)
def test_a_decision_that_cannot_be_read_is_refused_at_its_field(
    cast: Cast, submitted: Draft, word: dict[str, str], field: str
):
    answer = cast.nadia.post(f"/posts/{submitted()['id']}/decisions", word)
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [field]
    assert not Decision.objects.exists()


def test_a_draft_is_not_decided_on(cast: Cast, draft: Draft):
    refusal(
        cast.nadia.post(f"/posts/{draft()['id']}/decisions", {"decision": "approve", "digest": "x"}),
        409,
        "not_in_review",
    )


def test_expertise_revoked_no_longer_counts(cast: Cast, submitted: Draft):
    made = submitted()
    cast.nadia.post(f"/posts/{made['id']}/decisions", a_word(made))
    for held in Credential.objects.filter(user=cast.nadia.user):
        revoke(cast.olga.user, held.pk, "Pour voir.")
    after = cast.ines.get(f"/posts/{made['id']}").json()
    assert after["gate"]["open"] is False
    assert (after["decisions"][0]["counted"], after["decisions"][0]["why_not_code"]) == (False, "advisory")


def test_an_earlier_digest_no_longer_counts(cast: Cast, submitted: Draft):
    made = submitted()
    cast.nadia.post(f"/posts/{made['id']}/decisions", a_word(made))
    after = cast.ines.patch(f"/posts/{made['id']}", {"text": "Autre chose."}).json()
    assert after["state"] == "in_review"
    assert after["decisions"][0]["why_not_code"] == "other_digest"


# --- The queue -----------------------------------------------------------------------------------
def ids(answer: object) -> list[int]:
    return [one["id"] for one in answer.json()["items"]]  # type: ignore[attr-defined]


def test_my_queue_holds_what_waits_for_me_soonest_first(cast: Cast, submitted: Draft):
    late, soon = submitted(slot=tomorrow(72))["id"], submitted(slot=tomorrow(24))["id"]
    now = submitted(slot="on_approval")["id"]
    submitted("nadia")
    assert ids(cast.nadia.get(f"{HERE}/queue?for=me")) == [now, soon, late]
    assert ids(cast.nadia.get(f"{HERE}/queue")) == [now, soon, late]
    assert len(ids(cast.hugo.get(f"{HERE}/queue?for=me"))) == 4
    assert ids(cast.ines.get(f"{HERE}/queue?for=me")) == []
    assert ids(cast.sofia.get(f"{HERE}/queue?for=me")) == []
    assert len(ids(cast.olga.get(f"{HERE}/queue?for=all"))) == 4
    told = refusal(cast.nadia.get(f"{HERE}/queue?for=tous"), 422, "invalid")
    assert set(told["errors"]) == {"for"}


def test_the_expert_is_called_for_her_domain(cast: Cast, submitted: Draft):
    made = submitted(kind="launch", products=["lampe-aurore"])
    assert ids(cast.sofia.get(f"{HERE}/queue?for=me")) == [made["id"]]
    cast.sofia.post(f"/posts/{made['id']}/decisions", a_word(made))
    assert ids(cast.sofia.get(f"{HERE}/queue?for=me")) == []


def test_the_queue_in_pages_shows_each_once(cast: Cast, submitted: Draft):
    slot = tomorrow(30)
    made = {submitted(slot=slot if number % 2 else tomorrow(24 + number))["id"] for number in range(5)}
    seen, cursor = [], ""
    while cursor is not None:
        answer = cast.nadia.get(f"{HERE}/queue?limit=2&cursor={cursor}")
        assert len(answer.json()["items"]) <= 2
        seen += answer.json()["items"]
        cursor = answer.json()["next"]
    assert sorted(one["id"] for one in seen) == sorted(made)
    slots = [datetime.fromisoformat(one["slot"]) for one in seen]
    assert slots == sorted(slots)


def test_a_list_of_posts_takes_as_many_queries_as_one(cast: Cast, submitted: Draft):
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert cast.nadia.get(f"{HERE}/queue").status_code == 200
        return len(queries)

    first = submitted()
    cast.sofia.post(f"/posts/{first['id']}/decisions", a_word(first))
    one = count()
    for _number in range(6):
        made = submitted(kind="launch", products=["lampe-aurore"])
        cast.marc.post(f"/posts/{made['id']}/decisions", a_word(made))
    assert count() == one
    assert one <= 30


# --- Comments ------------------------------------------------------------------------------------
def test_comments_are_threads_on_passages(cast: Cast, submitted: Draft):
    made = submitted()
    path = f"/posts/{made['id']}/comments"
    answer = cast.nadia.post(path, {"text": "Trois, vraiment ?", "quote": "Trois gestes"})
    assert answer.status_code == 201
    first = answer.json()
    assert (first["by"]["name"], first["quote"], first["revision"], first["parent"]) == (
        "Nadia",
        "Trois gestes",
        1,
        None,
    )
    cast.ines.post(path, {"text": "Oui.", "parent": first["id"]})
    told = cast.marc.get(path).json()
    assert [(one["text"], one["parent"]) for one in told["items"]] == [
        ("Trois, vraiment ?", None),
        ("Oui.", first["id"]),
    ]
    # A remark is no contribution.
    assert cast.nadia.post(f"/posts/{made['id']}/decisions", a_word(made)).json()["counted"] is True


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"text": "  "}, "text", "bad_comment"),
        ({"text": "x" * 5001}, "text", "bad_comment"),
        ({"text": "x\x00"}, "text", "nul_byte"),
        ({"text": "x", "quote": "ailleurs"}, "quote", "no_such_passage"),
        ({"text": "x", "parent": 999}, "parent", "no_such_comment"),
        ({"text": "x", "parent": 2**70}, "parent", "invalid"),
    ],
)
def test_a_comment_that_cannot_stand_is_refused(
    cast: Cast, submitted: Draft, body: dict[str, object], field: str, code: str
):
    told = refusal(cast.nadia.post(f"/posts/{submitted()['id']}/comments", body), 422, code)
    assert set(told["errors"]) == {field}
    assert not Comment.objects.exists()


def test_strangers_read_and_write_no_comment(cast: Cast, submitted: Draft):
    path = f"/posts/{submitted()['id']}/comments"
    for verb in ("GET", "POST"):
        body = {"text": "x"} if verb == "POST" else None
        refusal(cast.outsider.call(verb, path, body), 404, "no_such_post")
        refusal(cast.nobody.call(verb, path, body), 401, "unauthenticated")
    refusal(cast.outsider.get(path.replace("comments", "gate")), 404, "no_such_post")
    refusal(cast.outsider.get(f"{HERE}/queue"), 404, "no_such_brand")
    assert not Comment.objects.exists()
