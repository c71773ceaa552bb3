"""What a calendar shows of a period: the posts by day, slots that are free or went by, who treads on whom.

Two queries read where everything goes, a third what is shown of it: however full a month is, a day shows
its first posts and says how many more there are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import NamedTuple

from django.core.paginator import Page, Paginator

from accounts.clock import database_now
from accounts.models import Brand, User
from approvals.wording import kind_name
from cm_queue.desk.periods import Period, View, head_of
from cm_queue.desk.queueing import listed_posts
from journal import moments
from posts.crowding import COMING, Clash, clashes_among, places_in
from posts.lifecycle import EDITABLE, PostState
from posts.models import Channel, Post
from posts.scheduling import holidays_of, is_quiet, slots_of
from posts.timetabling import week_of
from posts.titling import title_of

# Posts that a day shows before it folds; one day alone is paged instead.
SHOWN = {View.MONTH: 3, View.WEEK: 8, View.LIST: 12, View.DAY: 50}
# Posts of one period that are looked at, and their places on channels: beyond, the page says so.
MOST = 5_000
UNPLANNED = 6
# Not on anybody's plan any more; shown to whoever asks for them.
_GONE = {PostState.WITHDRAWN}
_PAST = {
    PostState.PUBLISHED, PostState.PARTLY_PUBLISHED, PostState.MISSED, PostState.RETRACTED,
    PostState.WITHDRAWN, PostState.REJECTED, PostState.FAILED,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the filters ask for; empty is everything."""

    channel: int | None = None
    kind: str = ""
    state: str = ""


class Planned(NamedTuple):
    pk: int
    slot: datetime
    state: str
    kind: str


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a day: a post; or, without one, a slot of the brand, free or (`gone`) gone by without a
    release. `yours` is the time on the reader's clocks where they differ; `crowd` how many posts tread on each
    other here, and `crowded_on`, at the first of them, on which channel."""

    at: datetime
    yours: str = ""
    post: Post | None = None
    title: str = ""
    kind: str = ""
    networks: Sequence[tuple[str, str]] = ()
    crowd: int = 0
    crowded_on: str = ""
    gone: bool = False

    @property
    def movable(self) -> bool:
        return self.post is not None and self.post.lifecycle in EDITABLE

    @property
    def past(self) -> bool:
        return self.post is not None and self.post.lifecycle in _PAST

    @property
    def window(self) -> str:
        """The local days inside which it moves without another approval, « 2026-11-23/2026-11-23 »."""
        post = self.post
        if post is None or post.submitted_at is None or not (post.window_from and post.window_until):
            return ""
        return "/".join(
            moments.local(one).date().isoformat() for one in (post.window_from, post.window_until)
        )


@dataclass(slots=True)
class Day:
    """A day on the brand's wall. `inside`: it belongs to what was asked for. `more`: posts folded away."""

    date: date
    head: str
    today: bool
    past: bool
    inside: bool
    holiday: str
    items: list[Item] = field(default_factory=list)
    free: list[Item] = field(default_factory=list)
    more: int = 0
    count: int = 0
    # A weekday on which the brand has no slot, while it has some on others.
    rest: bool = False

    @property
    def empty(self) -> bool:
        """A gap: nothing is planned, and something could be."""
        return not (self.count or self.past or self.holiday or self.rest)


class Plan:
    """A period of a brand's calendar for one reader, loaded together."""

    def __init__(self, user: User, brand: Brand, period: Period, wanted: Wanted, number: int = 1) -> None:
        self.user, self.brand, self.period, self.wanted = user, brand, period, wanted
        self.now = database_now()
        self.today = self.now.astimezone(brand.zone).date()
        self.channels = {one.pk: one for one in Channel.objects.filter(brand=brand).order_by("name", "pk")}
        self.rows = self._rows()
        self.cut = len(self.rows) > MOST
        places = places_in(brand, period.start, period.end, self._shown_states(), 2 * MOST)
        self.clashes = clashes_among(self._coming(places))
        self._on = _channels_by_post(places)
        self.kept = [row for row in self.rows[:MOST] if self._is_wanted(row)]
        self.page = self._page(number)
        self.days = self._days()

    # --- What goes where ------------------------------------------------------------------------
    def _shown_states(self) -> list[PostState]:
        asked = {PostState(self.wanted.state)} if self.wanted.state else set()
        return [one for one in PostState if one not in _GONE or one in asked]

    def _rows(self) -> list[Planned]:
        """By state too, however many there are: the index begins with brand and state."""
        found = Post.objects.filter(
            brand=self.brand,
            state__in=[one.value for one in self._shown_states()],
            slot__gte=self.period.start,
            slot__lt=self.period.end,
        )
        values = found.order_by("slot", "pk").values_list("pk", "slot", "state", "kind")[: MOST + 1]
        return [Planned(pk, slot, state, kind) for pk, slot, state, kind in values if slot]

    def _coming(self, places: Iterable[tuple[int, datetime, int]]) -> list[tuple[int, datetime, int]]:
        coming = {row.pk for row in self.rows if PostState(row.state) in COMING and row.slot > self.now}
        return [place for place in places if place[2] in coming]

    def _is_wanted(self, row: Planned) -> bool:
        wanted = self.wanted
        return (
            (not wanted.kind or row.kind == wanted.kind)
            and (not wanted.state or row.state == wanted.state)
            and (wanted.channel is None or wanted.channel in self._on.get(row.pk, ()))
        )

    def _page(self, number: int) -> Page[Planned] | None:
        """One day alone is paged; in a longer period each day folds."""
        if self.period.view is not View.DAY:
            return None
        return Paginator(self.kept, SHOWN[View.DAY]).get_page(number)

    # --- Day by day ------------------------------------------------------------------------------
    def _days(self) -> list[Day]:
        closed, most = holidays_of(self.brand), SHOWN[self.period.view]
        open_on = {day for one in week_of(self.brand.slots) for day in one.days}
        days = [self._day(self.period.first + timedelta(days=n), closed) for n in range(self.period.days)]
        by_day: dict[date, list[Planned]] = defaultdict(list)
        for row in self.page or self.kept:
            by_day[row.slot.astimezone(self.brand.zone).date()].append(row)
        shown = {day.date: by_day[day.date][:most] for day in days}
        posts = self._load(row.pk for rows in shown.values() for row in rows)
        crowds = self._crowds()
        slots = self._slots(closed)
        for day in days:
            day.rest = bool(open_on) and day.date.weekday() not in open_on
            day.count = len(by_day[day.date])
            day.more = day.count - len(shown[day.date])
            told = [self._item(posts[row.pk], crowds) for row in shown[day.date] if row.pk in posts]
            day.free = [one for one in slots[day.date] if not one.gone]
            day.items = sorted([*told, *self._lines_of(slots[day.date])], key=lambda one: one.at)
        return days

    def _day(self, day: date, closed: Mapping[date, str]) -> Day:
        return Day(
            date=day,
            head=head_of(day),
            today=day == self.today,
            past=day < self.today,
            inside=day in self.period,
            holiday=closed.get(day, ""),
        )

    def _lines_of(self, slots: Sequence[Item]) -> Sequence[Item]:
        """A month says its free slots in one line at the foot of the day."""
        return () if self.period.view is View.MONTH else slots

    def _slots(self, closed: Collection[date]) -> Mapping[date, list[Item]]:
        """The brand's slots at which nothing is planned, outside its quiet hours and holidays. Filters change
        nothing: what they hide is still there."""
        taken = {row.slot for row in self.rows if PostState(row.state) not in _PAST}
        out = {row.slot for row in self.rows}
        found: dict[date, list[Item]] = defaultdict(list)
        for slot in slots_of(self.brand, self.period.first, self.period.days):
            day = slot.astimezone(self.brand.zone).date()
            gone = slot <= self.now
            if day in closed or is_quiet(slot, self.brand) or slot in (out if gone else taken):
                continue
            found[day].append(Item(slot, self.yours(slot), gone=gone))
        return found

    # --- Posts ------------------------------------------------------------------------------------
    def _load(self, ids: Iterable[int]) -> dict[int, Post]:
        return listed_posts(self.brand).in_bulk(list(ids))

    def _crowds(self) -> dict[int, Clash]:
        return {pk: clash for clash in reversed(self.clashes) for pk in clash.posts}

    def _item(self, post: Post, crowds: Mapping[int, Clash]) -> Item:
        clash = crowds.get(post.pk)
        first = clash is not None and clash.first == post.pk
        keys = post.revision.content["channels"] if post.revision else []
        at = post.slot or self.now
        return Item(
            at=at,
            yours=self.yours(at) if post.slot else "",
            post=post,
            title=title_of(post, 80),
            kind=kind_name(post.kind),
            networks=[self._networks[key] for key in keys if key in self._networks],
            crowd=len(clash.posts) if clash else 0,
            crowded_on=self.channels[clash.channel].name if clash and first else "",
        )

    @cached_property
    def _networks(self) -> dict[str, tuple[str, str]]:
        return {one.key: (one.network, one.name) for one in self.channels.values()}

    def yours(self, moment: datetime) -> str:
        """« 3 h à Montréal » for a reader whose clocks show another time just then; else nothing."""
        return moments.elsewhere(moment, self.user.time_zone)

    @cached_property
    def unplanned(self) -> list[Item]:
        """The newest posts under way without a time, to be given one. One more than are shown, at most."""
        states = [PostState.DRAFT, PostState.IN_REVIEW, PostState.CHANGES_REQUESTED]
        found = listed_posts(self.brand).filter(slot=None, state__in=[one.value for one in states])
        return [self._item(post, {}) for post in found.order_by("-pk")[: UNPLANNED + 1]]

    # --- In sum -----------------------------------------------------------------------------------
    @property
    def coming(self) -> list[Planned]:
        """What is still to go out in the days that were asked for."""
        return [
            row
            for row in self.kept
            if row.slot > self.now
            and PostState(row.state) in COMING
            and row.slot.astimezone(self.brand.zone).date() in self.period
        ]

    @property
    def gaps(self) -> list[Day]:
        return [day for day in self.days if day.inside and day.empty]


def _channels_by_post(places: Iterable[tuple[int, datetime, int]]) -> dict[int, set[int]]:
    found: dict[int, set[int]] = defaultdict(set)
    for channel, _slot, post in places:
        found[post].add(channel)
    return found
