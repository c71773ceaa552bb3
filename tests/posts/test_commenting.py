"""Comments are heard by the author and by those who spoke before, never by whoever makes them."""

from __future__ import annotations

import pytest
from django.db import transaction

from accounts.models import User
from accounts.refusals import Invalid, NotHere
from approvals.reviewing import draft
from cm_queue.seeding import SLUG, seed_demo
from journal.models import Notice
from posts.commenting import comment
from posts.models import Comment, Contribution

pytestmark = pytest.mark.django_db


@pytest.fixture
def post_id() -> int:
    brand = seed_demo(posts=False)
    return draft(_person("ines"), brand, {"text": "Une lampe se lève.", "channels": ["demo"]}).pk


def _person(key: str) -> User:
    return User.objects.get(email=f"{key}@{SLUG}.example")


def _told() -> set[str]:
    return set(Notice.objects.filter(kind="comment.add").values_list("user__name", flat=True))


def test_the_author_hears_a_comment_and_its_maker_does_not(post_id: int) -> None:
    comment(_person("nadia"), post_id, "Trop court ?", quote="Une lampe")
    assert _told() == {"Inès"}


def test_who_spoke_before_hears_the_answer(post_id: int) -> None:
    first = comment(_person("nadia"), post_id, "Trop court ?")
    Notice.objects.all().delete()
    comment(_person("ines"), post_id, "J’allonge.", parent=first.pk)
    assert _told() == {"Nadia"}


def test_a_comment_is_no_contribution(post_id: int) -> None:
    comment(_person("nadia"), post_id, "Très bien.")
    assert not Contribution.objects.filter(user=_person("nadia")).exists()


@pytest.mark.parametrize("text", ["", "   ", "nul \x00", "x" * 5001])
def test_what_cannot_be_stored_is_refused_at_its_field(post_id: int, text: str) -> None:
    with pytest.raises(Invalid) as refusal, transaction.atomic():
        comment(_person("nadia"), post_id, text)
    assert "text" in refusal.value.fields
    assert not Comment.objects.exists()


def test_a_passage_that_is_not_there_is_refused(post_id: int) -> None:
    with pytest.raises(Invalid) as refusal:
        comment(_person("nadia"), post_id, "Ici ?", quote="un abat-jour")
    assert refusal.value.code == "no_such_passage"


def test_an_outsider_finds_no_post(post_id: int) -> None:
    outsider = User.objects.create_user("dehors@ailleurs.example", None, name="Dehors")
    with pytest.raises(NotHere):
        comment(outsider, post_id, "Bonjour")
