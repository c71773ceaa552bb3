"""A post split by its channels: one lineage, two ways."""

from __future__ import annotations

import pytest

from accounts.refusals import Forbidden, Invalid, NotHere, Refused, Stale
from approvals.classifying import classify
from approvals.models import Verdict
from approvals.splitting import split
from approvals.steering import hold
from journal.models import Entry, Notice
from posts.lifecycle import DeliveryState, PostState
from posts.models import Delivery, FacetMark, Post
from tests.casting import TEXT, Cast, codes, digest_of, fresh

pytestmark = pytest.mark.django_db


@pytest.fixture
def both(cast: Cast) -> Cast:
    cast.channel("console")
    return cast


def submitted(cast: Cast, **more: object) -> Post:
    return cast.submitted(
        TEXT, channels=["demo", "console"], variants={"demo": "Ici.", "console": "Là."}, **more
    )


def keys(post: Post) -> tuple[list[str], list[str], list[str]]:
    """(channels of the content, keys of the variants, channels of the deliveries)"""
    content = fresh(post).revision.content  # type: ignore[union-attr]
    rows = post.deliveries.order_by("channel__key").values_list("channel__key", flat=True)
    return content["channels"], sorted(content["variants"]), list(rows)


def test_each_part_keeps_its_channels(both: Cast):
    post = submitted(both)
    part = split(both.ines, post.pk, ["console"])
    assert keys(post) == (["demo"], ["demo"], ["demo"])
    assert keys(part) == (["console"], ["console"], ["console"])
    assert (part.lineage_id, part.author, part.slot) == (post.lineage_id, both.ines, fresh(post).slot)
    assert Entry.objects.filter(verb="post.split").count() == 2


def test_an_approval_of_the_whole_is_none_of_a_part(both: Cast):
    post = submitted(both)
    both.grant("nadia", "channel:console", 3)
    both.say("nadia", post)
    assert fresh(post).lifecycle == PostState.SCHEDULED
    whole = digest_of(post)
    part = split(both.ines, post.pk, ["console"])
    assert len({whole, digest_of(post), digest_of(part)}) == 3
    for one in (post, part):
        assert fresh(one).lifecycle == PostState.IN_REVIEW
        assert set(one.deliveries.values_list("approved_digest", flat=True)) == {None}
        assert one.requests.filter(digest=digest_of(one)).exists(), "people are asked again"
        both.say("nadia", one)
        assert fresh(one).lifecycle == PostState.SCHEDULED


def test_case_05_the_original_editor_approves_a_part(both: Cast):
    post = submitted(both)
    both.edit("nadia", post, text="Tout autre chose.")
    part = split(both.hugo, post.pk, ["console"])
    for who in ("ines", "nadia"):
        for one in (post, part):
            with pytest.raises(Forbidden) as refusal:
                both.say(who, one)
            assert refusal.value.code == "contributor"


def test_case_23_a_split_does_not_shake_off_a_rejection(both: Cast):
    post = submitted(both)
    both.say("nadia", post, Verdict.REJECT.value)
    part = split(both.ines, post.pk, ["console"])
    for one in (post, part):
        assert fresh(one).lifecycle == PostState.REJECTED
        assert "veto" in codes(one)


def test_to_split_is_not_to_write(both: Cast):
    post = submitted(both)
    part = split(both.nadia, post.pk, ["console"])
    both.say("nadia", post)
    both.say("nadia", part)
    assert fresh(post).lifecycle == PostState.SCHEDULED
    assert Notice.objects.filter(kind="post.split", user=both.ines).exists()


def test_a_draft_stays_a_draft_in_both_parts(both: Cast):
    post = both.draft(channels=["demo", "console"])
    part = split(both.ines, post.pk, ["console"])
    assert {fresh(post).lifecycle, fresh(part).lifecycle} == {PostState.DRAFT}
    assert (digest_of(post), digest_of(part)) == ("", "")


def test_a_held_post_stays_held_in_both_parts(both: Cast):
    post = submitted(both)
    hold(both.marc, post.pk, "Attendons.")
    part = split(both.ines, post.pk, ["console"])
    for one in (post, part):
        assert (fresh(one).lifecycle, fresh(one).held_by) == (PostState.HELD, both.marc)


def test_a_part_with_a_problem_waits_for_changes(both: Cast):
    post = submitted(both)
    both.edit("ines", post, variants={"demo": "Ici.", "console": "x" * 20_000})
    part = split(both.ines, post.pk, ["demo"])
    problems = fresh(post).lifecycle
    assert problems in {PostState.CHANGES_REQUESTED, PostState.IN_REVIEW}
    assert fresh(part).lifecycle == PostState.IN_REVIEW


def test_what_was_said_of_its_facets_holds_for_both(both: Cast):
    post = both.submitted("Les soldes de tout compte.", channels=["demo", "console"])
    classify(both.nadia, post.pk, {"kind": "routine"}, "C’est de la comptabilité.")
    part = split(both.ines, post.pk, ["console"])
    assert fresh(part).kind == "routine"
    both.edit("ines", part, text="Les soldes de tout compte !")
    assert fresh(part).kind == "routine", "these words were judged already"
    assert FacetMark.objects.filter(post=part).count() == FacetMark.objects.filter(post=post).count()


@pytest.mark.parametrize("channels", [[], ["demo", "console"], ["nowhere"], ["demo", "nowhere"]])
def test_what_is_no_split(both: Cast, channels: list[str]):
    post = submitted(both)
    with pytest.raises(Invalid) as refusal:
        split(both.ines, post.pk, channels)
    assert set(refusal.value.fields) == {"channels"}
    assert Post.objects.count() == 1


@pytest.mark.parametrize("state", [DeliveryState.DELIVERED, DeliveryState.UNKNOWN])
def test_nothing_of_which_some_may_be_public_is_split(both: Cast, state: DeliveryState):
    both.grant("nadia", "channel:console", 3)
    post = submitted(both)
    both.say("nadia", post)
    Delivery.objects.filter(post=post, channel__key="demo").update(state=state.value)
    with pytest.raises(Refused) as refusal:
        split(both.ines, post.pk, ["console"])
    assert refusal.value.code == "already_out"


def test_strangers_and_stale_screens_split_nothing(both: Cast):
    post = submitted(both)
    with pytest.raises(NotHere):
        split(both.stranger, post.pk, ["console"])
    both.edit("ines", post, text="Autre.")
    with pytest.raises(Stale):
        split(both.ines, post.pk, ["console"], seen=1)


def test_a_word_is_not_turned_into_another_in_two_steps_over_a_split(both: Cast):
    """Lightly corrected before the split, and again in the part: whoever did both is a contributor there."""
    post = both.submitted("Une lampe verte.", channels=["demo", "console"])
    both.grant("nadia", "channel:console", 3)
    both.edit("nadia", post, text="Une lampe perte.")
    part = split(both.ines, post.pk, ["console"])
    both.edit("nadia", part, text="Une lampe porte.")
    with pytest.raises(Forbidden) as refusal:
        both.say("nadia", part)
    assert refusal.value.code == "contributor"
