"""Drafts, revisions, sealing, clones."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
from django.db import transaction

from accounts.clock import database_now
from accounts.refusals import Refused
from approvals.reviewing import submit
from journal.models import Entry
from posts.drafting import clone
from posts.lifecycle import DeliveryState, PostState
from posts.models import Channel, Contribution, Delivery, Lineage, Post
from posts.scheduling import ON_APPROVAL_WINDOW
from publishing.claiming import claim
from tests.casting import ALT, Cast, digest_of, due, fresh, in_hours, is_open, media


def test_a_draft_has_its_first_revision_its_lineage_its_author_and_a_row_a_channel(cast: Cast):
    cast.channel("console")
    post = fresh(cast.draft(channels=["demo", "console"], text="Bonjour."))
    assert (post.lifecycle, post.version, post.author) == (PostState.DRAFT, 1, cast.ines)
    assert post.revision is not None
    assert (post.revision.number, post.revision.digest, post.revision.content["text"]) == (1, "", "Bonjour.")
    assert list(post.deliveries.values_list("channel__key", flat=True)) == ["demo", "console"]
    assert set(post.deliveries.values_list("due_at", flat=True)) == {post.slot}
    assert Contribution.objects.get(lineage=post.lineage).user == cast.ines
    assert Entry.objects.get(verb="post.create").post_id == post.pk


def test_a_change_of_content_is_a_new_revision_and_a_contribution(cast: Cast):
    post = cast.draft(text="Un.")
    cast.edit("marc", post, text="Deux.")
    revisions = list(
        fresh(post).revisions.order_by("number").values_list("number", "created_by", "content__text")
    )
    assert revisions == [(1, cast.ines.pk, "Un."), (2, cast.marc.pk, "Deux.")]
    assert set(Contribution.objects.filter(post=post).values_list("user", flat=True)) == {
        cast.ines.pk,
        cast.marc.pk,
    }


def test_contributing_twice_is_recorded_once(cast: Cast):
    post = cast.draft()
    for text in ("a", "b", "c"):
        cast.edit("marc", post, text=text)
    assert Contribution.objects.filter(post=post, user=cast.marc).count() == 1


def test_a_window_alone_is_a_new_digest_but_no_contribution(cast: Cast):
    post = cast.submitted()
    digest = digest_of(post)
    cast.edit("marc", post, window={"from": in_hours(1).isoformat(), "until": in_hours(4).isoformat()})
    assert digest_of(post) != digest
    assert not Contribution.objects.filter(post=post, user=cast.marc).exists()


def test_the_slot_alone_moves_every_delivery_and_no_revision(cast: Cast):
    post = cast.draft(
        window={"from": in_hours(1).isoformat(), "until": in_hours(5).isoformat()}, late_minutes=30
    )
    slot = in_hours(4)
    cast.edit("ines", post, slot=slot.isoformat())
    row = post.deliveries.get()
    assert (row.due_at, row.next_at, row.expires_at) == (slot, slot, slot + timedelta(minutes=30))
    assert fresh(post).revision.number == 1  # type: ignore[union-attr]
    assert Entry.objects.get(verb="post.reschedule").data["slot"] == slot.isoformat()


def test_it_expires_with_its_window_when_that_is_sooner(cast: Cast):
    until = in_hours(2.25)
    post = cast.draft(window={"from": in_hours(1).isoformat(), "until": until.isoformat()}, late_minutes=60)
    assert post.deliveries.get().expires_at == until


def test_a_channel_taken_away_takes_its_row_along_and_comes_back_as_another(cast: Cast):
    cast.channel("console")
    post = cast.submitted(channels=["demo", "console"])
    cast.edit("ines", post, channels=["demo"])
    assert list(post.deliveries.values_list("channel__key", flat=True)) == ["demo"]
    cast.edit("ines", post, channels=["demo", "console"])
    assert post.deliveries.filter(sealed_digest=digest_of(post)).count() == 2


def test_a_channel_that_was_claimed_once_can_still_be_taken_away(cast: Cast):
    """Its permit points at the delivery for ever."""
    cast.channel("console")
    post = cast.approved(channels=["console", "demo"])
    due(post)
    assert claim("worker", 10)
    cast.edit("ines", post, channels=["demo"])
    assert fresh(post).lifecycle == PostState.IN_REVIEW
    assert claim("worker", 10) == []


@pytest.mark.parametrize("state", [DeliveryState.SENDING, DeliveryState.DELIVERED, DeliveryState.UNKNOWN])
def test_what_may_be_public_is_not_edited(cast: Cast, state: DeliveryState):
    post = cast.approved()
    Delivery.objects.filter(post=post).update(state=state.value, lease_until=in_hours(1))
    with pytest.raises(Refused) as refusal:
        cast.edit("ines", post, text="Trop tard.")
    assert (refusal.value.code, refusal.value.status) == ("already_out", 409)
    assert fresh(post).revision.number == 1  # type: ignore[union-attr]


def test_sealing_uses_the_stored_snapshot_of_the_limits_and_sticks(cast: Cast):
    Channel.objects.filter(brand=cast.brand, key="demo").update(limits={"max_characters": 10})
    post = cast.draft(text="x" * 11)
    with pytest.raises(Refused):
        submit(cast.ines, post.pk)
    cast.edit("ines", post, text="x" * 10)
    sealed = cast.submitted(text="x" * 10)
    payloads = fresh(sealed).revision.payloads  # type: ignore[union-attr]
    Channel.objects.filter(brand=cast.brand, key="demo").update(limits={"max_characters": 3})
    cast.edit("ines", sealed, slot=in_hours(3).isoformat())
    assert fresh(sealed).revision.payloads == payloads  # type: ignore[union-attr]
    assert sealed.deliveries.get().payload == payloads["demo"]


def test_on_approval_counts_its_day_from_submitting(cast: Cast):
    post = cast.draft(slot="on_approval")
    Post.objects.filter(pk=post.pk).update(window_from=in_hours(-30), window_until=in_hours(-6))
    after = submit(cast.ines, post.pk)
    assert after.window_from is not None
    assert after.window_until == after.window_from + ON_APPROVAL_WINDOW
    assert abs(after.window_from - database_now()) < timedelta(minutes=1)
    cast.say("nadia", post)
    assert fresh(post).lifecycle == PostState.SCHEDULED


def test_an_edit_of_a_waiting_on_approval_post_keeps_its_window(cast: Cast):
    post = cast.submitted(slot="on_approval")
    window = (fresh(post).window_from, fresh(post).window_until)
    cast.edit("ines", post, text="Mieux.")
    assert (fresh(post).window_from, fresh(post).window_until) == window


# --- Clones ------------------------------------------------------------------------------------------
def test_a_clone_is_a_draft_in_the_same_lineage_with_no_slot(cast: Cast):
    picture = media(cast)
    post = cast.approved(
        media=[{"id": picture.pk, "alt": ALT}], kind="routine", topics=["atelier"], variants={"demo": "Là."},
        options={"demo": {"language": "fr"}}, late_minutes=15,
    )  # fmt: skip
    with transaction.atomic():
        copy = fresh(clone(cast.marc, fresh(post)))
    assert (copy.lifecycle, copy.author, copy.lineage, copy.slot) == (
        PostState.DRAFT,
        cast.marc,
        post.lineage,
        None,
    )
    assert copy.revision is not None
    assert post.revision is not None
    assert copy.revision.content == fresh(post).revision.content  # type: ignore[union-attr]
    assert (copy.kind, copy.topics, copy.late_minutes) == ("routine", ["atelier"], 15)
    assert not is_open(copy)
    assert Lineage.objects.count() == 1
    assert Entry.objects.get(verb="post.clone").data == {"source": post.pk}


def test_a_clone_of_an_approved_post_is_never_sent_on_its_approval(cast: Cast):
    post = cast.approved(slot="on_approval")
    with transaction.atomic():
        copy = clone(cast.ines, fresh(post))
    assert copy.deliveries.get().approved_digest is None
    with httpx.Client():
        assert {one.delivery.post_id for one in claim("worker", 10)} == {post.pk}
