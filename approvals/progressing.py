"""What a person has shown in a domain, counted from reviewed work, and what is still missing to be entrusted.

A piece of work is a lineage (a post with its clones and splits), counted once, for its first author, as it
ended: accepted when somebody whose word counted in the domain approved it, rejected when somebody's rejection
stands. What was approved on expertise that was revoked for that time counts for nobody.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Brand
from approvals.levels import accounts_of
from approvals.models import Credential, CredentialState, Decision, Level, Override, Verdict
from posts.models import Post

SHARE: Final = 85
DIFFERENT_MENTORS: Final = 3
# Evidence of these must come from the house itself: nobody learns this company elsewhere.
IN_HOUSE: Final = ("company", "product:")


@dataclass(slots=True)
class Work:
    """One person's reviewed work in one domain: pieces by lineage, and the mentors who accepted some."""

    accepted: set[int] = field(default_factory=set)
    rejected: set[int] = field(default_factory=set)
    mentors: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far somebody is from being entrusted with a domain. `elsewhere` pieces of work done elsewhere are
    credited, at most half of `needed`; `mentors` different ones accepted work, of `mentors_needed`."""

    domain: str
    accepted: int
    rejected: int
    elsewhere: int
    needed: int
    mentors: int
    mentors_needed: int

    @property
    def share(self) -> int | None:
        """How much of the reviewed work was accepted, in whole per cent, rounded down; None without any."""
        reviewed = self.accepted + self.rejected
        return 100 * self.accepted // reviewed if reviewed else None

    @property
    def missing_posts(self) -> int:
        """Accepted posts still missing, those included that outweigh what was rejected."""
        for_share = math.ceil(SHARE * self.rejected / (100 - SHARE)) - self.accepted
        return max(0, self.needed - self.accepted - self.elsewhere, for_share)

    @property
    def missing_mentors(self) -> int:
        return max(0, self.mentors_needed - self.mentors)

    @property
    def ready(self) -> bool:
        return not (self.missing_posts or self.missing_mentors)


def in_house(domain: str) -> bool:
    return domain.startswith(IN_HOUSE)


def elsewhere_in(evidence: Iterable[Any]) -> int:
    """How many pieces of work elsewhere the evidence records."""
    return sum(int(one.get("posts") or 0) for one in evidence if isinstance(one, Mapping))


def progress(
    brand: Brand, domain: str, work: Work | None, existing: int, evidence: Iterable[Any] = ()
) -> Progress:
    """`existing` mentors of the domain there are besides the person."""
    work, needed = work or Work(), brand.accepted_to_entrust
    credit = 0 if in_house(domain) else min(elsewhere_in(evidence), needed // 2)
    return Progress(
        domain,
        len(work.accepted),
        len(work.rejected),
        credit,
        needed,
        len(work.mentors),
        min(DIFFERENT_MENTORS, existing),
    )


def what_is_missing(found: Progress) -> str:
    """“3 more accepted posts, and one more mentor”; empty when nothing is."""
    posts, mentors = found.missing_posts, found.missing_mentors
    first = ngettext("%(n)s more accepted post", "%(n)s more accepted posts", posts) % {"n": posts}
    second = ngettext("one more mentor", "%(n)s more mentors", mentors) % {"n": mentors}
    if posts and mentors:
        return _("%(posts)s, and %(mentors)s") % {"posts": first, "mentors": second}
    if mentors:
        return ngettext(
            "the acceptance of one more mentor", "the acceptance of %(n)s more mentors", mentors
        ) % {"n": mentors}
    return first if posts else ""


# --- Counting ---------------------------------------------------------------------------------------
def works(brand: Brand, people: Collection[int]) -> dict[tuple[int, str], Work]:
    """{(person, domain): their reviewed work}, in a number of queries that people and posts do not change."""
    if not people:
        return {}
    rows = _words_on_work_of(brand, accounts_of(people))
    void = _void(brand)
    lifted = set(
        Override.objects.filter(decision__in=[row["pk"] for row in rows if row["decision"] == Verdict.REJECT])
        .values_list("decision_id", "domain")
        .distinct()
    )
    found: dict[tuple[int, str], Work] = defaultdict(Work)
    accepted_by: set[tuple[int, str, int, int]] = set()
    for (author, lineage, reviewer), row in _latest(rows).items():
        for domain, level in row["rests_on"]:
            if level < Level.ENTRUSTED or _is_void(void, row, domain):
                continue
            work = found[author, domain]
            if row["decision"] == Verdict.APPROVE:
                work.accepted.add(lineage)
                if level >= Level.MENTOR:
                    accepted_by.add((author, domain, lineage, reviewer))
            elif row["decision"] == Verdict.REJECT and (row["pk"], domain) not in lifted:
                work.rejected.add(lineage)
    for work in found.values():
        work.accepted -= work.rejected
    for author, domain, lineage, reviewer in accepted_by:
        if lineage in found[author, domain].accepted:
            found[author, domain].mentors.add(reviewer)
    return dict(found)


def _latest(rows: Iterable[dict[str, Any]]) -> dict[tuple[int, int, int], dict[str, Any]]:
    """{(author, lineage, reviewer): the reviewer's latest word on it}; one's own words are none."""
    latest = {}
    for row in rows:
        author = row["post__author__same_person_as"] or row["post__author"]
        reviewer = row["user__same_person_as"] or row["user"]
        if author != reviewer:
            latest[author, row["post__lineage"], reviewer] = row
    return latest


def _words_on_work_of(brand: Brand, accounts: Collection[int]) -> list[dict[str, Any]]:
    """Every decision on a post of these authors, oldest first; clones of somebody else's are not theirs."""
    taken_over = Post.objects.filter(lineage=OuterRef("post__lineage"), pk__lt=OuterRef("post")).exclude(
        author=OuterRef("post__author")
    )
    rows = Decision.objects.filter(~Exists(taken_over), post__brand=brand, post__author__in=accounts)
    found: QuerySet[Decision, dict[str, Any]] = rows.order_by("pk").values(  # type: ignore[assignment]
        "pk",
        "post__lineage",
        "post__author",
        "post__author__same_person_as",
        "user",
        "user__same_person_as",
        "decision",
        "rests_on",
        "at",
    )
    return list(found)


_Void = Mapping[tuple[int, str], list[tuple[datetime, datetime | None]]]


def _void(brand: Brand) -> _Void:
    """{(account, domain): from when until when its word there counts for nothing}: since a revocation, until
    expertise that was earned anew."""
    revoked = Credential.objects.filter(brand=brand, state=CredentialState.REVOKED).values("user")
    rows = Credential.objects.filter(brand=brand, user__in=revoked, confirmed_at__isnull=False).values_list(
        "user_id", "domain", "state", "ended_at", "confirmed_at"
    )
    taken: dict[tuple[int, str], list[datetime]] = defaultdict(list)
    earned: dict[tuple[int, str], list[datetime]] = defaultdict(list)
    for user_id, domain, state, ended_at, confirmed_at in rows:
        if state == CredentialState.REVOKED and ended_at is not None:
            taken[user_id, domain].append(ended_at)
        if confirmed_at is not None and (ended_at is None or ended_at > confirmed_at):
            earned[user_id, domain].append(confirmed_at)
    return {
        key: [(since, min((one for one in earned[key] if one > since), default=None)) for since in sinces]
        for key, sinces in taken.items()
    }


def _is_void(void: _Void, row: Mapping[str, Any], domain: str) -> bool:
    return any(
        since <= row["at"] and (until is None or row["at"] < until)
        for since, until in void.get((row["user"], domain), ())
    )
