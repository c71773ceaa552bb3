"""The desk: what needs this person now, gathered in a number of queries that no row adds to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, pairwise
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Brand, User
from approvals.models import Decision
from approvals.models import Verdict as Said
from approvals.routing import waits_for
from cm_queue.desk import queueing
from cm_queue.desk.explaining import Telling, only_by_hand
from cm_queue.desk.keeping import names_of
from cm_queue.desk.listing import Lister, Row, channels_in, networks_of
from cm_queue.desk.queueing import listed_posts
from journal import moments
from journal.models import Notice
from journal.wording import notice_title
from posts.lifecycle import PostState
from posts.models import Channel, Post
from posts.titling import title_of

PER_PAGE = 8
ON_THE_LINE = 8
NOTICES = 6
MOST_NOTICES = 100
SILENCE = timedelta(hours=4)
WARN_BEFORE = timedelta(days=7)
UNFINISHED = (PostState.DRAFT, PostState.CHANGES_REQUESTED, PostState.REJECTED)
STOPPED = (
    PostState.UNKNOWN, PostState.PARTLY_PUBLISHED, PostState.FAILED, PostState.HELD, PostState.MISSED,
)  # fmt: skip
ON_ITS_WAY = (PostState.SCHEDULED, PostState.RELEASING)


class Desk:
    """All that the page shows, loaded together: the posts of every section are judged at once."""

    def __init__(self, user: User, brand: Brand, *, drafts: int = 1, stopped: int = 1) -> None:
        self.user, self.brand, self.now = user, brand, timezone.now()
        first = queueing.beginning(brand, user)
        self.mine = self._page(self._mine(), drafts)
        self.stopped_page = self._page(self._stopped(), stopped)
        upcoming = self._upcoming()
        judged = queueing.judge(chain(first.posts, self.mine, self.stopped_page, upcoming))
        self.channels = channels_in(brand)
        words = names_of(brand).words
        telling = Telling.about(chain(self.stopped_page, self.mine), words)
        lister = Lister(user.person_id, words, networks_of(self.channels), telling)
        mine = (judged[post.pk] for post in first.posts)
        queue = [one for one in mine if waits_for(one.verdict, user.person_id)]
        self.waiting_count, self.waiting_whole = len(queue), first.whole
        self.waiting = [lister.row(one) for one in queue[:PER_PAGE]]
        said = self._last_words([post.pk for post in self.mine])
        self.drafts = [lister.row(judged[post.pk], said=said.get(post.pk), why=True) for post in self.mine]
        self.stopped = [lister.row(judged[post.pk], why=True) for post in self.stopped_page]
        self.by_hand = {post.pk for post in self.stopped_page if only_by_hand(post, telling)}
        self.line = line([lister.row(judged[post.pk]) for post in upcoming], self.now, brand)
        self.notices = notices(user, brand)
        self.next_release = next(
            (post.slot for post in upcoming if post.lifecycle == PostState.SCHEDULED), None
        )

    def _page(self, posts: Any, number: int) -> Page[Post]:
        return Paginator(posts, PER_PAGE).get_page(number)

    def _mine(self) -> Any:
        mine = Q(author_id=self.user.person_id) | Q(author__same_person_as_id=self.user.person_id)
        return (
            queueing.listed_posts(self.brand)
            .filter(mine, state__in=[one.value for one in UNFINISHED])
            .order_by("-pk")
        )

    def _stopped(self) -> Any:
        states = [one.value for one in STOPPED]
        return queueing.listed_posts(self.brand).filter(state__in=states).order_by("-slot", "-pk")

    def _upcoming(self) -> list[Post]:
        on_its_way = queueing.listed_posts(self.brand).filter(
            state__in=[one.value for one in ON_ITS_WAY], slot__gt=self.now - timedelta(hours=1)
        )
        in_review = queueing.planned_reviews(self.brand, ON_THE_LINE)
        both = [*on_its_way.order_by("slot", "pk")[:ON_THE_LINE], *in_review]
        return sorted(both, key=lambda post: (post.slot or self.now, post.pk))[:ON_THE_LINE]

    def _last_words(self, ids: Sequence[int]) -> dict[int, Decision]:
        """The latest objection to each post."""
        objections = (Said.REQUEST_CHANGES, Said.REJECT)
        rows = (
            Decision.objects.filter(post_id__in=ids, decision__in=objections)
            .select_related("user")
            .order_by("pk")
        )
        return {row.post_id: row for row in rows}

    @property
    def troubled(self) -> list[tuple[Channel, str]]:
        """Channels on which something stands in the way of the next post, and what."""
        found = ((one, trouble_of(one, self.now)) for one in self.channels)
        return [(channel, trouble) for channel, trouble in found if trouble]


def trouble_of(channel: Channel, now: datetime) -> str:
    """One sentence, or nothing for a channel that is well."""
    if channel.paused_at is not None:
        why = f" ({channel.pause_reason})" if channel.pause_reason else ""
        return _("paused%(why)s: what is due there waits until somebody resumes it.") % {"why": why}
    health = getattr(channel, "health", None)
    if health is None:
        return ""
    if not health.ok:
        why = _(health.problem) if health.problem else _("the last check failed")
        return _("%(why)s. Nothing is lost; an owner can connect it again.") % {"why": why.rstrip(".")}
    if health.wait_until is not None and health.wait_until > now:
        return _("the network asked us to wait until %(when)s.") % {"when": moments.clock(health.wait_until)}
    if health.expires_at is not None and health.expires_at - now < WARN_BEFORE:
        return _("our access ends %(when)s: an owner can renew it.") % {
            "when": moments.until(health.expires_at, now)
        }
    return ""


# --- The line of time ---------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Mark:
    """One place on the line of time. `kind`: now, row, void (a silence), day."""

    kind: str
    at: datetime | None = None
    text: str = ""
    row: Row | None = None


def line(rows: Sequence[Row], now: datetime, brand: Brand) -> list[Mark]:
    """The next releases with the days and the silences between them."""
    found = [Mark("now", now)]
    due = [(row.post.slot, row) for row in rows if row.post.slot is not None]
    for (before, _row), (at, row) in pairwise([(now, None), *due]):
        day = at.astimezone(brand.zone).date()
        if day != max(before, now).astimezone(brand.zone).date():
            found.append(Mark("day", text=_day(at, now, brand)))
        elif at - before >= SILENCE:
            found.append(
                Mark("void", text=_("%(span)s without a release") % {"span": moments.span(at - before)})
            )
        found.append(Mark("row", at, row=row))
    return found


def _day(at: datetime, now: datetime, brand: Brand) -> str:
    tomorrow = (now + timedelta(days=1)).astimezone(brand.zone).date()
    words = moments.day(at)
    return _("Tomorrow, %(day)s") % {"day": words} if at.astimezone(brand.zone).date() == tomorrow else words


# --- Notices -------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Told:
    """A notice in words, with its post and what that is called."""

    notice: Notice
    title: str
    post: Post | None
    about: str

    @property
    def review(self) -> bool:
        return self.notice.kind == "review.asked"

    @property
    def by_hand(self) -> int | None:
        """The delivery that waits to be posted by hand, whose page has the bytes."""
        pk = self.notice.data.get("by_hand")
        return int(pk) if pk else None


@dataclass(frozen=True, slots=True)
class Unread:
    """The newest notices, how many there are (at most `MOST_NOTICES`, for which a page says “99+”), and up to
    which id the page showed them."""

    rows: Sequence[Told]
    count: int
    up_to: int

    @property
    def told(self) -> str:
        return f"{MOST_NOTICES - 1}+" if self.count >= MOST_NOTICES else str(self.count)

    @property
    def older(self) -> str:
        rest = min(self.count, MOST_NOTICES - 1) - len(self.rows)
        return f"{rest}+" if self.count >= MOST_NOTICES else str(rest)


def notices(user: User, brand: Brand) -> Unread:
    unread = Notice.objects.filter(user=user, brand=brand, read_at__isnull=True)
    count = unread[:MOST_NOTICES].count()
    rows = list(unread.order_by("-pk")[:NOTICES]) if count else []
    posts = listed_posts(brand).in_bulk({one.post_id for one in rows if one.post_id})
    told = []
    for one in rows:
        post = posts.get(one.post_id or 0)
        told.append(Told(one, notice_title(one), post, title_of(post, 56) if post else ""))
    return Unread(told, count, rows[0].pk if rows else 0)
