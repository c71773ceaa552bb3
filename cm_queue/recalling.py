"""What the demonstration remembers: two weeks of a brand's life, each post on its own way.

Nothing is written past the verbs. Every draft, word and release happens at its moment (`accounts/clock.py`)
through the same gate and the same engine as today's; at the far side answers the demonstration network itself,
in this process, or somebody who refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

import httpx
from django.conf import settings
from django.utils import timezone

from accounts.clock import back_then, database_now
from accounts.models import Brand, User
from approvals.reviewing import Word, decide, draft, revise, submit
from approvals.steering import withdraw
from cm_queue.demo_network import DemoNetwork
from cm_queue.recalled import STORIES, End, Said, Story
from journal.models import Notice
from posts.commenting import comment
from posts.models import Comment, Media, Post, Revision
from posts.reading import Draft
from publishing.claiming import claim
from publishing.outcomes import record_results
from publishing.releasing import Sending, send, start_sending
from publishing.retracting import retract
from publishing.ticking import miss_unapproved

# As long before its slot a post is written, and as long after that the next thing is said of it.
WRITTEN_BEFORE: Final = timedelta(hours=27)
BETWEEN: Final = timedelta(minutes=23)
# People do not answer by the clock: a word comes after so many times BETWEEN, by turns. Slots lie on half hours, and
# no sum of these does: no two things happen in one minute, however slow the machine that remembers them.
_PATIENCE: Final = (1, 4, 2, 9, 3, 1, 14, 6)
_WORKER: Final = "recalled"
Event = tuple[datetime, Callable[[], None]]


@dataclass
class _Way:
    """One story while it is told; `post` once it is written."""

    story: Story
    slot: datetime
    post: Post | None = None

    @property
    def pk(self) -> int:
        assert self.post is not None
        return self.post.pk


class Memory:
    """Two weeks of one brand."""

    def __init__(self, brand: Brand, people: Mapping[str, User], picture: Media, alt: str) -> None:
        self.brand, self.people, self.picture, self.alt = brand, people, picture, alt
        network = DemoNetwork(settings.DATA_DIR / "demo_network", database_now)
        self._line = httpx.Client(transport=httpx.WSGITransport(app=network))
        self._refusing = httpx.Client(transport=httpx.MockTransport(_refuse))

    def live(self) -> int:
        """Everything in the order in which it happened; answers how many posts there are now."""
        began = timezone.now()
        today = began.astimezone(self.brand.zone).date()
        ways = [_Way(one, _slot(one, today, self.brand)) for one in STORIES]
        events = [event for way in ways for event in self._events(way)]
        with self._line, self._refusing:
            for moment, happen in sorted(events, key=lambda event: event[0]):
                with back_then(moment):
                    happen()
                _date_back(began, moment)
        return len(ways)

    # --- One story -----------------------------------------------------------------------------------
    def _events(self, way: _Way) -> Iterator[Event]:
        story, moment = way.story, way.slot - WRITTEN_BEFORE
        yield moment, lambda: self._write(way)
        for number, said in enumerate(story.said):
            moment += BETWEEN * _PATIENCE[(len(story.text) + 3 * number) % len(_PATIENCE)]
            yield moment, lambda said=said: self._say(way, said)  # type: ignore[misc]
        if story.end == End.WITHDRAWN:
            yield moment + BETWEEN, lambda: _void(withdraw(self._author(story), way.pk))
        elif story.end == End.MISSED:
            yield way.slot + timedelta(seconds=9), lambda: _void(miss_unapproved())
        else:
            yield way.slot + timedelta(seconds=1 + len(story.text) % 7), lambda: self._release(way)
        if story.end == End.RETRACTED:
            yield way.slot + timedelta(minutes=40), lambda: _void(retract(self.people["nadia"], way.pk))

    def _author(self, story: Story) -> User:
        return self.people[story.author]

    def _write(self, way: _Way) -> None:
        story = way.story
        fields: Draft = {
            "text": story.text,
            "channels": list(story.channels),
            "slot": way.slot.astimezone(self.brand.zone).isoformat(),
            "kind": story.kind,
            "products": list(story.products),
        }
        if story.picture:
            fields["media"] = [{"id": self.picture.pk, "alt": self.alt}]
        way.post = draft(self._author(story), self.brand, fields)
        submit(self._author(story), way.pk)

    def _say(self, way: _Way, said: Said) -> None:
        person = self.people[said.who] if said.who else self._author(way.story)
        if said.rewritten:
            revise(person, way.pk, {"text": said.rewritten})
        elif said.verdict is None:
            comment(person, way.pk, said.text)
        else:
            fresh = Post.objects.select_related("revision").get(pk=way.pk)
            digest = fresh.revision.digest if fresh.revision else ""
            decide(person, way.pk, Word(said.verdict.value, digest, said.text, said.motive))

    # --- Out -----------------------------------------------------------------------------------------
    def _release(self, way: _Way) -> None:
        sendings = start_sending(claim(_WORKER, 50), _WORKER)
        record_results([send(one, self._line_for(one, way)) for one in sendings])

    def _line_for(self, sending: Sending, way: _Way) -> httpx.Client:
        refused = way.story.end == End.REFUSED or (
            way.story.end == End.PARTLY and sending.delivery.channel.key != way.story.channels[0]
        )
        return self._refusing if refused else self._line


def _refuse(request: httpx.Request) -> httpx.Response:
    """A far side that takes nothing: what a network says whose moderation objects."""
    return httpx.Response(422, json={"error": "Validation failed: this account may not post links today"})


def _void(_answer: object) -> None:
    """What a verb answers is of no use here."""


def _slot(story: Story, today: date, brand: Brand) -> datetime:
    local = datetime.combine(today - timedelta(days=story.days), time.fromisoformat(story.at))
    return local.replace(tzinfo=brand.zone)


def _date_back(began: datetime, moment: datetime) -> None:
    """The rows that bear the moment at which they were stored, and not the database's."""
    for model in (Post, Revision, Comment):
        model.objects.filter(created_at__gte=began).update(created_at=moment)
    Notice.objects.filter(created_at__gte=began).update(created_at=moment, read_at=moment, mailed_at=moment)
