"""Evaluates again what the gate once evaluated: as it was, to prove that nothing was altered; and with the
rules of a proposal in the place of the old ones, to show what they would have done.

Pure evaluation over stored facts: nothing here writes, and the number of queries does not grow with posts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from django.db.models import Max, Q
from pydantic import ValidationError

from accounts.refusals import Invalid
from approvals.facts import FACTS, REASONS, Subject, load_subjects, read_subjects
from approvals.gate import Facts, Reason, Rule, evaluate
from approvals.models import Decision, GateDecision, Policy, PolicyState
from approvals.policy import Rules, read_rules, rule_for
from approvals.standing import Standing, load_brands
from posts.lifecycle import PostState
from posts.models import Contribution

LAST: Final = 200
_PAGE, _PAGES = 1000, 10
_UNDECIDED = {PostState.DRAFT, PostState.IN_REVIEW, PostState.CHANGES_REQUESTED}
_SPOKEN = {"veto", "changes_requested"}


# --- What the gate stored --------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Difference:
    """A stored gate decision that does not come out the same again. Codes, joined by a comma."""

    pk: int
    post_id: int
    stored: str
    now: str


def differences(since: datetime | None = None) -> Iterator[Difference | None]:
    """For each stored gate decision, oldest first: None when it comes out the same, in bounded memory."""
    rows = GateDecision.objects.filter(at__gte=since) if since else GateDecision.objects.all()
    for row in rows.order_by("pk").iterator(chunk_size=500):
        yield _difference(row)


def _difference(row: GateDecision) -> Difference | None:
    stored = _outcome(row.allowed, [str(one.get("code")) for one in row.reasons])
    try:
        facts = FACTS.validate_python(row.facts)
    except ValidationError:
        return Difference(row.pk, row.post_id, stored, "unreadable")
    verdict = evaluate(facts, row.at)
    same = verdict.open == row.allowed and REASONS.dump_python(verdict.reasons, mode="json") == row.reasons
    if same and facts.post == row.post_id:
        return None
    codes = [reason.code.value for reason in verdict.reasons]
    now = _outcome(verdict.open, codes) if facts.post == row.post_id else f"facts of post {facts.post}"
    return Difference(row.pk, row.post_id, stored, now)


def _outcome(allowed: bool, codes: Sequence[str]) -> str:
    return "open" if allowed else f"closed ({', '.join(codes)})"


# --- What other rules would have done ----------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Finding:
    """A post that would have fared otherwise. `reasons` say why the gate would have been (or was) closed;
    `could` are people of today who could then have given what was missing."""

    post_id: int
    reasons: tuple[Reason, ...]
    could: tuple[int, ...]


@dataclass(slots=True)
class Replay:
    """What a policy would have made of the last decided posts, the last decided first."""

    evaluated: int = 0
    stopped: list[Finding] = field(default_factory=list)
    let_through: list[Finding] = field(default_factory=list)
    unchanged: int = 0


@dataclass(frozen=True, slots=True)
class _Case:
    """One decided post: what was known, when, how it came out, and what it was about."""

    facts: Facts
    at: datetime
    was_open: bool
    reasons: tuple[Reason, ...]
    networks: Sequence[str]
    products: Sequence[str]
    topics: Sequence[str]
    # Who only corrected lightly: whether they wrote is for the rules to say.
    light: frozenset[int]


def replay(policy: Policy, limit: int = LAST) -> Replay:
    """The policy over the brand's last decided posts: each on the facts of then, at the instant of then. A
    post is decided when it has come to a release or its review to an end. Raises Invalid when the policy
    cannot be read."""
    rules = read_rules(policy.rules)
    standing = load_brands([policy.brand_id])[policy.brand_id]
    done = Replay()
    for case in _cases(policy.brand_id, standing, limit):
        done.evaluated += 1
        rule = rule_for(rules, case.facts.kind, case.networks, case.products, case.topics)
        facts = _under(case, rule, rules)
        verdict = evaluate(facts, case.at)
        if verdict.open == case.was_open:
            done.unchanged += 1
        elif verdict.open:
            done.let_through.append(_finding(case.facts, case.reasons))
        else:
            done.stopped.append(_stopped(facts, case.at, standing, verdict.reasons))
    return done


def _under(case: _Case, rule: Rule | None, rules: Rules) -> Facts:
    slight = case.light
    writers = case.facts.contributors - slight if rules.light_correction else case.facts.contributors | slight
    return replace(case.facts, rule=rule, contributors=writers)


def _finding(facts: Facts, reasons: tuple[Reason, ...]) -> Finding:
    return Finding(facts.post, reasons, tuple(sorted({who for one in reasons for who in one.could})))


def _stopped(facts: Facts, at: datetime, standing: Standing, reasons: tuple[Reason, ...]) -> Finding:
    """Told with everybody in view: stored facts hold only those who spoke."""
    wide = replace(
        facts, held=(*facts.held, *standing.held), active=facts.active | standing.active, absent=frozenset()
    )
    told = evaluate(wide, at)
    # Somebody who was away then and is back now could make it look open: the verdict is that of then.
    return _finding(facts, reasons if told.open else told.reasons)


def _cases(brand_id: int, standing: Standing, limit: int) -> Iterator[_Case]:
    ids = _decided(brand_id, limit)
    subjects = {one.pk: one for one in read_subjects(ids)}
    stored = _stored(ids)
    rebuilt = (
        load_subjects([subjects[pk] for pk in ids if pk not in stored]) if len(stored) < len(ids) else {}
    )
    shown = _shown(ids)
    light = _light(subjects.values())
    versions = _versions(brand_id)
    for pk in ids:
        subject = subjects[pk]
        row = stored.get(pk)
        facts = FACTS.validate_python(row.facts) if row else rebuilt[pk].facts
        about = _About(subject.keys, subject.products, subject.topics)
        if (subject.digest, subject.kind) != (facts.digest, facts.kind):
            about = shown.get((pk, facts.digest or ""), about)
        networks = [standing.networks[key] for key in about.channels if key in standing.networks]
        slight = light.get(subject.lineage_id, frozenset())
        if row:
            reasons = REASONS.validate_python(row.reasons)
            yield _Case(facts, row.at, row.allowed, reasons, networks, about.products, about.topics, slight)
            continue
        decided_at = max(one.at for one in facts.decisions)
        at = subject.slot if subject.slot is not None and subject.slot > decided_at else decided_at
        facts = _as_of(facts, decided_at, _rule_of(versions, decided_at, facts, networks, about))
        verdict = evaluate(facts, at)
        yield _Case(facts, at, verdict.open, verdict.reasons, networks, about.products, about.topics, slight)


def _decided(brand_id: int, limit: int) -> list[int]:
    """The posts whose review has come to an end, the last decided first. Looks back over a bounded number of
    decisions."""
    found: dict[int, None] = {}
    rows = (
        Decision.objects.filter(post__brand_id=brand_id).order_by("-pk").values_list("post_id", "post__state")
    )
    for page in range(_PAGES):
        seen = list(rows[page * _PAGE : (page + 1) * _PAGE])
        for post_id, state in seen:
            if PostState(state) not in _UNDECIDED:
                found[post_id] = None
                if len(found) == limit:
                    return list(found)
        if len(seen) < _PAGE:
            break
    return list(found)


def _stored(ids: Sequence[int]) -> dict[int, GateDecision]:
    """The gate decision by which each post went out; of one that never did, the last that held it."""
    rows = (
        GateDecision.objects.filter(post_id__in=ids)
        .order_by()
        .values("post_id")
        .annotate(last=Max("pk"), opened=Max("pk", filter=Q(allowed=True)))
    )
    wanted = [row["opened"] or row["last"] for row in rows]
    return {row.post_id: row for row in GateDecision.objects.filter(pk__in=wanted)}


@dataclass(frozen=True, slots=True)
class _About:
    channels: Sequence[str]
    products: Sequence[str]
    topics: Sequence[str]


def _shown(ids: Sequence[int]) -> dict[tuple[int, str], _About]:
    """What each digest of a post was about when it was last decided on."""
    rows = Decision.objects.filter(post_id__in=ids).order_by("pk")
    return {
        (post_id, digest): _About(channels or (), facets.get("products", ()), facets.get("topics", ()))
        for post_id, digest, facets, channels in rows.values_list(
            "post_id", "digest", "facets", "revision__content__channels"
        )
    }


def _light(subjects: Iterable[Subject]) -> dict[int, frozenset[int]]:
    """By lineage, the people who corrected lightly and wrote nothing else."""
    lineages = {one.lineage_id for one in subjects}
    slight: dict[int, set[int]] = {}
    whole: dict[int, set[int]] = {}
    rows = Contribution.objects.filter(lineage_id__in=lineages)
    for lineage, user, person, light in rows.values_list(
        "lineage_id", "user_id", "user__same_person_as_id", "light"
    ):
        (slight if light else whole).setdefault(lineage, set()).add(person or user)
    return {lineage: frozenset(people - whole.get(lineage, set())) for lineage, people in slight.items()}


def _versions(brand_id: int) -> list[tuple[datetime, Rules | None]]:
    """(since when, the rules) of each version that was in force, the newest first."""
    rows = Policy.objects.filter(
        brand_id=brand_id, state__in=[PolicyState.ACTIVE, PolicyState.SUPERSEDED], confirmed_at__isnull=False
    )
    newest = rows.order_by("-confirmed_at", "-pk")[:LAST]
    return [(row.confirmed_at, _readable(row)) for row in newest if row.confirmed_at]


def _readable(policy: Policy) -> Rules | None:
    try:
        return read_rules(policy.rules)
    except Invalid:
        return None


def _rule_of(
    versions: Sequence[tuple[datetime, Rules | None]],
    moment: datetime,
    facts: Facts,
    networks: Sequence[str],
    about: _About,
) -> Rule | None:
    """What the version then in force asked; of what is older than every version we know, the facts' own."""
    for since, rules in versions:
        if since <= moment:
            return rule_for(rules, facts.kind, networks, about.products, about.topics) if rules else None
    return facts.rule


def _as_of(facts: Facts, moment: datetime, rule: Rule | None) -> Facts:
    """The facts without what came afterwards: holds, pauses, incidents and their epochs."""
    last = max(facts.decisions, key=lambda one: one.sequence)
    return replace(
        facts,
        rule=rule,
        taken_at=moment,
        epoch=last.epoch,
        frozen_by=None,
        blockers=tuple(one for one in facts.blockers if one.code in _SPOKEN),
    )


def people_in(found: Replay) -> set[int]:
    """Everybody a replay names by number."""
    return {who for one in (*found.stopped, *found.let_through) for who in one.could}
