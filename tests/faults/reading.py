"""An independent reader: replays journal and tables, and says of every send whether it was allowed when its
`SENDING` was committed.

It imports nothing of the product, and judges by its own plain rules for routine posts under the policy of a
team: credentials in force, the author is not the approver, the approved bytes and no others, nothing held,
paused, stopped or in an incident. Every act that may stop a send is dated under the lock that the send takes
too, so that their instants have the order of their commits.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.faults.databases import Database, Row, instant, loaded

# The policy of a team for routine posts; each channel's network is asked for too.
NEEDED = {"craft": 2, "company": 2}
LIVES = timedelta(days=45)
_ON_ITS_WAY = {"scheduled", "releasing", "unknown"}
_INSTANTS = {"at", "valid_from", "valid_until", "window_from", "window_until"}
_JSON = ("data", "scope", "content", "payloads", "rests_on")

_TABLES = {
    "attempts": """
        SELECT a.id, a.delivery_id, a.token, a.key, a.started_at, d.post_id, d.brand_id, d.channel_id, d.due_at,
        c.key AS channel, c.network, m.digest, m.payload_sha256, m.token AS permit_token, m.spent_at,
        m.expires_at, m.channel_id AS permit_channel_id, m.delivery_id AS permit_delivery_id, m.id AS permit_id
        FROM publishing_attempt a JOIN posts_delivery d ON d.id = a.delivery_id
        JOIN posts_channel c ON c.id = d.channel_id LEFT JOIN publishing_permit m ON m.id = a.permit_id
        ORDER BY a.id""",
    "posts": "SELECT id, lineage_id, kind, window_from, window_until FROM posts_post",
    "revisions": "SELECT id, post_id, number, digest, content, payloads FROM posts_revision ORDER BY number",
    "decisions": """
        SELECT d.id, d.post_id, p.lineage_id, COALESCE(u.same_person_as_id, u.id) AS person, d.user_id,
        d.decision, d.digest, d.epoch, d.binding, d.at FROM approvals_decision d
        JOIN posts_post p ON p.id = d.post_id JOIN accounts_user u ON u.id = d.user_id ORDER BY d.id""",
    "writers": """
        SELECT c.lineage_id, COALESCE(u.same_person_as_id, u.id) AS person, c.first_at
        FROM posts_contribution c JOIN accounts_user u ON u.id = c.user_id""",
    "credentials": """
        SELECT c.brand_id, c.user_id, c.domain, c.level, c.valid_from, c.valid_until, c.confirmed_at, c.ended_at
        FROM approvals_credential c WHERE c.state <> 'PROPOSED'""",
    "epochs": "SELECT brand_id, number, scope, at FROM approvals_epoch",
    "incidents": "SELECT id, brand_id, scope, declared_at, lifted_at FROM approvals_incident",
    "pauses": "SELECT id, brand_id, scope, at, ended_at FROM approvals_pause",
    "entries": "SELECT id, brand_id, verb, subject, post_id, data, at FROM journal_entry ORDER BY id",
}


@dataclass
class Story:
    """Rows by table, instants and JSON read; `log`: the network's own, {key: [texts that came with it]}."""

    tables: dict[str, list[Row]]
    log: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __getitem__(self, table: str) -> list[Row]:
        return self.tables[table]


def read(database: Database, log: Iterable[Mapping[str, Any]]) -> Story:
    tables = {name: [_read(row) for row in database.rows(text)] for name, text in _TABLES.items()}
    by_key: dict[str, list[str]] = defaultdict(list)
    for one in log:
        by_key[one["key"]].append(one["text"])
    return Story(tables, by_key)


def _read(row: Row) -> Row:
    def value(name: str, kept: Any) -> Any:
        if kept is None:
            return None
        if name in _INSTANTS or name.endswith("_at"):
            return instant(kept)
        return loaded(kept) if name in _JSON else kept

    return {name: value(name, kept) for name, kept in row.items()}


def wrongs(story: Story) -> list[str]:
    """Every send that was not allowed, in words; empty when all is well."""
    reader = _Reader(story)
    found = [f"attempt {one['id']}: {why}" for one in story["attempts"] for why in reader.why_not(one)]
    keys = [one["key"] for one in story["attempts"]]
    for key, texts in story.log.items():
        if len(texts) > keys.count(key):
            found.append(f"key {key}: {len(texts)} requests, {keys.count(key)} attempts")
    permits = [one["permit_id"] for one in story["attempts"]]
    found += [f"permit {one}: used twice" for one in set(permits) if permits.count(one) > 1]
    return found


class _Reader:
    def __init__(self, story: Story) -> None:
        self._story = story
        self._posts = {row["id"]: row for row in story["posts"]}
        self._of_post = _grouped(story["entries"], "post_id")
        self._of_brand = _grouped(
            [row for row in story["entries"] if row["verb"].split(".")[0] in {"channel", "brand"}], "brand_id"
        )
        self._revisions = _grouped(story["revisions"], "post_id")
        self._decisions = _grouped(story["decisions"], "lineage_id")
        self._writers = _grouped(story["writers"], "lineage_id")
        self._credentials = _grouped(story["credentials"], "user_id")

    def why_not(self, one: Row) -> list[str]:
        at: datetime = one["started_at"]
        post = self._posts[one["post_id"]]
        if post["kind"] != "routine":
            return [f"a {post['kind']} post is not judged here"]
        digest = self._digest(one["post_id"], at)
        revision = next(
            (row for row in self._revisions[one["post_id"]] if row["digest"] == one["digest"]), None
        )
        found = [*_permit(one), *self._bytes(one, revision)]
        if digest != one["digest"]:
            found.append(f"the digest then was {digest}, it was sent with {one['digest']}")
        channels = revision["content"]["channels"] if revision else [one["channel"]]
        found += [*self._stopped(one, channels, at), *self._approved(one, post, channels, at)]
        if not post["window_from"] <= at <= post["window_until"]:
            found.append("outside its window")
        if one["due_at"] is not None and at < one["due_at"]:
            found.append("early")
        return found

    # --- The bytes --------------------------------------------------------------------------------
    def _digest(self, post_id: int, at: datetime) -> str:
        """What the post's bytes were then: as last sealed, or as first written."""
        sealed = [
            row["data"]["digest"]
            for row in self._of_post[post_id]
            if row["verb"] in {"post.submit", "post.seal"} and row["at"] < at
        ]
        return str(sealed[-1] if sealed else self._revisions[post_id][0]["digest"])

    def _bytes(self, one: Row, revision: Row | None) -> list[str]:
        if revision is None:
            return ["no revision has this digest"]
        payload = revision["payloads"].get(one["channel"])
        plain = json.dumps(payload, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        if hashlib.sha256(plain.encode()).hexdigest() != one["payload_sha256"]:
            return ["the permit is for other bytes than the revision's"]
        text = payload["body"]["parts"][0]["text"]
        return [
            f"the network got “{other}” and not “{text}”"
            for other in self._story.log.get(one["key"], ())
            if other != text
        ]

    # --- What stops it ------------------------------------------------------------------------------
    def _stopped(self, one: Row, channels: Sequence[str], at: datetime) -> list[str]:
        before = [row for row in self._of_post[one["post_id"]] if row["at"] < at]
        found = []
        states = [row["data"]["to"] for row in before if row["data"].get("to")]
        if states and states[-1] not in _ON_ITS_WAY:
            found.append(f"the post was {states[-1]}")
        if _last(before, "post.hold", "post.resume") == "post.hold":
            found.append("it was held by a person")
        here = [row for row in self._of_brand[one["brand_id"]] if row["at"] < at]
        if _last(here, "brand.stop", "brand.start") == "brand.stop":
            found.append("the brand was stopped")
        of_channel = [row for row in here if row["subject"] == f"channel:{one['channel_id']}"]
        if _last(of_channel, "channel.pause", "channel.resume") == "channel.pause":
            found.append("its channel was paused")
        for table, begins, ends in (("incidents", "declared_at", "lifted_at"), ("pauses", "at", "ended_at")):
            found += [
                f"{table} {row['id']} was open"
                for row in self._story[table]
                if row["brand_id"] == one["brand_id"]
                and row[begins] < at
                and (row[ends] is None or at < row[ends])
                and _touches(row["scope"], channels)
            ]
        return found

    # --- Who approved it ------------------------------------------------------------------------------
    def _approved(self, one: Row, post: Row, channels: Sequence[str], at: datetime) -> list[str]:
        said = [row for row in self._decisions[post["lineage_id"]] if row["at"] < at]
        writers = {row["person"] for row in self._writers[post["lineage_id"]] if row["first_at"] < at}
        epoch = max(
            (
                row["number"]
                for row in self._story["epochs"]
                if row["brand_id"] == one["brand_id"] and row["at"] < at and _touches(row["scope"], channels)
            ),
            default=0,
        )
        latest = {row["person"]: row for row in said if row["post_id"] == post["id"]}
        counted = [
            row
            for row in latest.values()
            if row["decision"] == "approve"
            and (row["digest"], row["epoch"]) == (one["digest"], epoch)
            and row["person"] not in writers
            and at - row["at"] <= LIVES
        ]
        needed = {**NEEDED, f"channel:{one['network']}": 2}
        found = [
            f"nobody who may had approved it: {domain} {level}, epoch {epoch}"
            for domain, level in needed.items()
            if not any(self._holds(row, domain, level, one["brand_id"], at) for row in counted)
        ]
        objections = [
            row
            for row in said
            if row["binding"]
            and (
                row["decision"] == "reject"
                or (row["decision"] == "request_changes" and row["digest"] == one["digest"])
            )
            and not any(
                later["id"] > row["id"]
                and later["user_id"] == row["user_id"]
                and later["decision"] in {"approve", "withdraw"}
                for later in said
            )
        ]
        return found + [f"objection {row['id']} stood" for row in objections]

    def _holds(self, decision: Row, domain: str, level: int, brand_id: int, at: datetime) -> bool:
        """Whether the decision's account held it, when deciding and when sending."""
        return all(
            any(
                row["brand_id"] == brand_id
                and row["domain"] == domain
                and row["level"] >= level
                and _in_force(row, moment)
                for row in self._credentials[decision["user_id"]]
            )
            for moment in (decision["at"], at)
        )


def _permit(one: Row) -> list[str]:
    if one["permit_id"] is None:
        return ["sent without a permit"]
    checks = {
        "the permit was another delivery's": one["permit_delivery_id"] == one["delivery_id"],
        "the permit was another channel's": one["permit_channel_id"] == one["channel_id"],
        "the permit was another claim's": one["permit_token"] == one["token"],
        "the permit was not spent with this send": one["spent_at"] == one["started_at"],
        "the permit had run out": one["started_at"] < one["expires_at"],
    }
    return [why for why, well in checks.items() if not well]


def _in_force(credential: Row, at: datetime) -> bool:
    begins = max(credential["valid_from"], credential["confirmed_at"])
    ends = [one for one in (credential["valid_until"], credential["ended_at"]) if one is not None]
    return bool(begins <= at and all(at < one for one in ends))


def _touches(scope: Mapping[str, Any], channels: Sequence[str]) -> bool:
    return bool(scope.get("brand") or set(scope.get("channels", ())) & set(channels))


def _last(entries: Sequence[Row], *verbs: str) -> str:
    said = [row["verb"] for row in entries if row["verb"] in verbs]
    return str(said[-1]) if said else ""


def _grouped(rows: Iterable[Row], name: str) -> defaultdict[Any, list[Row]]:
    groups: defaultdict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row[name]].append(row)
    return groups
