"""The desk: what needs this person now, in the same number of queries for 3 posts and for 30."""

from __future__ import annotations

from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from approvals import steering
from cm_queue.desk.gathering import PER_PAGE, trouble_of
from journal.models import Notice
from posts.lifecycle import PostState
from posts.models import Channel
from publishing.models import ChannelHealth
from tests.casting import Cast, due, fresh, in_hours
from tests.casting import cast as cast  # noqa: PLC0414
from tests.desk.entering import enter

DESK = reverse("desk")


@pytest.fixture(autouse=True)
def channels_are_well(cast: Cast) -> None:
    """The seed checks its channel, and no demonstration network runs here."""
    ChannelHealth.objects.update(ok=True, problem="", failures=0)


def page(cast: Cast, who: str, path: str = DESK) -> Any:
    answer = enter(cast, who).get(path)
    assert answer.status_code == 200
    return answer


def html_of(answer: Any) -> str:
    return unescape(answer.content.decode())


def titles(rows: Any) -> list[str]:
    return [row.title for row in rows]


def test_a_post_waits_for_those_who_could_cover_what_is_missing_and_for_nobody_else(cast: Cast):
    cast.submitted("Un post courant à relire.")
    for who in ("marc", "nadia", "victor", "hugo"):
        assert titles(page(cast, who).context["desk"].waiting) == ["Un post courant à relire."], who
    for who in ("ines", "sofia", "olga"):
        assert page(cast, who).context["desk"].waiting == [], who


def test_an_expert_is_called_only_for_what_is_still_missing(cast: Cast):
    launch = cast.submitted("La lampe arrive.", kind="launch", products=[cast.lamp])
    assert titles(page(cast, "sofia").context["desk"].waiting) == ["La lampe arrive."]
    cast.say("nadia", launch)
    assert page(cast, "nadia").context["desk"].waiting == []
    row = page(cast, "sofia").context["desk"].waiting[0]
    assert (row.met, row.needed) == (3, 4)
    assert row.yours == "Lampe Aurore 2"


def test_whoever_wrote_in_it_is_not_asked_to_read_it(cast: Cast):
    post = cast.submitted("Écrit à deux.")
    cast.edit("nadia", post, text="Écrit à deux, et relu.")
    assert page(cast, "nadia").context["desk"].waiting == []
    assert titles(page(cast, "hugo").context["desk"].waiting) == ["Écrit à deux, et relu."]


def test_the_soonest_slot_stands_first_and_the_headline_says_so(cast: Cast):
    cast.submitted("Celui de demain.", slot=in_hours(30).isoformat())
    cast.submitted("Celui de tout à l’heure.", slot=in_hours(1).isoformat())
    answer = page(cast, "nadia")
    assert titles(answer.context["desk"].waiting) == ["Celui de tout à l’heure.", "Celui de demain."]
    assert answer.context["headline"].startswith("Two posts wait for you; the first goes out ")
    assert "<h1>Two posts wait for you" in html_of(answer)


def test_the_author_finds_the_reviewers_words_at_the_draft(cast: Cast):
    post = cast.submitted("Nos ampoules durent toute la vie.")
    cast.say("nadia", post, "request_changes", "Dis « cinq ans ».", motive="facts")
    answer = page(cast, "ines")
    (row,) = answer.context["desk"].drafts
    assert row.said.comment == "Dis « cinq ans »."
    assert answer.context["headline"] == "Nadia asks you for a correction."
    assert "Dis « cinq ans »." in html_of(answer)
    assert "facts" in html_of(answer)
    assert page(cast, "marc").context["desk"].drafts == []


def test_what_is_stopped_says_why_and_what_to_do(cast: Cast):
    post = cast.approved("Une promesse.")
    steering.hold(cast.olga, post.pk, "Le prix a changé.")
    answer = page(cast, "ines")
    (row,) = answer.context["desk"].stopped
    expected = "Olga put it on hold: “Le prix a changé”. A qualified person can resume it."
    assert row.sentence == expected
    assert expected in html_of(answer)
    assert reverse("post", args=[post.pk]) in html_of(answer)


def test_the_next_releases_stand_on_a_line_of_time_with_their_silences(cast: Cast):
    slot = timezone.now() + timedelta(hours=6)
    cast.approved("Le premier.", slot=slot.isoformat())
    marks = page(cast, "marc").context["desk"].line
    assert marks[0].kind == "now"
    assert [mark.row.title for mark in marks if mark.kind == "row"] == ["Le premier."]
    assert {"void", "day"} & {mark.kind for mark in marks}, "six hours without a release go unsaid"


def test_a_channel_in_trouble_is_named_with_the_next_step(cast: Cast):
    channel = Channel.objects.get(brand=cast.brand, key="demo")
    assert page(cast, "olga").context["desk"].troubled == []
    ChannelHealth.objects.filter(channel=channel).update(ok=False, problem="Access refused.")
    ((found, trouble),) = page(cast, "olga").context["desk"].troubled
    assert found == channel
    assert trouble == "Access refused. Nothing is lost; an owner can connect it again."


def test_an_access_that_ends_soon_is_a_trouble_and_a_later_one_is_not(cast: Cast):
    channel = Channel.objects.select_related("health").get(brand=cast.brand, key="demo")
    now = timezone.now()
    channel.health.expires_at = now + timedelta(days=3)
    assert trouble_of(channel, now) == "our access ends in 3\u00a0days: an owner can renew it."
    channel.health.expires_at = now + timedelta(days=30)
    assert trouble_of(channel, now) == ""


def test_notices_are_read_up_to_what_the_page_showed(cast: Cast):
    cast.submitted("Un post.")
    unread = Notice.objects.filter(read_at__isnull=True)
    told = unread.first()
    assert told is not None
    who = next(key for key, user in cast.people.items() if user == told.user)
    answer = page(cast, who)
    assert "Inès asks you to read a post" in html_of(answer)
    later = Notice.objects.create(user=told.user, brand=cast.brand, kind="post.missed")
    up_to = answer.context["desk"].notices.up_to
    done = enter(cast, who).post(reverse("read_notices"), {"up_to": up_to})
    assert done.status_code == 302
    assert list(unread.filter(user=told.user)) == [later]


def test_nobody_reads_another_persons_notices(cast: Cast):
    mine = Notice.objects.create(user=cast.ines, brand=cast.brand, kind="post.missed")
    enter(cast, "marc").post(reverse("read_notices"), {"up_to": mine.pk})
    mine.refresh_from_db()
    assert mine.read_at is None


def fill(cast: Cast, number: int) -> None:
    """In every section of Nadia's desk `number` posts more."""
    for n in range(number):
        cast.submitted(f"À relire numéro {n}.", slot=in_hours(2 + n).isoformat())
        cast.draft(f"Brouillon numéro {n}.", author=cast.nadia)
        asked = cast.submitted(f"À corriger numéro {n}.", author=cast.nadia, slot=in_hours(3 + n).isoformat())
        cast.say("hugo", asked, "request_changes", "Non.")
        held = cast.approved(f"Suspendu numéro {n}.", slot=in_hours(4 + n).isoformat())
        steering.hold(cast.marc, held.pk, "Attendons.")
        cast.approved(f"Prêt numéro {n}.", slot=in_hours(5 + n).isoformat())
        Notice.objects.create(user=cast.nadia, brand=cast.brand, kind="post.missed", post_id=held.pk)


def queries(cast: Cast, path: str) -> int:
    client = enter(cast, "nadia")
    client.get(path)
    with CaptureQueriesContext(connection) as seen:
        assert client.get(path).status_code == 200
    # PostgreSQL is asked for its clock, which reads no row; SQLite has none of its own.
    return sum("clock_timestamp" not in one["sql"] for one in seen)


@pytest.mark.slow
def test_rows_cost_no_queries(cast: Cast):
    fill(cast, 3)
    few = {path: queries(cast, path) for path in (DESK, reverse("review_queue"))}
    fill(cast, 27)
    assert {path: queries(cast, path) for path in few} == few
    assert max(few.values()) <= 45


def test_long_sections_come_in_pages(cast: Cast):
    for n in range(PER_PAGE + 1):
        cast.draft(f"Brouillon numéro {n}.")
    first = page(cast, "ines")
    assert len(first.context["desk"].drafts) == PER_PAGE
    assert "?drafts=2" in html_of(first)
    second = page(cast, "ines", f"{DESK}?drafts=2")
    assert titles(second.context["desk"].drafts) == ["Brouillon numéro 0."]
    assert page(cast, "ines", f"{DESK}?drafts=٣x").context["desk"].mine.number == 1


def test_a_desk_is_for_members_and_shows_their_brand_only(cast: Cast):
    cast.submitted("À nous.")
    assert enter(cast, "ines").get(DESK).status_code == 200
    theirs = enter(cast, "stranger").get(DESK)
    assert "À nous." not in html_of(theirs)
    assert theirs.context["headline"] == "Nothing waits for you."


def test_a_visitor_is_asked_to_sign_in(client: Any, db: None):
    answer = client.get(DESK)
    assert answer.status_code == 302
    assert answer.url.startswith(reverse("account_login"))


def test_a_missed_post_offers_another_slot(cast: Cast):
    post = cast.submitted("Trop tard.")
    due(post, late=timedelta(hours=3))
    cast.say("nadia", post)
    assert fresh(post).lifecycle == PostState.MISSED
    answer = page(cast, "ines")
    (row,) = answer.context["desk"].stopped
    assert row.sentence.endswith("Nothing is lost: choose another slot.")
    assert f"{reverse('post', args=[post.pk])}#acts" in html_of(answer)
