"""A mail about a post says which one, until when, and shows nobody else's words."""

from __future__ import annotations

from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Membership, User
from journal.models import Notice, Topic
from journal.preferring import topic_of
from publishing import ticking
from publishing.announcing import describe, mail_digests, mail_notices
from tests.casting import TEXT, Cast, fresh, in_hours
from tests.casting import cast as cast  # noqa: PLC0414

MARK = "Trois gestes"


def of(kind: str) -> list[Notice]:
    return list(Notice.objects.filter(kind=kind).select_related("user", "brand").order_by("pk"))


def test_whoever_is_asked_reads_what_until_when_and_where(cast: Cast):
    slot = in_hours(3)
    post = cast.submitted(slot=slot.isoformat())
    User.objects.update(language="en")
    assert mail_notices() >= 1
    letters = [one for one in mail.outbox if "asks you to read a post" in one.subject]
    assert letters
    for one in letters:
        assert TEXT in one.body
        assert f"/review/{post.pk}/" in one.body
        assert "Read it, then approve it" in one.body
        assert f"{slot.astimezone(cast.brand.zone):%H:%M} (Paris)." in one.body


def test_the_text_of_a_post_only_goes_to_members_of_its_brand(cast: Cast):
    post = cast.submitted()
    Notice.objects.all().delete()
    Notice.objects.create(user=cast.stranger, brand=cast.brand, kind="post.held", post_id=post.pk)
    Notice.objects.create(user=cast.stranger, brand=cast.elsewhere, kind="post.held", post_id=post.pk)
    Membership.objects.get_or_create(brand=cast.elsewhere, user=cast.stranger)
    mail_notices()
    assert len(mail.outbox) == 1, "of the brand they belong to, and of no other"
    assert MARK not in str(mail.outbox[0].body) + str(mail.outbox[0].alternatives[0][0])


def test_what_is_settled_has_no_time_limit_any_more(cast: Cast):
    post = cast.approved()
    (told,) = of("decision.approve")
    assert describe([told])[told.pk].until is None
    asked = of("review.asked")[0]
    assert fresh(post).lifecycle.value == "scheduled"
    assert describe([asked])[asked.pk].until is None


def test_any_number_of_notices_costs_as_much(cast: Cast):
    for n in range(4):
        cast.submitted(f"Numéro {n}.", slot=in_hours(2 + n).isoformat())
    asked = of("review.asked")
    assert len(asked) >= 4
    with CaptureQueriesContext(connection) as few:
        describe(asked[:1])
    with CaptureQueriesContext(connection) as many:
        describe(asked)
    assert len(few) == len(many)


def test_the_ticker_sends_both(cast: Cast):
    cast.submitted()
    Notice.objects.create(user=cast.ines, brand=cast.brand, kind="comment.add", data={"who": "Nadia"})
    assert topic_of("comment.add") == Topic.TALK
    assert {mail_notices, mail_digests} <= set(ticking._PARTS)
    mail_notices()
    mail_digests()
    assert mail.outbox
    assert Notice.objects.get(kind="comment.add").in_digest
