"""What a level takes beside two people's word: reviewed work, and for a mentor time and practice.

docs/decisions/granting.md says why so much and no more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from django.utils.translation import gettext as _

from accounts.models import Brand, Membership, User
from accounts.refusals import Refused
from approvals.levels import accounts_of, in_force, level_of
from approvals.models import Credential, Decision, Level, Verdict
from approvals.naming import domain_name
from approvals.progressing import Progress, progress, what_is_missing, works
from approvals.vouching import Places

MENTOR_AFTER: Final = timedelta(days=90)


def progress_of(brand: Brand, person: User, domain: str, evidence: Iterable[Any], existing: int) -> Progress:
    return progress(
        brand,
        domain,
        works(brand, [person.person_id]).get((person.person_id, domain)),
        existing,
        evidence,
    )


def demand_earned(made: Credential, found: Places, now: datetime) -> None:
    """Raises Refused `not_yet` with what is missing. A domain that is being founded has nobody yet whose
    acceptance could count, as the brand had not."""
    if made.domain == "crisis" and made.level >= Level.ENTRUSTED:
        _demand_grounds(made)
    if found.founding or made.level < Level.ENTRUSTED:
        return
    if made.level == Level.ENTRUSTED:
        shown = progress_of(made.brand, made.user, made.domain, made.evidence, found.existing)
        if not shown.ready:
            raise Refused(
                "not_yet",
                _("%(who)s is not there yet: %(what)s.")
                % {"who": made.user.name, "what": what_is_missing(shown)},
                details={"progress": told(shown)},
            )
    else:
        _demand_seasoned(made, now)


def _demand_grounds(made: Credential) -> None:
    lacking = [
        domain for domain in ("craft", "company") if level_of(made.user, made.brand, domain) < Level.ENTRUSTED
    ]
    if lacking:
        names = " · ".join(f"{domain_name(domain, {})} 2" for domain in lacking)
        raise Refused(
            "not_yet",
            _("Crisis 2 also takes craft 2 and company 2. %(who)s still needs: %(what)s.")
            % {"who": made.user.name, "what": names},
            details={"needs": lacking},
        )


def _demand_seasoned(made: Credential, now: datetime) -> None:
    """A mentor has been entrusted with the domain for ninety days, and has reviewed as many pieces of other
    people's work in it as it takes to be entrusted."""
    brand, user = made.brand, made.user
    held = {
        moment: in_force(brand, moment).filter(user=user, domain=made.domain, level__gte=Level.ENTRUSTED)
        for moment in (now, now - MENTOR_AFTER)
    }
    if not all(rows.exists() for rows in held.values()):
        raise Refused(
            "not_yet",
            _("A mentor has been entrusted with the domain for 90 days: %(who)s has not, or not yet.")
            % {"who": user.name},
            details={"days": MENTOR_AFTER.days},
        )
    reviewed = reviewed_in(brand, user, made.domain)
    if reviewed < brand.accepted_to_entrust:
        raise Refused(
            "not_yet",
            _("A mentor has reviewed %(needed)s posts in the domain: %(who)s has reviewed %(n)s.")
            % {"needed": brand.accepted_to_entrust, "who": user.name, "n": reviewed},
            details={"reviewed": reviewed, "needed": brand.accepted_to_entrust},
        )


def reviewed_in(brand: Brand, user: User, domain: str) -> int:
    """How many pieces of other people's work this person has decided on with a word that counted there."""
    words = Decision.objects.filter(post__brand=brand, user__in=accounts_of([user.person_id])).exclude(
        decision=Verdict.WITHDRAW
    )
    rows = words.values_list("post__lineage_id", "rests_on")
    return len({lineage for lineage, rests_on in rows if any(one == domain for one, _level in rests_on)})


def told(found: Progress) -> dict[str, Any]:
    """Progress as plain JSON."""
    return {
        "accepted": found.accepted,
        "rejected": found.rejected,
        "elsewhere": found.elsewhere,
        "needed": found.needed,
        "mentors": found.mentors,
        "mentors_needed": found.mentors_needed,
        "missing_posts": found.missing_posts,
        "missing_mentors": found.missing_mentors,
    }


def board(brand: Brand, people: Collection[int], now: datetime) -> dict[int, list[Progress]]:
    """{person: their progress in each domain they are not entrusted with and have something to show in, or
    hold at level 1}, in a number of queries that people and domains do not change."""
    levels: dict[tuple[int, str], int] = defaultdict(int)
    mentors: dict[str, set[int]] = defaultdict(set)
    here = Membership.objects.filter(brand=brand, is_active=True, user__is_active=True).values("user")
    for row in in_force(brand, now).filter(user__in=here).select_related("user"):
        person = row.user.person_id
        levels[person, row.domain] = max(levels[person, row.domain], row.level)
        if row.level >= Level.MENTOR:
            mentors[row.domain].add(person)
    work = works(brand, people)
    begun = {key for key, level in levels.items() if level >= Level.SUPERVISED and key[0] in people} | set(
        work
    )
    found: dict[int, list[Progress]] = defaultdict(list)
    for person, domain in sorted(begun):
        if levels[person, domain] < Level.ENTRUSTED:
            others = len(mentors[domain] - {person})
            found[person].append(progress(brand, domain, work.get((person, domain)), others))
    return dict(found)


def juniors(brand: Brand, people: Collection[int], now: datetime) -> set[int]:
    """Of these people, who is entrusted with nothing yet: those whose progress a team looks at."""
    able = in_force(brand, now).filter(level__gte=Level.ENTRUSTED).select_related("user")
    return set(people) - {row.user.person_id for row in able}
