"""Corrections from the draft to the network: a new digest through the gate, replacing what is out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accounts.refusals import Forbidden, Refused
from approvals.correcting import correct
from approvals.models import Verdict
from approvals.reviewing import Word, decide, revise, submit
from approvals.steering import withdraw
from journal.models import Entry
from posts.lifecycle import DeliveryState, PostState
from posts.models import Delivery, Post
from publishing.claiming import claim
from publishing.models import Attempt, Outcome, Retraction
from publishing.reconciling import BETWEEN_READS, reconcile, settle
from publishing.releasing import start_sending
from publishing.retracting import retract, work_retractions
from tests.contract.stand_ins.faulty_front import Fault
from tests.contract.stand_ins.serving import serving
from tests.contract.stand_ins.strict_mastodon import TOKEN, StrictMastodon
from tests.publishing.conftest import Network
from tests.staging import House, age_deliveries, delivery_of, digest_of, fresh, say, states_of

pytestmark = pytest.mark.django_db
S, P = DeliveryState, PostState


@pytest.fixture
def out(lumiere: House, release: Any) -> Post:
    """A post with a slip of the pen, out there."""
    post = lumiere.approved("L’atelier ouvre samedi.")
    release()
    return fresh(post)


def corrected(house: House, post: Post, text: str = "L’atelier ouvre dimanche.", by: str = "ines") -> Post:
    """A correction that Nadia has approved."""
    made = correct(house.people[by], post.pk, {"text": text})
    submit(house.people[by], made.pk)
    say(house.nadia, made)
    return fresh(made)


def test_a_correction_is_approved_and_replaces_what_is_out(
    lumiere: House, network: Network, release: Any, out: Post
) -> None:
    (before,) = network.posts()
    made = corrected(lumiere, out)
    assert (made.corrects_id, made.lineage_id, made.lifecycle) == (out.pk, out.lineage_id, P.SCHEDULED)
    assert network.texts() == ["L’atelier ouvre samedi."], "nothing changes before it is due and allowed"
    (result,) = release()
    (after,) = network.posts()
    assert result.outcome is Outcome.DELIVERED
    assert (after["id"], after["text"]) == (before["id"], "L’atelier ouvre dimanche.")
    assert after["edited_at"]
    assert len(network.front.requests("POST", "/api/posts")) == 1
    old, new = delivery_of(out), delivery_of(made)
    assert new.corrects_id == old.pk
    assert (new.remote_id, new.parts, new.lifecycle) == (old.remote_id, old.parts, S.DELIVERED)
    assert (fresh(out).lifecycle, fresh(made).lifecycle) == (P.PUBLISHED, P.PUBLISHED)
    told = Entry.objects.filter(post_id=out.pk, verb="delivery.corrected").get()
    assert (told.subject, told.data["by"]) == (f"delivery:{old.pk}", made.pk)
    permit = Attempt.objects.get(delivery=new).permit
    assert permit is not None
    assert (permit.digest, permit.payload_sha256) == (digest_of(made), new.payload_sha256)


def test_nothing_is_corrected_without_an_approval(
    lumiere: House, network: Network, release: Any, out: Post
) -> None:
    made = correct(lumiere.ines, out.pk, {"text": "Fermé."})
    assert fresh(made).lifecycle is P.DRAFT
    submit(lumiere.ines, made.pk)
    assert release() == []
    assert network.texts() == ["L’atelier ouvre samedi."]


def test_who_wrote_the_original_approves_no_correction_of_it(
    lumiere: House, network: Network, out: Post
) -> None:
    made = correct(lumiere.nadia, out.pk, {"text": "L’atelier ouvre dimanche."})
    submit(lumiere.nadia, made.pk)
    for writer in (lumiere.ines, lumiere.nadia):
        with pytest.raises(Forbidden) as refusal:
            decide(writer, made.pk, Word(Verdict.APPROVE.value, digest_of(made)))
        assert refusal.value.code == "contributor"
    say(lumiere.hugo, made)
    assert fresh(made).lifecycle is P.SCHEDULED


def test_an_objection_to_the_correction_holds_it(lumiere: House, out: Post, release: Any) -> None:
    made = corrected(lumiere, out)
    say(lumiere.hugo, made, Verdict.REJECT, "Le jour n’est pas encore décidé.")
    assert fresh(made).lifecycle is P.REJECTED
    assert release() == []


def test_an_edit_after_the_approval_closes_the_gate_again(
    lumiere: House, network: Network, release: Any, out: Post
) -> None:
    made = corrected(lumiere, out)
    revise(lumiere.ines, made.pk, {"text": "L’atelier ouvre lundi."})
    assert release() == []
    assert network.texts() == ["L’atelier ouvre samedi."]


def test_the_digest_covers_what_is_replaced(lumiere: House, out: Post) -> None:
    """The same words beside it, and instead of it, are two different things to approve."""
    made = corrected(lumiere, out)
    beside = lumiere.submitted("L’atelier ouvre dimanche.")
    for post in (made, beside):
        Post.objects.filter(pk=post.pk).update(window_from=made.window_from, window_until=made.window_until)
    revise(lumiere.ines, beside.pk, {"text": "Autre."})
    revise(lumiere.ines, beside.pk, {"text": "L’atelier ouvre dimanche."})
    beside = fresh(beside)
    assert (beside.window_from, beside.window_until) == (made.window_from, made.window_until)
    assert digest_of(beside) != digest_of(made)


def test_corrections_follow_one_another(lumiere: House, network: Network, release: Any, out: Post) -> None:
    first = corrected(lumiere, out, "Un.")
    release()
    # Asked of the first post: what is public now is what the new words begin with.
    second = correct(lumiere.ines, out.pk)
    assert second.revision is not None
    assert second.revision.content["text"] == "Un."
    assert delivery_of(second).corrects_id == delivery_of(first).pk
    revise(lumiere.ines, second.pk, {"text": "Deux."})
    submit(lumiere.ines, second.pk)
    say(lumiere.nadia, second)
    release()
    assert network.texts() == ["Deux."]


def test_one_correction_at_a_time(lumiere: House, out: Post, release: Any) -> None:
    made = correct(lumiere.ines, out.pk)
    with pytest.raises(Refused) as refusal:
        correct(lumiere.marc, out.pk)
    assert (refusal.value.code, refusal.value.details) == ("correction_under_way", {"post": made.pk})
    withdraw(lumiere.ines, made.pk)
    assert correct(lumiere.marc, out.pk).pk


def test_what_is_not_out_or_cannot_be_edited_is_not_corrected(lumiere: House, release: Any) -> None:
    with pytest.raises(Refused) as refusal:
        correct(lumiere.ines, lumiere.submitted().pk)
    assert refusal.value.code == "nothing_out"
    lumiere.connect("log", "console")
    logged = lumiere.approved(channels=["log"])
    release()
    with pytest.raises(Refused) as refusal:
        correct(lumiere.ines, logged.pk)
    assert refusal.value.code == "cannot_correct"
    both = lumiere.approved("Deux endroits.", channels=["log", "demo"])
    release()
    made = correct(lumiere.ines, both.pk)
    assert states_of(made) == {"demo": S.PENDING.value}, "only where it can be"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, "nothing_changed"),
        ({"thread": ["Une suite."]}, "correction_parts"),
        ({"reply_to": "12"}, "correction_keeps"),
    ],
)
def test_what_an_edit_cannot_do_is_said_before_anybody_reads_it(
    lumiere: House, out: Post, change: dict[str, Any], code: str
) -> None:
    made = correct(lumiere.ines, out.pk, change)  # type: ignore[arg-type]
    with pytest.raises(Refused) as refusal:
        submit(lumiere.ines, made.pk)
    assert refusal.value.code == code


def test_a_correction_is_never_published_beside(
    lumiere: House, network: Network, release: Any, out: Post
) -> None:
    lumiere.connect("second", base_url=network.url, account="une-autre")
    made = correct(lumiere.ines, out.pk, {"text": "Ailleurs aussi.", "channels": ["demo", "second"]})
    with pytest.raises(Refused) as refusal:
        submit(lumiere.ines, made.pk)
    assert refusal.value.code == "nothing_to_correct"
    made = revise(lumiere.ines, made.pk, {"channels": ["demo"]})
    submit(lumiere.ines, made.pk)
    say(lumiere.nadia, made)
    # As no verb would leave it: approved, due, and pointing at nothing.
    Delivery.objects.filter(post=made).update(corrects=None)
    assert release() == []
    assert network.texts() == ["L’atelier ouvre samedi."]


# --- What goes wrong ----------------------------------------------------------------------------------
def edit_path(post: Post) -> str:
    return f"/api/posts/{delivery_of(post).remote_id}"


def test_a_lost_answer_is_read_back_and_found(
    lumiere: House, network: Network, release: Any, out: Post
) -> None:
    made = corrected(lumiere, out)
    network.front.arm("PUT", edit_path(out), Fault(cut="after accepting"))
    release()
    assert states_of(made) == {"demo": S.UNKNOWN.value}
    assert fresh(out).lifecycle is P.PUBLISHED
    assert reconcile(delivery_of(made)) is S.DELIVERED
    assert delivery_of(made).remote_id == delivery_of(out).remote_id
    assert Entry.objects.filter(post_id=out.pk, verb="delivery.corrected").count() == 1


def test_a_correction_that_did_not_arrive_is_sent_again(
    lumiere: House, network: Network, release: Any, out: Post
) -> None:
    made = corrected(lumiere, out)
    network.front.arm("PUT", edit_path(out), Fault(cut="after reading"))
    release()
    assert reconcile(delivery_of(made)) is S.UNKNOWN
    delivery = delivery_of(made)
    seen = (delivery.next_at - BETWEEN_READS * 2).isoformat() if delivery.next_at else ""
    Delivery.objects.filter(pk=delivery.pk).update(problem={"not_found_at": seen})
    assert reconcile(delivery_of(made)) is S.PENDING
    release()
    assert network.texts() == ["L’atelier ouvre dimanche."]
    assert len(network.posts()) == 1


def test_a_person_who_settles_a_correction_need_not_know_where_it_is(
    lumiere: House, network: Network, release: Any, out: Post
) -> None:
    made = corrected(lumiere, out)
    network.front.arm("PUT", edit_path(out), Fault(cut="after accepting"))
    release()
    settle(lumiere.ines, delivery_of(made).pk, went_out=True)
    assert delivery_of(made).remote_id == delivery_of(out).remote_id


def test_what_is_taken_back_meanwhile_is_not_corrected(
    lumiere: House, network: Network, release: Any, out: Post
) -> None:
    made = corrected(lumiere, out)
    ready = claim("worker-1", 10)
    retract(lumiere.marc, out.pk)
    assert start_sending(ready, "worker-1") == []
    assert states_of(made) == {"demo": S.PENDING.value}
    assert release() == [], "nor is it claimed again"
    work_retractions()
    age_deliveries([made], next_at=timedelta(hours=1))
    assert release() == []
    assert network.texts() == []


def test_taking_back_what_was_corrected_takes_one_delete_and_tells_both(
    lumiere: House, network: Network, release: Any, out: Post
) -> None:
    made = corrected(lumiere, out)
    release()
    retract(lumiere.marc, out.pk)
    assert (states_of(out), states_of(made)) == ({"demo": S.RETRACTING.value}, {"demo": S.RETRACTING.value})
    work_retractions()
    work_retractions()
    assert network.texts() == []
    assert len(network.front.requests("DELETE", edit_path(out))) == 1
    assert (fresh(out).lifecycle, fresh(made).lifecycle) == (P.RETRACTED, P.RETRACTED)
    assert Retraction.objects.filter(done_at__isnull=False).count() == 2


# --- Mastodon -----------------------------------------------------------------------------------------
def test_on_mastodon_the_status_is_edited_in_place(lumiere: House, release: Any) -> None:
    server = StrictMastodon()
    with serving(server):
        lumiere.connect("masto", "mastodon", TOKEN, base_url=server.base_url)
        post = lumiere.approved("Ouvert dimanche.", channels=["masto"])
        release()
        made = corrected(lumiere, post, "Fermé dimanche.")
        release()
        (status,) = server.statuses
        assert server.sources[status] == "Fermé dimanche."
        assert delivery_of(made).remote_id == status
        hidden = correct(lumiere.ines, post.pk, {"options": {"masto": {"visibility": "private"}}})
        with pytest.raises(Refused) as refusal:
            submit(lumiere.ines, hidden.pk)
        assert refusal.value.code == "correction_keeps"
        assert "Who sees it" in refusal.value.sentence
