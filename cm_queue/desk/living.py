"""Pages that stay true while they are open: what a page shows has a stamp, and the script asks whether it still
holds. An unchanged page costs one query and an empty answer (304)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Count, F, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.models import Brand, User
from accounts.preparing import Prepared
from approvals.routing import unanswered
from cm_queue.desk.alarming import alarms_of
from cm_queue.desk.numbers import number_in
from journal.models import Entry, Notice

if TYPE_CHECKING:
    from cm_queue.desk.guarding import MemberRequest
    from posts.models import Post

# Sentences such as "in 25 minutes" go stale by themselves.
CLOCK_S = 300
# Entries are numbered when they are written and seen when they are committed, not always in that order: the
# last so many are counted too.
RECENT = 100
MOST_COUNTED = 9


@dataclass(frozen=True, slots=True)
class Stamp:
    """What happened so far, as one word: it differs as soon as something else has happened. Behind the `~`
    stands the clock, whose change alone is no news. `unread` are notices."""

    user: int
    brand: int
    post: int | None
    acts: str
    unread: int

    @property
    def word(self) -> str:
        clock = int(timezone.now().timestamp()) // CLOCK_S
        return f"{self.user}.{self.brand}.{self.post or 0}.{self.acts}.{self.unread}~{clock}"

    @property
    def url(self) -> str:
        """Where the script asks."""
        post = f"&post={self.post}" if self.post else ""
        return f"{reverse('live')}?brand={self.brand}{post}"

    @property
    def who(self) -> str:
        """For whom and of which brand the page is: another window may have changed either."""
        return f"{self.user}.{self.brand}"


def stamp_of(user: User, brand: Brand, post: int | None = None) -> Stamp:
    """The stamp of a brand's pages, or of one post's: the acts on it, and the brand's standing (expertise,
    rules, incidents), which may change the verdict on it. One query."""
    keys = (user.pk, brand.pk) if post is None else (user.pk, brand.pk, post)
    (row,) = _STAMP.rows(*keys)
    return Stamp(user.pk, brand.pk, post, "-".join(map(str, row[:4])), row[4])


def _stamp(user: int, brand: int, post: int | None = None) -> QuerySet[Brand, Any]:
    entries = Entry.objects.filter(brand=brand)
    last = entries.order_by("-pk").values("pk")[:1]
    if post is None:
        # There are no more of them; told so, PostgreSQL reads them at once and does not start two workers to count.
        recent = entries.filter(pk__gt=Coalesce(Subquery(last), Value(0)) - RECENT).order_by("-pk")
        entries = entries.filter(pk__in=recent.values("pk")[:RECENT])
    else:
        entries = entries.filter(post_id=post)
    mine = Notice.objects.filter(user=user)
    told = mine.order_by("-pk").values("pk")[:1]
    # As many as are told apart from “9+”, however many lie there unread.
    unread = mine.filter(
        pk__in=mine.filter(brand=brand, read_at__isnull=True).values("pk")[: MOST_COUNTED + 2]
    )
    return (
        Brand.objects.filter(pk=brand)
        .annotate(
            happened=_number(entries),
            last=Value(0) if post else Coalesce(Subquery(last), Value(0)),
            told=Coalesce(Subquery(told), Value(0)),
            unread=_number(unread),
            holds=F("standing"),
        )
        .values_list("last", "happened", "told", "holds", "unread")
    )


_STAMP = Prepared(_stamp)


def _number(rows: QuerySet[Entry] | QuerySet[Notice]) -> Coalesce:
    """How many rows, within a query of something else."""
    counted = rows.order_by().values("brand").annotate(number=Count("pk")).values("number")
    return Coalesce(Subquery(counted), Value(0))


def asked_for(user: User, brand: Brand) -> int:
    """How many posts in review this person was asked to read and has not answered yet; beyond nine, ten. Looks at
    ten rows, whatever the desk holds."""
    return len(_ASKED.rows(user.pk, brand.pk))


_ASKED = Prepared(lambda user, brand: unanswered(user, brand).values_list("pk")[: MOST_COUNTED + 1])


def keep_live(request: MemberRequest, post: Post | None = None) -> None:
    """To be called before a page reads what it shows: what happens meanwhile must not be missed."""
    if request.method in {"GET", "HEAD"}:
        brand = post.brand if post else request.brand
        request.live_stamp = stamp_of(request.user, brand, post.pk if post else None)  # type: ignore[attr-defined]


@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """`304` while the stamp in `If-None-Match` holds; else what the frame shows now. Never an error for who is
    signed out or no longer a member: the page says so in words."""
    user = request.user
    if not isinstance(user, User) or not user.is_active:
        return _fresh({"signed_out": reverse("account_login")})
    asked = request.GET.get("brand", "")
    memberships = getattr(request, "memberships", [])
    brand = next((one.brand for one in memberships if str(one.brand_id) == asked), None)
    if brand is None:
        return _fresh({"gone": True})
    post = number_in(request.GET.get("post"))
    stamp = stamp_of(user, brand, post)
    etag = f'"{stamp.word}"'
    if request.headers.get("If-None-Match") == etag:
        answer: HttpResponse = HttpResponseNotModified()
    else:
        answer = _fresh(_frame(user, brand, stamp))
    answer["ETag"] = etag
    answer["Cache-Control"] = "private, no-store"
    return answer


def _frame(user: User, brand: Brand, stamp: Stamp) -> dict[str, object]:
    alarms = render_to_string("components/alarms.html", {"alarms": alarms_of(brand)})
    counts = {"review": asked_for(user, brand), "notification": stamp.unread}
    return {
        "stamp": stamp.word,
        "who": stamp.who,
        "alarms": alarms,
        "counts": {name: shown(number) for name, number in counts.items()},
    }


def shown(number: int) -> str:
    """As the navigation shows it: “9+” beyond nine, nothing for none."""
    return "" if not number else f"{MOST_COUNTED}+" if number > MOST_COUNTED else str(number)


def _fresh(told: dict[str, object]) -> HttpResponse:
    answer = JsonResponse(told)
    answer["Cache-Control"] = "private, no-store"
    return answer
