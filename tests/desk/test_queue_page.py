"""The queue's page: found again by paging and search, and as light for a full desk as for an empty one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from html import unescape
from itertools import pairwise
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.core.cache import caches
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from approvals.incidents import declare
from approvals.inviting import deactivate
from approvals.standing import DESK_SHELF
from cm_queue.desk import keeping, queue_page
from cm_queue.desk.queueing import PER_PAGE
from posts.models import Post
from tests.casting import Cast, digest_of, in_hours
from tests.casting import cast as cast  # noqa: PLC0414
from tests.desk.entering import enter

QUEUE = reverse("review_queue")
_TRANSACTIONS = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the web server, where a brand that was just read is not read again."""
    monkeypatch.setattr(DESK_SHELF, "LASTS_S", 60.0)
    monkeypatch.setattr(DESK_SHELF, "_kept", {})
    monkeypatch.setattr(keeping, "_kept", {})
    monkeypatch.setattr(keeping, "LASTS_S", 60.0)


def fill(cast: Cast, n: int) -> list[Post]:
    return [cast.submitted(f"À relire {k}.", slot=in_hours(1 + k / 10).isoformat()) for k in range(n)]


def statements(client: Client, path: str, form: dict[str, str] | None = None) -> int:
    """What a page sends the database, without what opens and ends a transaction."""
    with CaptureQueriesContext(connection) as seen:
        answer = client.get(path) if form is None else client.post(path, form)
    assert answer.status_code == (200 if form is None else 302)
    return sum(not one["sql"].startswith(_TRANSACTIONS) for one in seen.captured_queries)


def text(answer: Any) -> str:
    return unescape(answer.content.decode())


def test_a_long_queue_comes_in_pages(cast: Cast):
    fill(cast, PER_PAGE + 2)
    client = enter(cast, "nadia")
    first = client.get(QUEUE)
    assert [row.title for row in first.context["queue"].rows] == [f"À relire {k}." for k in range(PER_PAGE)]
    assert first.context["queue"].headline.startswith(f"More than {PER_PAGE} posts wait for you")
    assert first.context["queue"].newer == ""
    second = client.get(QUEUE + first.context["queue"].older)
    assert [row.title for row in second.context["queue"].rows] == ["À relire 20.", "À relire 21."]
    assert second.context["queue"].older == ""
    again = client.get(QUEUE + second.context["queue"].newer)
    assert [row.title for row in again.context["queue"].rows] == [
        row.title for row in first.context["queue"].rows
    ]


def test_a_search_keeps_its_words_and_says_when_nothing_fits(cast: Cast):
    fill(cast, 3)
    client = enter(cast, "nadia")
    found = client.get(QUEUE, {"q": "relire 1", "kind": "routine"})
    assert [row.title for row in found.context["queue"].rows] == ["À relire 1."]
    assert 'value="relire 1"' in text(found)
    nothing = client.get(QUEUE, {"q": "introuvable"})
    assert nothing.context["queue"].headline == "Nothing of the kind waits for you."
    assert "No post that waits for you fits" in text(nothing)
    assert 'name="q"' in text(nothing), "the search is there to be changed"


@pytest.mark.parametrize(
    "query", ["?after=x", "?before=9", "?author=x", "?channel=nowhere", "?kind=no", "?q=" + "a" * 200]
)
def test_an_address_that_is_none_shows_the_queue(cast: Cast, query: str):
    fill(cast, 1)
    assert len(enter(cast, "nadia").get(QUEUE + query).context["queue"].rows) == 1


def test_another_brands_posts_are_not_in_it(cast: Cast):
    fill(cast, 1)
    assert enter(cast, "stranger").get(QUEUE).context["queue"].rows == []


@pytest.mark.slow
@pytest.mark.usefixtures("kept")
def test_the_page_stays_light(cast: Cast):
    """At most twelve statements and 60 kB, at 3 posts as at 30."""
    fill(cast, 3)
    client = enter(cast, "nadia")
    client.get(QUEUE)
    few = statements(client, QUEUE)
    fill(cast, 27)
    client.get(QUEUE)
    assert statements(client, QUEUE) == few <= 12
    assert statements(client, f"{QUEUE}?q=relire&kind=routine") <= 12
    assert len(client.get(QUEUE).content) < 60_000


@pytest.mark.slow
@pytest.mark.usefixtures("kept")
def test_an_approval_takes_at_most_twenty_statements(cast: Cast):
    """With the address that the review page gives its form, and however many others wait or were decided on."""
    posts = fill(cast, 8)
    client = enter(cast, "nadia")

    def approve(post: Post, then: Post) -> int:
        form = {"decision": "approve", "digest": digest_of(post)}
        return statements(client, f"{reverse('decide', args=[post.pk])}?then={then.pk}", form)

    counts = [approve(post, then) for post, then in pairwise(posts)]
    assert counts[-1] <= 20
    assert counts[-1] == counts[-2] == counts[-3]


@pytest.mark.usefixtures("kept")
def test_a_standing_that_was_raised_is_seen_at_once(cast: Cast):
    """What the web server keeps of a brand must not outlive a change."""
    fill(cast, 1)
    client = enter(cast, "nadia")
    assert not client.get(QUEUE).context["house"].alarms
    declare(cast.victor, cast.brand, {"brand": True}, "Une lampe chauffe.")
    assert client.get(QUEUE).context["house"].alarms


# --- Drawn once -----------------------------------------------------------------------------------
@pytest.fixture
def drawn(kept: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As in the web server, where a page that was drawn a moment ago is not drawn anew. Nothing of it is left to
    another test, whose rows may have the same numbers."""
    caches["pages"].clear()
    monkeypatch.setattr(queue_page, "KEPT_S", 60)
    yield
    caches["pages"].clear()


@pytest.mark.usefixtures("drawn")
def test_a_page_is_drawn_once_while_nothing_happens(cast: Cast):
    fill(cast, 3)
    client = enter(cast, "nadia")
    first = client.get(QUEUE)
    assert statements(client, QUEUE) <= 6
    assert rows_in(client.get(QUEUE)) == rows_in(first) == ["À relire 0.", "À relire 1.", "À relire 2."]


def rows_in(answer: Any) -> list[str]:
    """The titles on the page, whether it was drawn now or before."""
    return re.findall(r"À relire \d+\.", text(answer))


def _approve(cast: Cast, posts: list[Post]) -> None:
    cast.say("nadia", posts[0])


def _object(cast: Cast, posts: list[Post]) -> None:
    cast.say("hugo", posts[0], "request_changes")


def _write_more(cast: Cast, posts: list[Post]) -> None:
    cast.submitted("À relire 9.", slot=in_hours(9).isoformat())


def _end_expertise(cast: Cast, posts: list[Post]) -> None:
    deactivate(cast.olga, cast.nadia.memberships.get(brand=cast.brand))


@pytest.mark.parametrize(
    ("act", "left"),
    [
        (_approve, ["À relire 1."]),
        (_object, ["À relire 1."]),
        (_write_more, ["À relire 0.", "À relire 1.", "À relire 9."]),
        (_end_expertise, []),
    ],
)
@pytest.mark.usefixtures("drawn")
def test_whatever_happens_is_seen_with_the_next_look(
    cast: Cast, act: Callable[[Cast, list[Post]], None], left: list[str]
):
    posts = fill(cast, 2)
    client = enter(cast, "nadia")
    assert rows_in(client.get(QUEUE)) == ["À relire 0.", "À relire 1."]
    act(cast, posts)
    assert rows_in(client.get(QUEUE)) == left


@pytest.mark.usefixtures("drawn")
def test_what_was_drawn_is_for_this_reader_address_and_language_alone(cast: Cast):
    fill(cast, 2)
    nadia = enter(cast, "nadia")
    assert len(rows_in(nadia.get(QUEUE))) == 2
    assert rows_in(enter(cast, "ines").get(QUEUE)) == [], "she wrote them"
    assert rows_in(enter(cast, "stranger").get(QUEUE)) == []
    assert rows_in(nadia.get(QUEUE, {"q": "relire 1"})) == ["À relire 1."]
    nadia.cookies[settings.LANGUAGE_COOKIE_NAME] = "fr"
    assert "Chercher dans la file" in text(nadia.get(QUEUE))


@pytest.mark.usefixtures("drawn")
def test_what_was_drawn_is_drawn_anew_in_a_while(cast: Cast):
    """Time itself brings news that nobody wrote down."""
    fill(cast, 1)
    client = enter(cast, "nadia")
    soon = text(client.get(QUEUE))
    with time_machine.travel(timezone.now() + timedelta(minutes=10)):
        assert text(client.get(QUEUE)) != soon
