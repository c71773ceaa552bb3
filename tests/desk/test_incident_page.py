"""The incident pages: one click stops, two people lift, and what was held is gone through one by one."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from approvals import incidents, inviting
from approvals.models import Incident, Pause
from approvals.reviewing import submit
from posts.lifecycle import DeliveryState, PostState
from posts.models import Delivery, Post
from tests.casting import Cast, digest_of, fresh, in_hours
from tests.casting import cast as cast  # noqa: PLC0414
from tests.desk.entering import enter

WHOLE: dict[str, Any] = {"brand": True}
FIRE = "Une lampe a pris feu."


def words_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", unescape(answer.content.decode())))


def declared(cast: Cast, scope: dict[str, Any] | None = None) -> Incident:
    return incidents.declare(cast.victor, cast.brand, scope or WHOLE, FIRE)


def lifted(cast: Cast, incident: Incident) -> None:
    for one in (cast.victor, cast.ines):
        incidents.lift(one, incident.pk)


def page_of(cast: Cast, who: str, incident: Incident) -> Any:
    return enter(cast, who).get(reverse("incident", args=[incident.pk]))


# --- Stopping -----------------------------------------------------------------------------------
def test_nothing_is_stopped_at_first(cast: Cast):
    answer = enter(cast, "ines").get(reverse("incidents"))
    assert answer.status_code == 200
    text = words_of(answer)
    assert "Nothing is stopped." in text
    assert "It takes company 2 or crisis 1." in text


@pytest.mark.parametrize(
    ("word", "scope"),
    [
        ("brand", {"brand": True}),
        ("channel:demo", {"channels": ["demo"], "products": []}),
        ("product:lampe-aurore", {"channels": [], "products": ["lampe-aurore"]}),
    ],
)
def test_any_member_pauses_a_scope_in_one_click(cast: Cast, word: str, scope: dict[str, Any]):
    post = cast.approved(products=[cast.lamp])
    ines = enter(cast, "ines")
    assert f'name="scope" value="{word}"' in ines.get(reverse("incidents")).content.decode()
    answer = ines.post(reverse("pause_scope"), {"scope": word}, follow=True)
    assert Pause.objects.get().scope == scope
    assert fresh(post).lifecycle == PostState.HELD
    text = words_of(answer)
    assert "1 pause is in force." in text
    assert "1 post held" in text
    assert "Somebody with craft 2 or crisis 2 ends it." in text
    assert "Paused since" in text


def test_a_scope_that_is_none_is_refused(cast: Cast):
    assert (
        enter(cast, "ines").post(reverse("pause_scope"), {"scope": "channel:nulle-part"}).status_code == 422
    )
    assert not Pause.objects.exists()


def test_ending_a_pause_and_going_through_what_it_held(cast: Cast):
    post = cast.approved()
    made = incidents.pause(cast.ines, cast.brand, WHOLE)
    path = reverse("end_pause", args=[made.pk])
    refused = enter(cast, "ines").post(path)
    assert refused.status_code == 403
    assert "to go on takes craft or crisis expertise" in words_of(refused)
    marc = enter(cast, "marc")
    answer = marc.post(path, follow=True)
    assert "1 post that was held waits to be gone through." in words_of(answer)
    assert fresh(post).lifecycle == PostState.HELD
    assert "Let it go on" in words_of(answer)
    done = marc.post(reverse("confirm_held", args=[post.pk]), {"digest": digest_of(post)}, follow=True)
    assert fresh(post).lifecycle == PostState.SCHEDULED
    assert "Nothing is stopped." in words_of(done)


def test_declaring_takes_expertise_and_keeps_what_was_typed(cast: Cast):
    post, path = cast.approved(), reverse("declare_incident")
    refused = enter(cast, "ines").post(path, {"scope": ["brand"], "reason": FIRE})
    assert refused.status_code == 403
    assert f"{FIRE}</textarea>" in unescape(refused.content.decode())
    assert "Pause instead" in words_of(refused)
    victor = enter(cast, "victor")
    empty = victor.post(path, {"scope": ["brand"], "reason": ""})
    assert empty.status_code == 422
    assert re.search(r'value="brand"[^>]*checked', empty.content.decode())
    answer = victor.post(path, {"scope": ["brand"], "reason": FIRE}, follow=True)
    assert answer.redirect_chain[-1][0] == reverse("incident", args=[Incident.objects.get().pk])
    assert "Declared. 1 post is held, and not lost." in words_of(answer)
    assert fresh(post).lifecycle == PostState.HELD


def test_a_pause_becomes_an_incident(cast: Cast):
    post = cast.approved()
    made = incidents.pause(cast.ines, cast.brand, {"channels": ["demo"]})
    path = reverse("escalate_pause", args=[made.pk])
    victor = enter(cast, "victor")
    empty = victor.post(path, {"reason": " "})
    assert empty.status_code == 422
    assert enter(cast, "ines").post(path, {"reason": FIRE}).status_code == 403
    answer = victor.post(path, {"reason": FIRE}, follow=True)
    assert FIRE in words_of(answer)
    assert {row["incident"] for row in fresh(post).reasons if "incident" in row} == {
        Incident.objects.get().pk
    }


# --- While it lasts -----------------------------------------------------------------------------
def test_it_shows_what_is_held_and_what_is_out(cast: Cast):
    held = cast.approved("Vendredi, l’atelier d’Angers ouvre ses portes.")
    out = cast.approved("Sillage, la lampe qui veille avec vous.")
    Delivery.objects.filter(post=out).update(
        state=DeliveryState.DELIVERED.value, url="https://example.org/1", attempts=1
    )
    Post.objects.filter(pk=out.pk).update(state=PostState.PUBLISHED.value)
    answer = page_of(cast, "ines", declared(cast))
    text, html = words_of(answer), unescape(answer.content.decode())
    assert "Vendredi, l’atelier d’Angers ouvre ses portes." in text
    assert "1 post, and not lost" in text
    assert "Sillage, la lampe qui veille avec vous." in text
    assert 'href="https://example.org/1"' in html
    assert f'href="{reverse("post", args=[held.pk])}"' in html
    assert "Approve it again" not in text, "not before it is lifted"
    assert not re.search(r"\sstyle=|\son[a-z]+=\"", html)
    assert html.count("<h1") == 1


def test_the_banner_of_every_page_leads_to_it(cast: Cast):
    incident = declared(cast, {"products": [cast.lamp]})
    html = unescape(enter(cast, "ines").get(reverse("desk")).content.decode())
    assert f'href="{reverse("incident", args=[incident.pk])}"' in html
    assert "on Lampe Aurore" in html, "by its name, not by its key"


def test_lifting_by_two_people_says_who_else_could(cast: Cast):
    incident = declared(cast)
    path = reverse("lift_incident", args=[incident.pk])
    assert "One of these must be among the two: Hugo or Victor." in words_of(page_of(cast, "ines", incident))
    victor = enter(cast, "victor")
    answer = victor.post(path, {"reason": "C’est éteint."}, follow=True)
    text = words_of(answer)
    assert "You have said so. A second person must." in text
    assert "C’est éteint." in text
    assert "With the word of one of these it is lifted:" in text
    assert Incident.objects.get().lifted_at is None
    done = enter(cast, "ines").post(path, {"reason": ""}, follow=True)
    assert "Nothing resumes by itself" in words_of(done)
    again = enter(cast, "hugo").post(path, {"reason": ""})
    assert again.status_code == 409


def test_two_accounts_of_one_person_are_one_word(cast: Cast):
    incident = declared(cast)
    inviting.link(cast.olga, cast.brand, cast.victor, cast.member("victor2"))
    path = reverse("lift_incident", args=[incident.pk])
    for who in ("victor", "victor2"):
        enter(cast, who).post(path, {"reason": ""})
    assert Incident.objects.get().lifted_at is None


def test_a_statement_is_begun_in_one_click_and_released_by_a_person(cast: Cast):
    incident = declared(cast)
    answer: Any = enter(cast, "ines").post(reverse("begin_statement", args=[incident.pk]))
    post = Post.objects.get()
    assert (post.kind, post.on_approval) == ("crisis", True)
    assert answer.url == reverse("edit_post", args=[post.pk])
    assert "Write it" in words_of(page_of(cast, "ines", incident))
    cast.edit("ines", post, text="Nous rappelons la lampe.")
    submit(cast.ines, post.pk)
    text = words_of(page_of(cast, "victor", incident))
    assert "Nous rappelons la lampe." in text
    assert "Review the statement" in text
    for who in ("hugo", "victor"):
        cast.say(who, post)
    enter(cast, "victor").post(reverse("release_post", args=[post.pk]))
    assert fresh(post).lifecycle == PostState.SCHEDULED


# --- Afterwards ---------------------------------------------------------------------------------
def test_held_posts_are_confirmed_moved_or_dropped_one_by_one(cast: Cast):
    posts = [cast.approved(f"Post {n}.", slot=in_hours(n + 2).isoformat()) for n in range(3)]
    incident = declared(cast)
    lifted(cast, incident)
    nadia = enter(cast, "nadia")
    text = words_of(page_of(cast, "nadia", incident))
    assert "0 of 3 gone through" in text
    assert "These very words were approved by Nadia: nothing has changed since." in text
    answer = nadia.post(
        reverse("confirm_held", args=[posts[0].pk]), {"digest": digest_of(posts[0])}, follow=True
    )
    assert fresh(posts[0]).lifecycle == PostState.SCHEDULED
    assert answer.redirect_chain[-1][0] == f"{reverse('incident', args=[incident.pk])}#held"
    assert "1 of 3 gone through" in words_of(answer)
    enter(cast, "ines").post(reverse("drop_held", args=[posts[1].pk]))
    assert fresh(posts[1]).lifecycle == PostState.WITHDRAWN
    enter(cast, "ines").post(
        reverse("reschedule_post", args=[posts[2].pk]), {"slot": "other", "at": in_hours(60).isoformat()}
    )
    assert fresh(posts[2]).lifecycle == PostState.IN_REVIEW
    text = words_of(page_of(cast, "nadia", incident))
    assert "3 of 3 gone through" in text
    assert "everything has been gone through" in text


def test_what_was_rewritten_is_read_again_with_a_diff_against_the_approved_bytes(cast: Cast):
    post = cast.approved("Vendredi, l’atelier ouvre à 10 heures.")
    incident = declared(cast)
    lifted(cast, incident)
    cast.edit("ines", post, text="Vendredi, l’atelier ouvre à 11 heures.")
    assert fresh(post).lifecycle == PostState.IN_REVIEW
    assert "1 of 1 gone through" in words_of(page_of(cast, "nadia", incident))
    html = unescape(enter(cast, "nadia").get(reverse("review", args=[post.pk])).content.decode())
    assert "since revision 1, read by Nadia" in html
    assert re.search(r"<del>.*?10", html)


def test_one_tap_on_other_bytes_leads_to_reading_them(cast: Cast):
    post = cast.approved()
    incident = declared(cast)
    lifted(cast, incident)
    answer: Any = enter(cast, "nadia").post(reverse("confirm_held", args=[post.pk]), {"digest": "0" * 64})
    assert (answer.status_code, answer.url) == (302, reverse("review", args=[post.pk]))
    assert fresh(post).lifecycle == PostState.HELD


def test_the_unqualified_are_offered_no_tap(cast: Cast):
    cast.approved()
    incident = declared(cast)
    lifted(cast, incident)
    assert "Approve it again" not in words_of(page_of(cast, "sofia", incident))
    assert "Drop it" not in words_of(page_of(cast, "sofia", incident))


# --- Who ----------------------------------------------------------------------------------------
def test_another_brands_incident_is_not_there(cast: Cast):
    incident, made = declared(cast), incidents.pause(cast.ines, cast.brand, WHOLE)
    post = cast.draft()
    stranger = enter(cast, "stranger")
    assert stranger.get(reverse("incident", args=[incident.pk])).status_code == 404
    for name, pk in (
        ("lift_incident", incident.pk), ("begin_statement", incident.pk), ("end_pause", made.pk),
        ("escalate_pause", made.pk), ("confirm_held", post.pk), ("drop_held", post.pk),
    ):  # fmt: skip
        assert stranger.post(reverse(name, args=[pk]), {"reason": FIRE}).status_code == 404, name
    assert Pause.objects.get().ended_at is None


def test_every_verb_is_a_post(cast: Cast):
    ines = enter(cast, "ines")
    for name, args in (
        ("pause_scope", []), ("declare_incident", []), ("end_pause", [1]), ("escalate_pause", [1]),
        ("lift_incident", [1]), ("begin_statement", [1]), ("confirm_held", [1]), ("drop_held", [1]),
    ):  # fmt: skip
        assert ines.get(reverse(name, args=args)).status_code == 405, name


def test_as_many_queries_for_five_held_posts_as_for_one(cast: Cast):
    def count() -> int:
        with CaptureQueriesContext(connection) as caught:
            assert page_of(cast, "nadia", incident).status_code == 200
        return len(caught)

    cast.approved("Un.")
    incident = declared(cast)
    lifted(cast, incident)
    first = count()
    for n in range(4):
        post = cast.approved(f"Encore {n}.")
        incident.stopped.create(post=post, at=incident.declared_at)
        Post.objects.filter(pk=post.pk).update(
            state=PostState.HELD.value, reasons=[{"code": "incident", "incident": incident.pk}]
        )
    assert count() <= first + 4, "who may drop is asked for each"
