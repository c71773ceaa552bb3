"""Posts in the admin panel: found, read whole, held. Everything else is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from accounts.models import User
from approvals.models import Verdict
from approvals.reviewing import revise
from journal.models import Entry
from posts.lifecycle import DeliveryState, PostState
from posts.models import Post
from tests.admin.conftest import Act, send_what_is_due, signed_in
from tests.staging import House, age, delivery_of, fresh, house, say

LIST = "admin:posts_post_changelist"
STORY = "admin:posts_post_change"


def listed(client: Client, **query: str | int) -> list[int]:
    answer = client.get(reverse(LIST), query)
    assert answer.status_code == 200
    return [post.pk for post in answer.context["cl"].result_list]


@pytest.fixture
def posts(desk: House) -> list[Post]:
    first = desk.submitted("Trois gestes pour un abat-jour.")
    second = desk.draft("La lampe Aurore se lève avec vous.", author=desk.marc)
    third = desk.approved("Portrait de Jeanne, souffleuse de verre.", slot="on_approval")
    return [first, second, third]


def test_a_post_is_found_by_text_number_author_state_and_brand(client: Client, posts: list[Post]):
    first, second, third = (post.pk for post in posts)
    assert listed(client, q="abat-jour") == [first]
    assert first in listed(client, q=str(first))
    assert listed(client, q="marc@maison") == [second]
    assert listed(client, **{"is": PostState.DRAFT.value}) == [second]
    other = house("atelier-nord")
    assert listed(client, brand=other.brand.pk) == []
    assert sorted(listed(client, brand=posts[0].brand_id)) == [first, second, third]


def test_the_page_tells_why_it_is_not_out(client: Client, desk: House, posts: list[Post]):
    page = client.get(reverse(STORY, args=[posts[0].pk])).content.decode()
    assert "more approval is needed" in page
    assert "Nadia" in page


def test_the_page_tells_the_whole_story(client: Client, desk: House):
    post = desk.submitted("Nos ampoules durent toute la vie.", slot="on_approval")
    say(desk.nadia, post, Verdict.REQUEST_CHANGES, "On ne promet pas cela.")
    revise(desk.ines, post.pk, {"text": "Nos ampoules durent cinq ans."})
    say(desk.nadia, post)
    age(post, timedelta(seconds=2))
    send_what_is_due()
    assert fresh(post).lifecycle == PostState.PUBLISHED
    page = client.get(reverse(STORY, args=[post.pk])).content.decode()
    for told in (
        "toute la vie",
        "cinq ans",
        "On ne promet pas cela.",
        "request changes",
        "published",
        "accepted",
        "requested changes",
        "wrote a draft",
    ):
        assert told in page, told
    attempt = delivery_of(post).tries.get()
    assert reverse("admin:publishing_attempt_change", args=[attempt.pk]) in page
    gate = post.gate_decisions.get()
    assert reverse("admin:approvals_gatedecision_change", args=[gate.pk]) in page


def test_whoever_runs_the_place_holds_any_post_with_a_reason(act: Act, desk: House):
    post = desk.approved(slot="on_approval")
    assert "is on hold" in act("posts_post", "hold", post, reason="wrong day")[0]
    held = fresh(post)
    assert held.lifecycle == PostState.HELD
    assert held.held_by.name == "Root"  # type: ignore[union-attr]
    assert delivery_of(post).lifecycle == DeliveryState.HELD
    entry = Entry.objects.get(verb="post.hold")
    assert (entry.actor.name, entry.personal.text) == ("Root", "wrong day")  # type: ignore[union-attr]
    assert "nothing to hold" in act("posts_post", "hold", post)[0]
    age(post, timedelta(seconds=2))
    send_what_is_due()
    assert delivery_of(post).attempts == 0


def test_the_story_has_a_form_that_holds(client: Client, desk: House):
    post = desk.submitted()
    page = client.get(reverse(STORY, args=[post.pk])).content.decode()
    assert 'name="action" value="hold"' in page
    draft = desk.draft("Pas encore prêt.")
    assert 'value="hold"' not in client.get(reverse(STORY, args=[draft.pk])).content.decode()


def test_staff_see_and_hold_the_posts_of_their_brands_only(desk: House, act: Act, sam: User):
    elsewhere = house("atelier-nord")
    elsewhere.connect("journal", "console")
    theirs = elsewhere.submitted("Ailleurs.")
    ours = desk.submitted("Ici.")
    User.objects.filter(pk=desk.ines.pk).update(is_staff=True)
    desk.ines.user_permissions.add(Permission.objects.get(codename="view_post"))
    ines = signed_in(desk.ines)
    assert listed(ines) == [ours.pk]
    assert ines.get(reverse(STORY, args=[theirs.pk])).status_code == 302
    act("posts_post", "hold", theirs, by=ines)
    assert fresh(theirs).lifecycle == PostState.IN_REVIEW
    assert "is on hold" in act("posts_post", "hold", ours, by=ines)[0]
    assert signed_in(sam).get(reverse(LIST)).status_code == 403
