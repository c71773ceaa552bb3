"""What the incident pages show: what is stopped, what is out, who says what, what is left to go through."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from django.db.models import Q, QuerySet

from accounts.clock import database_now
from accounts.models import Brand, User
from approvals.gate import LACKS, Code
from approvals.halting import Waiting, statements_of, waiting_in
from approvals.incidents import may_declare, may_end_pause
from approvals.lifting import Outlook, outlook_of
from approvals.models import Decision, Incident, Pause, Verdict
from approvals.routing import waits_for
from approvals.steering import may_let_go
from approvals.wording import Words
from cm_queue.desk import queueing
from cm_queue.desk.afterwards import Bulk, bulk_of
from cm_queue.desk.alarming import Names, what
from cm_queue.desk.checking import checklist, words_of
from cm_queue.desk.explaining import Telling, closed
from cm_queue.desk.linking import safe_url
from cm_queue.desk.listing import Lister, Row, channels_in, networks_of
from cm_queue.desk.queueing import Judged, listed_posts
from cm_queue.desk.seeking import soonest
from journal.models import Entry
from journal.wording import verb_name
from posts.drafting import current
from posts.models import Delivery
from posts.policies import may_withdraw
from posts.rendering import adapter_of
from posts.titling import title_of
from publishing.retracting import in_scope

SHOWN = 30
PAST = 10


# --- What was held ------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class HeldRow:
    """A post to go through. `confirm` is "approve" when one tap of the reader approves the very bytes that
    were approved before, "resume" when its approvals still stand, "read" when it must be read first, or
    empty when it is not for this reader; `before` are those who approved these bytes."""

    row: Row
    digest: str
    before: Sequence[str]
    confirm: str
    may_drop: bool


class Through:
    """Makes the rows of held posts for one reader, all judged at once."""

    def __init__(self, brand: Brand, user: User) -> None:
        self.brand, self.user = brand, user
        self.words = words_of(brand)
        self.networks = networks_of(channels_in(brand))

    def rows(self, ids: Collection[int]) -> list[HeldRow]:
        """The soonest of them, at most `SHOWN`."""
        posts = list(soonest(listed_posts(self.brand).filter(pk__in=ids))[:SHOWN])
        judged = queueing.judge(posts)
        lister = Lister(self.user.person_id, self.words, self.networks, Telling.about(posts, self.words))
        before = _approved_before([post.pk for post in posts])
        return [self._row(judged[post.pk], lister.row(judged[post.pk]), before) for post in posts]

    def _row(self, judged: Judged, row: Row, before: dict[tuple[int, str], list[str]]) -> HeldRow:
        post, digest = judged.post, current(judged.post).digest
        names = before.get((post.pk, digest), [])
        return HeldRow(
            row=row,
            digest=digest,
            before=names,
            confirm=self._confirm(judged, row, names),
            may_drop=may_withdraw(self.user, post),
        )

    def _confirm(self, judged: Judged, row: Row, before: Sequence[str]) -> str:
        if judged.post.held_by_id is not None:
            return ""
        if judged.verdict.open:
            return "resume" if may_let_go(self.user, judged.post, judged.loaded.facts) else ""
        if any(reason.code not in LACKS | {Code.NOT_RELEASED} for reason in judged.verdict.reasons):
            return ""
        if not row.for_you:
            return ""
        return "approve" if before else "read"


def _approved_before(post_ids: Sequence[int]) -> dict[tuple[int, str], list[str]]:
    """{(post, digest): who approved these bytes with their expertise}"""
    found: dict[tuple[int, str], list[str]] = {}
    rows = Decision.objects.filter(post_id__in=post_ids, decision=Verdict.APPROVE).select_related("user")
    for one in rows.order_by("pk"):
        names = found.setdefault((one.post_id, one.digest), [])
        if one.rests_on and one.user.name not in names:
            names.append(one.user.name)
    return {place: names for place, names in found.items() if names}


# --- What is out --------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class OutRow:
    """A delivery of the scope that is, or may be, out."""

    delivery: Delivery
    title: str
    url: str
    can_edit: bool
    can_delete: bool


def _out(rows: Sequence[Delivery]) -> list[OutRow]:
    found = []
    for row in rows:
        able = adapter_of(row.channel).capabilities
        found.append(OutRow(row, title_of(row.post), safe_url(row.url), able.edit, able.delete))
    return found


# --- The statement ------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Statement:
    """A crisis post of the scope, with the state of its approvals."""

    judged: Judged
    title: str
    rows: list[dict[str, object]]
    closed: str
    for_you: bool


def _statements(incident: Incident, user: User, words: Words) -> list[Statement]:
    posts = list(listed_posts(incident.brand).filter(pk__in=statements_of(incident)).order_by("-pk")[:PAST])
    judged = queueing.judge(posts)
    return [
        Statement(
            judged=judged[post.pk],
            title=title_of(post),
            rows=checklist(judged[post.pk].verdict, words, user.person_id),
            closed="" if judged[post.pk].verdict.open else closed(judged[post.pk].verdict, words),
            for_you=waits_for(judged[post.pk].verdict, user.person_id),
        )
        for post in posts
    ]


# --- One incident -------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Minute:
    entry: Entry
    what: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """All that the page of one incident shows. `left` of `total` held posts are still to go through."""

    incident: Incident
    what: str
    held: list[HeldRow]
    left: int
    total: int
    out: list[OutRow]
    out_count: int
    bulk: Bulk
    statements: list[Statement]
    outlook: Outlook
    may_lift: bool
    minutes: list[Minute] = field(default_factory=list)

    @property
    def gone_through(self) -> int:
        return self.total - self.left


def sheet_of(incident: Incident, user: User) -> Sheet:
    brand = incident.brand
    waiting = waiting_in(brand).of(incident)
    total = incident.stopped.values("post").distinct().count()
    through = Through(brand, user)
    out = in_scope(incident)
    statements = _statements(incident, user, through.words)
    outlook = outlook_of(incident, database_now())
    said = {word.user.person_id for word in outlook.words}
    return Sheet(
        incident=incident,
        what=what(incident.scope, Names.of(brand)),
        held=through.rows(waiting),
        left=len(waiting),
        total=total,
        out=_out(out[:SHOWN]),
        out_count=len(out),
        bulk=bulk_of(incident, user, out),
        statements=statements,
        outlook=outlook,
        may_lift=incident.lifted_at is None and user.person_id not in said,
        minutes=_minutes(incident, [one.judged.post.pk for one in statements]),
    )


def _minutes(incident: Incident, posts: Sequence[int]) -> list[Minute]:
    rows = Entry.objects.filter(
        Q(subject=f"incident:{incident.pk}") | Q(post_id__in=posts), brand_id=incident.brand_id
    )
    newest = rows.select_related("actor").order_by("-pk")[:SHOWN]
    return [Minute(one, verb_name(one.verb)) for one in newest]


# --- Everything that is stopped -----------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class StopRow:
    """An incident or a pause in a list, with how many posts are left to go through."""

    stop: Incident | Pause
    what: str
    left: int


@dataclass(frozen=True, slots=True)
class Overview:
    """`open` and `pauses` are in force, `after` are over with posts left, `past` are done with."""

    open: list[StopRow]
    pauses: list[StopRow]
    after: list[StopRow]
    ended_pauses: list[StopRow]
    past: list[StopRow]
    held: list[HeldRow]
    may_declare: bool
    may_end_pause: bool

    @property
    def left(self) -> int:
        return sum(one.left for one in (*self.after, *self.ended_pauses))


def overview_of(brand: Brand, user: User) -> Overview:
    waiting, names = waiting_in(brand), Names.of(brand)
    incidents = [
        StopRow(one, what(one.scope, names), len(waiting.of(one)))
        for one in _incidents(brand, waiting).select_related("declared_by").order_by("-pk")
    ]
    stops = Pause.objects.filter(brand=brand).filter(
        Q(ended_at__isnull=True) | Q(pk__in=list(waiting.by_pause), became__isnull=True)
    )
    pauses = [
        StopRow(one, what(one.scope, names), len(waiting.of(one)))
        for one in stops.select_related("by").order_by("-pk")
    ]
    ended = [one for one in pauses if isinstance(one.stop, Pause) and one.stop.ended_at is not None]
    over = [one for one in incidents if isinstance(one.stop, Incident) and one.stop.lifted_at is not None]
    ids = {pk for one in ended for pk in waiting.of(one.stop)}
    return Overview(
        open=[one for one in incidents if one not in over],
        pauses=[one for one in pauses if one not in ended],
        after=[one for one in over if one.left],
        ended_pauses=ended,
        past=[one for one in over if not one.left][:PAST],
        held=Through(brand, user).rows(ids) if ids else [],
        may_declare=may_declare(user, brand),
        may_end_pause=may_end_pause(user, brand),
    )


def _incidents(brand: Brand, waiting: Waiting) -> QuerySet[Incident]:
    """Those in force, those with posts left, and the last ones of the rest."""
    mine = Incident.objects.filter(brand=brand)
    last = list(mine.filter(lifted_at__isnull=False).order_by("-pk").values_list("pk", flat=True)[:PAST])
    return mine.filter(Q(lifted_at__isnull=True) | Q(pk__in=[*last, *waiting.by_incident]))
