"""The shapes of the API's answers. Instants are ISO 8601 in UTC; what is not there is null."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from typing_extensions import TypedDict

Item = TypeVar("Item")


class Page(TypedDict, Generic[Item]):
    """One page of a list; `next` is the cursor of the page after it."""

    items: list[Item]
    next: str | None


class Person(TypedDict):
    id: int
    name: str
    email: str


class Problem(TypedDict):
    """Why something cannot be submitted. `channel` is a channel's key, or empty for the whole post."""

    code: str
    field: str
    channel: str
    message: str


class Said(TypedDict):
    """A stable code and its sentence in the caller's language."""

    code: str
    message: str


class Requirement(TypedDict):
    """`needed` people with `domain` at `level`: who covers it, how many are missing, who could."""

    domain: str
    level: int
    needed: int
    covered_by: list[Person]
    missing: int
    could: list[Person]


class Approvers(TypedDict):
    needed: int
    have: int


class Gate(TypedDict):
    """The verdict as it would be at the slot."""

    open: bool
    requirements: list[Requirement]
    distinct_approvers: Approvers
    blockers: list[Said]


class Decision(TypedDict):
    """`counted` says whether it opens (an approval) or closes (an objection) something now; `why_not`
    is a sentence, `why_not_code` its stable code. `reason` is one of the trade's list."""

    id: int
    by: Person
    decision: str
    digest: str
    at: str
    counted: bool
    why_not: str | None
    why_not_code: str | None
    comment: str
    reason: str


class DecisionMade(Decision):
    """A decision just made; `warnings` say what of it will have ended at the slot."""

    warnings: list[Said]


class ByHand(TypedDict):
    """Still out, and only a person can delete it there; `message` says why."""

    delivery: int
    channel: str
    url: str | None
    message: str


class Retracting(TypedDict):
    """How far taking back is: deliveries asked for, gone, still to do, and left to a person."""

    asked: int
    gone: int
    to_do: int
    by_hand: list[ByHand]


class BulkRetraction(TypedDict):
    """Taking back everything of an incident's scope, `out` of which are out now; it takes two people."""

    incident: int
    out: int
    proposed_by: Person | None
    proposed_at: str | None
    confirmed_by: Person | None
    confirmed_at: str | None
    progress: Retracting | None


class Correction(TypedDict):
    """A post that corrects this one."""

    id: int
    state: str


class StoppedBrand(TypedDict):
    """`stopped_at` is null while the brand runs."""

    brand: str
    stopped_at: str | None


class Recurrence(TypedDict):
    """`next` are its next slots, as instants; `post` is what is repeated."""

    id: int
    post: int
    rule: str
    starts: str
    days_ahead: int
    made_by: Person
    next: list[str]
    ended_at: str | None


class Delivery(TypedDict):
    """`corrects` is the delivery that this one replaces; `corrected_by` the post that replaced this one."""

    id: int
    channel: str
    network: str
    state: str
    due_at: str | None
    attempts: int
    remote_id: str | None
    url: str | None
    problem: Said | None
    corrects: int | None
    corrected_by: int | None


class Revision(TypedDict):
    """`digest` is null until the post is submitted, which seals it."""

    number: int
    digest: str | None
    created_at: str
    created_by: Person


class Media(TypedDict):
    """A picture as the public receives it; `size` in bytes, `sha256` of these bytes."""

    id: int
    sha256: str
    type: str
    size: int
    width: int
    height: int


class MediaOfPost(Media):
    alt: str


Window = TypedDict("Window", {"from": str, "until": str})


class Facet(TypedDict):
    """Why a post is about this: the words that raised it, as written, or the person who said so."""

    facet: str
    raised_by: Person | None
    words: list[str]


class Snippet(TypedDict):
    """Words kept ready: a template to begin with (`whole`), or a piece to put in. `gaps` is what a template
    leaves open; its `writers` contribute to what begins with it. `version` is for If-Match."""

    id: int
    name: str
    whole: bool
    text: str
    kind: str
    channels: list[str]
    products: list[str]
    topics: list[str]
    link: str
    gaps: list[str]
    writers: list[Person]
    version: int
    changed_by: Person
    changed_at: str
    put_away_at: str | None


class LexiconRule(TypedDict):
    """`words` or `pattern` raise `facet` wherever they stand. Two people end a rule: one asks."""

    id: int
    words: str | None
    pattern: str | None
    facet: str
    added_by: Person | None
    added_at: str
    ending_asked_by: Person | None
    ending_reason: str
    ended_by: Person | None
    ended_at: str | None


class Post(TypedDict):
    """A whole post. `slot` is an instant, `"on_approval"`, or null."""

    id: int
    brand: str
    state: str
    kind: str
    products: list[str]
    topics: list[str]
    facets: list[Facet]
    author: Person
    contributors: list[Person]
    revision: Revision
    channels: list[str]
    text: str
    variants: dict[str, str]
    media: list[MediaOfPost]
    link: str
    reply_to: str
    thread: list[str]
    options: dict[str, dict[str, str]]
    slot: str | None
    window: Window | None
    late_minutes: int
    after: int | None
    corrects: int | None
    corrections: list[Correction]
    retraction: Retracting | None
    problems: list[Problem]
    gate: Gate
    decisions: list[Decision]
    deliveries: list[Delivery]
    # What this very call cost its caller, such as their own approval; empty in every other answer.
    consequences: list[Said]


class Comment(TypedDict):
    """`quote` is the passage it is about, `revision` the number it was written on. A `suggestion` (null for
    a plain remark) proposes other words for it; `accepted` is null until a writer answers, and `light` says
    whether its maker may still approve the result."""

    id: int
    by: Person
    at: str
    text: str
    quote: str
    revision: int
    parent: int | None
    resolved_at: str | None
    suggestion: str | None
    place: str
    accepted: bool | None
    light: bool | None


class Health(TypedDict):
    ok: bool
    problem: str
    checked_at: str | None
    expires_at: str | None
    wait_until: str | None


class Channel(TypedDict):
    """`key` is what posts name; `limits` is the network's own, as a snapshot."""

    id: int
    key: str
    name: str
    network: str
    handle: str
    active: bool
    paused_at: str | None
    pause_reason: str
    health: Health | None
    limits: dict[str, Any]


class Policy(TypedDict):
    id: int
    number: int
    state: str
    rules: dict[str, Any]
    reason: str
    proposed_by: Person | None
    proposed_at: str
    confirmed_by: Person | None
    confirmed_at: str | None
    dropped_by: Person | None
    dropped_at: str | None


class Acknowledgement(TypedDict):
    id: int
    policy: int
    kind: str
    lacking: list[str]
    by: Person
    at: str


class Replayed(TypedDict):
    """A post (its id) that would have fared otherwise: why the gate would have been closed, or was, and
    who could then have given what was missing."""

    post: int
    why: list[Said]
    could: list[Person]


class Replay(TypedDict):
    """A version over the last decided posts: `evaluated` of them, `unchanged` of which came out the same."""

    policy: int
    evaluated: int
    stopped: list[Replayed]
    let_through: list[Replayed]
    unchanged: int


class PolicyOfPost(TypedDict):
    id: int
    number: int
    preset: str


class RestsOn(TypedDict):
    """A credential on which a word rested; `ended_at` tells that it is over since. Grantors by name."""

    credential: int
    domain: str
    level: int
    founding: bool
    granted_by: list[str]
    since: str
    valid_until: str | None
    ended_at: str | None


class Attested(TypedDict):
    """A counted approval. `decision` is null for a writer whose expertise covers (the preset duo)."""

    decision: int | None
    by: Person
    at: str | None
    digest: str | None
    revision: int | None
    rests_on: list[RestsOn]


class SentUnder(TypedDict):
    """A delivery's permit: for which digest, on which gate decision, under which version of the rules."""

    id: int
    channel: str
    permit: int
    digest: str
    gate_decision: int
    policy: int | None
    released_at: str | None


class Attestation(TypedDict):
    """`gate_decision` is the evaluation at release that let these bytes through; null before it."""

    post: int
    digest: str | None
    gate_decision: int | None
    allowed_at: str | None
    policy: PolicyOfPost | None
    approvals: list[Attested]
    deliveries: list[SentUnder]


class Entry(TypedDict):
    """One act. `actor` is null for background work, which `system` names. `text` is what was said,
    unless it was erased; `sequence` and `hash` are its place in the chain, null for a moment."""

    id: int
    at: str
    verb: str
    actor: Person | None
    system: str
    subject: str
    post: int | None
    data: dict[str, Any]
    text: str | None
    sequence: int | None
    hash: str | None


class Fault(TypedDict):
    sequence: int
    entry: int | None
    message: str


class Verification(TypedDict):
    """`sealed` links were walked; `fault` is the first that is broken."""

    ok: bool
    sealed: int
    fault: Fault | None


class Incident(TypedDict):
    """`lifting` are the people who said that it may be lifted; it takes two. `left` counts the posts that
    it held and that nobody has gone through yet."""

    id: int
    scope: dict[str, Any]
    reason: str
    declared_by: Person
    declared_at: str
    lifted_at: str | None
    lifting: list[Person]
    left: int


class HeldPost(TypedDict):
    """A post that an incident or a pause stopped. `waiting` until it is confirmed, moved or dropped."""

    post: int
    title: str
    state: str
    slot: str | None
    waiting: bool


class Public(TypedDict):
    """A delivery in an incident's scope that is, or may be, out."""

    delivery: int
    post: int
    title: str
    channel: str
    network: str
    state: str
    at: str | None
    url: str | None
    can_delete: bool
    can_edit: bool


class IncidentWhole(Incident):
    """`could` are the people whose word would lift it now (before anybody spoke: who could begin);
    `statements` the crisis posts in its scope since it was declared."""

    held: list[HeldPost]
    published: list[Public]
    could: list[Person]
    statements: list[HeldPost]


class Pause(TypedDict):
    """`became` is the incident it was turned into; `left` as of an incident."""

    id: int
    scope: dict[str, Any]
    reason: str
    by: Person
    at: str
    ended_at: str | None
    became: int | None
    left: int
