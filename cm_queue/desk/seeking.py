"""What to look for among the posts in review: what somebody could bring forward, what they search, from where on.

The database narrows down, the gate decides: `could_wait` lets through every post that may wait for a person, and
a few more, so that judging two dozen of them mostly tells the twenty that do, however many there are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import (
    Case,
    CharField,
    DateTimeField,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Value,
    When,
)
from django.utils import timezone

from accounts.models import Brand
from approvals.models import Decision, Verdict
from approvals.policy import KindRule, Rules
from approvals.standing import Standing
from posts.lifecycle import PostState
from posts.models import Contribution, Delivery, Post

MOST_WORDS = 6
_CURSOR = re.compile(r"([01])\.(-|\d{1,17})\.(\d{1,18})", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Sought:
    """A search among posts. What is empty looks for nothing."""

    words: str = ""
    channel: str = ""
    kind: str = ""
    author: int | None = None

    def among(self, posts: QuerySet[Post]) -> QuerySet[Post]:
        """Every word stands in the text, in whatever order."""
        said = Q()
        for word in self.words.split()[:MOST_WORDS]:
            said &= Q(revision__content__text__icontains=word)
        if said:
            # Within a CASE that names the post as well: else the database, which thinks that few texts say it,
            # would read the text of everything that was ever published.
            here = When(said, state=PostState.IN_REVIEW.value, then=Value(True))
            posts = posts.alias(says=Case(here, default=Value(False))).filter(says=True)
        if self.channel:
            sent = Delivery.objects.filter(post=OuterRef("pk"), channel__key=self.channel)
            posts = posts.filter(Exists(sent))
        if self.kind:
            posts = posts.filter(kind=self.kind)
        if self.author is not None:
            theirs = Q(author_id=self.author) | Q(author__same_person_as_id=self.author)
            posts = posts.filter(theirs)
        return posts


# --- The order, and a place in it ---------------------------------------------------------------
def soonest(posts: QuerySet[Post]) -> QuerySet[Post]:
    """By slot; what has none yet comes first if it is due on approval, else last."""
    return posts.order_by(F("on_approval").desc(), F("slot").asc(nulls_last=True), "pk")


def latest(posts: QuerySet[Post]) -> QuerySet[Post]:
    """The same, backwards."""
    return posts.order_by(F("on_approval").asc(), F("slot").desc(nulls_first=True), "-pk")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a post stands in that order. A place keeps its meaning when the post has gone."""

    on_approval: bool
    slot: datetime | None
    pk: int

    @classmethod
    def of(cls, post: Post) -> Place:
        return cls(post.on_approval, post.slot, post.pk)

    @classmethod
    def read(cls, text: str | None) -> Place | None:
        """As it stands in an address; None for whatever is none."""
        found = _CURSOR.fullmatch(text or "")
        if found is None:
            return None
        first, slot, pk = found.groups()
        moment = None if slot == "-" else _EPOCH + int(slot) * _MICROSECOND
        return cls(first == "1", moment, int(pk))

    def __str__(self) -> str:
        slot = "-" if self.slot is None else str((self.slot - _EPOCH) // _MICROSECOND)
        return f"{int(self.on_approval)}.{slot}.{self.pk}"

    def after(self) -> Q:
        """What comes later than it."""
        later = Q(slot__isnull=True, pk__gt=self.pk)
        if self.slot is not None:
            later = Q(slot__gt=self.slot) | Q(slot=self.slot, pk__gt=self.pk) | Q(slot__isnull=True)
        here = Q(on_approval=self.on_approval) & later
        return here | Q(on_approval=False) if self.on_approval else here

    def before(self) -> Q:
        """What comes sooner than it."""
        sooner = Q(slot__isnull=False) | Q(pk__lt=self.pk)
        if self.slot is not None:
            sooner = Q(slot__lt=self.slot) | Q(slot=self.slot, pk__lt=self.pk)
        here = Q(on_approval=self.on_approval) & sooner
        return here if self.on_approval else here | Q(on_approval=True)


# --- Who could say something ----------------------------------------------------------------------
def in_review(brand: Brand) -> QuerySet[Post]:
    return Post.objects.filter(brand=brand, state=PostState.IN_REVIEW.value)


def could_wait(posts: QuerySet[Post], person: int, standing: Standing) -> QuerySet[Post]:
    """The posts that may wait for a person: all that do, and some of which the gate has more to say."""
    rules, held = standing.rules, _held(standing, person)
    if rules is None or person not in standing.active or not held:
        return posts.none()
    kinds = Q(pk__in=[])
    for kind, rule in rules.kinds.items():
        wanted = _asked_of(rules, rule, held, standing)
        if wanted is not None:
            kinds |= Q(kind=kind.value) & wanted
    posts = posts.filter(kinds)
    if standing.incidents:
        # Inside one somebody presses release, who may have written and approved before: the gate says.
        return posts
    pressed = [kind.value for kind, rule in rules.kinds.items() if rule.person_releases]
    return posts.filter(*_not_done(standing, person, pressed))


def _not_done(standing: Standing, person: int, pressed: Sequence[str]) -> list[Q]:
    """They wrote nothing of it, and have not approved it as it is; whatever they did where somebody has to press
    release. Each a condition of its own, so that the database can look from row to row and stop early."""
    kind = ExpressionWrapper(OuterRef("kind"), output_field=CharField())
    theirs = [account for account, whose in standing.accounts.items() if whose == person]
    wrote = Contribution.objects.filter(user__in=theirs, lineage=OuterRef("lineage_id"), light=False)
    wrote = wrote.alias(kind=kind).exclude(kind__in=pressed)
    accounts = {one.account for one in standing.held if one.person == person}
    if standing.rules is None or len(accounts) != 1:
        # Expertise speaks through the account that earned it: which of several approved is for the gate to weigh.
        return [Q(~Exists(wrote))]
    said = Decision.objects.filter(user_id=accounts.pop())
    # An approval that will be too old at the slot is waited for again.
    lasts = Q()
    for one, rule in standing.rules.kinds.items():
        begin = OuterRef("slot") - timedelta(minutes=rule.ttl_minutes)
        lasts |= Q(kind=one.value, at__gte=ExpressionWrapper(begin, output_field=DateTimeField()))
    approved = said.alias(kind=kind).filter(
        lasts,
        ~Exists(said.filter(post=OuterRef("post_id")).exclude(decision=Verdict.APPROVE.value)),
        post=OuterRef("pk"),
        decision=Verdict.APPROVE.value,
        digest=OuterRef("revision__digest"),
        at__gt=_newest(standing, person),
    )
    return [Q(~Exists(wrote)), Q(~Exists(approved.exclude(kind__in=pressed)))]


def _newest(standing: Standing, person: int) -> datetime:
    """Since when an approval by this person means what it means now: no epoch began, and nothing they hold."""
    moments = [epoch.at for epoch in standing.epochs]
    moments += [one.since for one in standing.held if one.person == person]
    return max(moments, default=_EPOCH)


def _held(standing: Standing, person: int) -> dict[str, int]:
    """{domain: level} as far as it has not ended. What begins later is taken along."""
    now, found = timezone.now() - timedelta(minutes=1), dict[str, int]()
    for one in standing.held:
        if one.person == person and (one.until is None or one.until > now):
            found[one.domain] = max(found.get(one.domain, 0), one.level)
    return found


def _asked_of(rules: Rules, rule: KindRule, held: dict[str, int], standing: Standing) -> Q | None:
    """Which posts of a kind ask something of somebody who holds that: all (Q()), some, or none (None)."""
    demands = [*rule.requirements, *(one for of_facet in rules.facets.values() for one in of_facet)]
    if rule.contributor_covers or any(held.get(one.domain, 0) >= one.level for one in demands):
        return Q()
    found: Q | None = None
    for one in demands:
        prefix, _colon, star = one.domain.partition(":")
        keys = [
            domain.partition(":")[2]
            for domain, level in held.items()
            if level >= one.level and domain.startswith(f"{prefix}:")
        ]
        if star != "*" or not keys:
            continue
        wanted = _on(keys) if prefix == "channel" else ~Q(products=[])
        found = wanted if found is None else found | wanted
    return found


def _on(networks: Iterable[str]) -> Q:
    return Q(Exists(Delivery.objects.filter(post=OuterRef("pk"), channel__network__in=list(networks))))
