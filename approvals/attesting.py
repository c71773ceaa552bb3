"""Who approved a post, on which expertise and granted by whom, for which bytes, under which rules: one query.

Of a post that went out this is what its gate decision rested on, evaluated again from the stored facts; of
one that has not, what its approvals rest on now.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from django.db import connection
from django.utils.dateparse import parse_datetime

from approvals.facts import FACTS
from approvals.gate import APPROVE, Facts, Reading, evaluate
from approvals.models import PolicyState


@dataclass(frozen=True, slots=True)
class Basis:
    """One credential on which a word rests. `ended_at` tells that it was taken back since, or ran out."""

    credential_id: int
    domain: str
    level: int
    founding: bool
    granted_by: tuple[str, ...]
    since: datetime
    until: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Approval:
    """One person's counted word on exact bytes. `decision_id` is None for a contributor whose expertise
    covers (the preset duo): they approved nothing."""

    decision_id: int | None
    user_id: int
    name: str
    email: str
    at: datetime | None
    digest: str
    revision: int | None
    basis: tuple[Basis, ...]


@dataclass(frozen=True, slots=True)
class Attestation:
    """The whole answer. `gate_id` and `allowed_at` are of the evaluation at release that let these bytes
    through; None when there is none yet. Which delivery went out on it, its permit says."""

    post_id: int
    digest: str
    gate_id: int | None
    allowed_at: datetime | None
    policy_id: int | None
    policy_number: int | None
    preset: str
    approvals: tuple[Approval, ...]


# Which credential was in force is judged by what was valid when the word was given; one that was taken back
# since, even from an earlier date, is shown with its end: the word did rest on it.
_QUERY: Final = """
WITH it AS (SELECT id, brand_id, lineage_id, revision_id FROM posts_post WHERE id = %(post)s),
gate AS (
  SELECT id, at, facts, policy_id FROM approvals_gatedecision
  WHERE post_id = %(post)s AND allowed ORDER BY id DESC LIMIT 1
),
spoke AS (
  SELECT d.id AS decision_id, d.user_id AS user_id, d.at AS at, d.digest AS digest, d.decision AS decision,
         d.rests_on AS rests_on, r.number AS revision
  FROM approvals_decision d JOIN posts_revision r ON r.id = d.revision_id WHERE d.post_id = %(post)s
  UNION ALL
  SELECT NULL, w.user_id, NULL, NULL, NULL, NULL, NULL
  FROM (SELECT DISTINCT c.user_id FROM posts_contribution c JOIN it ON c.lineage_id = it.lineage_id) w
)
SELECT s.decision_id, s.user_id, COALESCE(u.same_person_as_id, u.id) AS person, u.name, u.email, s.at,
       s.digest, s.decision, s.rests_on, s.revision,
       c.id AS credential_id, c.domain, c.level, c.founding, c.confirmed_at, c.valid_from, c.valid_until,
       c.ended_at, g1.name AS first_grantor, g2.name AS second_grantor,
       gate.id AS gate_id, gate.at AS gate_at, gate.facts AS facts,
       v.id AS policy_id, v.number AS policy_number, v.rules AS rules, cur.digest AS current_digest
FROM spoke s
JOIN accounts_user u ON u.id = s.user_id
JOIN it ON 1 = 1
LEFT JOIN posts_revision cur ON cur.id = it.revision_id
LEFT JOIN gate ON 1 = 1
LEFT JOIN approvals_policy v ON v.id = COALESCE(
  gate.policy_id,
  (SELECT a.id FROM approvals_policy a WHERE a.brand_id = it.brand_id AND a.state = %(active)s)
)
LEFT JOIN approvals_credential c ON c.brand_id = it.brand_id AND c.user_id = s.user_id
  AND c.confirmed_at <= COALESCE(s.at, gate.at) AND c.valid_from <= COALESCE(s.at, gate.at)
  AND (c.valid_until IS NULL OR c.valid_until > COALESCE(s.at, gate.at))
LEFT JOIN accounts_user g1 ON g1.id = c.first_grantor_id
LEFT JOIN accounts_user g2 ON g2.id = c.second_grantor_id
ORDER BY s.decision_id, c.id
"""

Row = Mapping[str, Any]


def attest(post_id: int) -> Attestation | None:
    """The answer for a post, in one query; None when there is no such post."""
    rows = _rows(post_id)
    if not rows:
        return None
    first = rows[0]
    facts = FACTS.validate_python(_json(first["facts"])) if first["facts"] is not None else None
    allowed_at = _moment(first["gate_at"])
    rules = _json(first["rules"]) or {}
    words, digest = _by_word(rows), str(first["current_digest"] or "")
    if facts is not None and allowed_at is not None and facts.digest == digest:
        approvals = _of_release(words, facts, evaluate(facts, allowed_at).reading)
    else:
        # It was let through once, given back before it was sent, and written anew since.
        first = {**first, "gate_id": None}
        allowed_at = None
        approvals = _of_now(words, digest)
    return Attestation(
        post_id,
        digest,
        first["gate_id"],
        allowed_at,
        first["policy_id"],
        first["policy_number"],
        str(rules.get("preset", "")),
        tuple(approvals),
    )


def _rows(post_id: int) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(_QUERY, {"post": post_id, "active": PolicyState.ACTIVE.value})
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _moment(value: Any) -> datetime | None:
    """SQLite gives the text that is stored, in UTC."""
    moment = parse_datetime(value) if isinstance(value, str) else value
    if moment is None:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _by_word(rows: Iterable[Row]) -> list[list[Row]]:
    """The rows of each word that was given (or of each contributor), with a row for each credential."""
    found: dict[tuple[int | None, int], list[Row]] = {}
    for row in rows:
        found.setdefault((row["decision_id"], row["user_id"]), []).append(row)
    return list(found.values())


def _of_release(words: Iterable[list[Row]], facts: Facts, reading: Reading) -> list[Approval]:
    """The words that the gate counted then, each with what it covered."""
    covers: dict[int, set[str]] = {person: set() for person in reading.have}
    for one in reading.coverage:
        for person in one.covered_by:
            covers.setdefault(person, set()).add(one.requirement.domain)
    latest: dict[int, int] = {}
    for said in facts.decisions:
        latest[said.person] = max(said.sequence, latest.get(said.person, 0))
    found = []
    for word in words:
        first = word[0]
        person, decision = first["person"], first["decision_id"]
        if decision is None and person not in facts.contributors:
            continue
        if person not in covers or (decision is not None and latest.get(person) != decision):
            continue
        found.append(_approval(word, covers[person]))
    return found


def _of_now(words: Iterable[list[Row]], digest: str) -> list[Approval]:
    """Each person's latest word, where it approves the current bytes on some expertise."""
    latest = {word[0]["person"]: word for word in words if word[0]["decision_id"] is not None}
    found = []
    for word in latest.values():
        first = word[0]
        rests_on = {str(domain) for domain, _level in _json(first["rests_on"]) or ()}
        if digest and first["decision"] == APPROVE and first["digest"] == digest and rests_on:
            found.append(_approval(word, rests_on))
    return found


def _approval(word: list[Row], domains: Iterable[str]) -> Approval:
    first = word[0]
    wanted = set(domains)
    at = _moment(first["at"]) or _moment(first["gate_at"])
    best: dict[str, Row] = {}
    for row in word:
        if row["domain"] in wanted:
            known = best.get(row["domain"])
            if known is None or _weight(row, at) > _weight(known, at):
                best[row["domain"]] = row
    return Approval(
        decision_id=first["decision_id"],
        user_id=first["user_id"],
        name=first["name"],
        email=first["email"],
        at=_moment(first["at"]),
        digest=str(first["digest"] or ""),
        revision=first["revision"],
        basis=tuple(_basis(best[domain]) for domain in sorted(best)),
    )


def _weight(row: Row, at: datetime | None) -> tuple[bool, int]:
    ended = _moment(row["ended_at"])
    return (ended is None or at is None or ended > at, int(row["level"]))


def _basis(row: Row) -> Basis:
    since = max(moment for name in ("valid_from", "confirmed_at") if (moment := _moment(row[name])))
    return Basis(
        credential_id=row["credential_id"],
        domain=row["domain"],
        level=int(row["level"]),
        founding=bool(row["founding"]),
        granted_by=tuple(row[name] for name in ("first_grantor", "second_grantor") if row[name]),
        since=since,
        until=_moment(row["valid_until"]),
        ended_at=_moment(row["ended_at"]),
    )
