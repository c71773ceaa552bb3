"""Cases 1 to 13 of gate.md, each through the API and through the page: whose approval, and of which bytes.

The same cases at the level of verbs, with more of their variants, are in tests/approvals/test_cases.py.
"""

from __future__ import annotations

from typing import Any

import pytest

from approvals import inviting
from approvals.models import Decision
from posts.lifecycle import PostState
from posts.models import Contribution, Post
from tests.casting import ALT, Cast, due, fresh, in_hours, media, work
from tests.flow.doors import Answer, ByApi, ByPage, Door, NotOffered


def refused_as_contributor(door: Door, who: str, post: Post) -> None:
    """403, nothing stored, and the post where it was; nor does the page offer it."""
    before = (Decision.objects.count(), fresh(post).state)
    answer = door.say(who, post)
    assert answer.refused(403, "contributor")
    assert answer.offered is isinstance(door, ByApi), "a page does not offer what it will refuse"
    assert (Decision.objects.count(), fresh(post).state) == before
    assert not door.sees(who, post).open


def stale(door: Door, post: Post) -> None:
    """No longer scheduled, and closed for want of an approval of these bytes."""
    assert fresh(post).lifecycle != PostState.SCHEDULED
    sight = door.sees("ines", post)
    assert not sight.open
    assert "craft" in sight.missing


def done(answer: Answer) -> None:
    assert answer.done, f"{answer.status} {answer.code}: {answer.text[:500]}"


# --- A contributor's approval never counts ---------------------------------------------------------------
def test_case_01_author_approves(door: Door):
    refused_as_contributor(door, "nadia", door.submitted("nadia"))


def test_case_02_an_earlier_not_the_last_editor_approves(door: Door):
    post = door.submitted()
    done(door.edit("nadia", post, text="Quatre gestes."))
    done(door.edit("ines", post, text="Cinq gestes."))
    refused_as_contributor(door, "nadia", post)


def test_case_03_a_reviewer_rewrites_then_approves(door: Door):
    post = door.submitted()
    done(door.say("nadia", post, "request_changes"))
    done(door.edit("nadia", post, text="Réécrit par Nadia, de fond en comble."))
    refused_as_contributor(door, "nadia", post)


def test_case_05_original_editor_approves_a_clone(door: Door):
    post = door.submitted("nadia")
    copy = door.clone("ines", post)
    done(door.edit("ines", copy, slot=in_hours(3).isoformat(), text="Tout autre chose."))
    done(door.submit("ines", copy))
    refused_as_contributor(door, "nadia", copy)
    refused_as_contributor(door, "ines", copy)


def test_case_06_second_account_of_the_same_person(door: Door, cast: Cast):
    twin = cast.member("nadia2", craft=3, company=3, **{"channel:demo": 3})
    inviting.link(cast.olga, cast.brand, cast.nadia, twin)
    refused_as_contributor(door, "nadia2", door.submitted("nadia"))
    refused_as_contributor(door, "nadia", door.submitted("nadia2"))


def test_case_07_whoever_acts_through_the_door_is_the_contributor(door: Door):
    """A token, or a session, gives no actor of its own."""
    post = door.submitted("nadia")
    assert set(Contribution.objects.filter(post=post).values_list("user__name", flat=True)) == {"Nadia"}
    refused_as_contributor(door, "nadia", post)


# --- Other bytes -----------------------------------------------------------------------------------------
def test_case_08_edit_after_approval(door: Door, console: Cast):
    post = door.approved(channels=["console"])
    assert fresh(post).lifecycle == PostState.SCHEDULED
    done(door.edit("ines", post, text="Autre chose."))
    stale(door, post)
    due(post)
    assert work() == []


def test_case_09_saving_without_a_change(door: Door):
    post = door.approved()
    before = fresh(post)
    done(door.edit("marc", post))
    after = fresh(post)
    assert (after.revision_id, after.state, after.version) == (
        before.revision_id,
        before.state,
        before.version,
    )
    assert door.sees("marc", post).open
    assert not Contribution.objects.filter(post=post, user__name="Marc").exists()


def test_case_10_edit_then_back_to_the_same_bytes(door: Door):
    post = door.submitted(text="Un.")
    done(door.say("nadia", post))
    done(door.edit("marc", post, text="Deux."))
    stale(door, post)
    done(door.edit("marc", post, text="Un."))
    assert fresh(post).lifecycle == PostState.SCHEDULED
    assert door.sees("ines", post).open
    before = Decision.objects.count()
    assert door.say("marc", post).refused(403, "contributor"), "the editor between is excluded"
    assert Decision.objects.count() == before


def test_case_11_image_replaced_behind_the_same_name(door: Door, cast: Cast):
    first, second = media(cast, "#112233"), media(cast, "#112234")
    assert first.name == second.name
    post = door.approved(media=[{"id": first.pk, "alt": ALT}])
    assert door.sees("ines", post).open
    done(door.edit("ines", post, media=[{"id": second.pk, "alt": ALT}]))
    stale(door, post)


@pytest.mark.parametrize(
    "change",
    [
        {"options": {"demo": {"visibility": "unlisted"}}},
        {"channels": ["demo", "console"]},
        {"channels": ["console"]},
        {"variants": {"demo": "Autrement, là."}},
        {"text": "Merci @quelqu.un"},
        {"thread": ["Et encore."]},
        {"link": "https://maison-lumiere.example/aurore"},
        {"reply_to": "https://demo.example/1"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_case_12_mention_visibility_channel_or_else_changed(
    door: Door, console: Cast, change: dict[str, Any]
):
    post = door.approved()
    done(door.edit("ines", post, **change))
    stale(door, post)


@pytest.mark.parametrize("change", ["late_minutes", "window"])
def test_case_12_what_only_the_api_can_change(cast: Cast, change: str):
    door = ByApi(cast)
    post = door.approved()
    window = {"from": in_hours(1).isoformat(), "until": in_hours(4).isoformat()}
    done(door.edit("ines", post, **{change: {"late_minutes": 90, "window": window}[change]}))
    stale(door, post)
    with pytest.raises(NotOffered):
        ByPage(cast).edit("ines", post, **{change: None})


def test_case_12_alt_text_changed(door: Door, cast: Cast):
    picture = media(cast)
    post = door.approved(media=[{"id": picture.pk, "alt": ALT}])
    done(door.edit("ines", post, media=[{"id": picture.pk, "alt": "Une lampe."}]))
    stale(door, post)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("L\u0430mpe", "Cyrillic letter"),
        ("Lam\u200bpe", "zero-width space"),
        ("Lampe\u202e", "turns the direction"),
    ],
)
def test_case_13_look_alike_or_zero_width_character(door: Door, cast: Cast, text: str, shown: str):
    post = door.approved(text="Lampe")
    done(door.edit("ines", post, text=text))
    stale(door, post)
    page = ByPage(cast).client("nadia").get(f"/review/{post.pk}/").content.decode()
    assert shown in page, f"the reviewer does not see that there is a {shown}"
