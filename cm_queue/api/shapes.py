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


class Delivery(TypedDict):
    id: int
    channel: str
    network: str
    state: str
    due_at: str | None
    attempts: int
    remote_id: str | None
    url: str | None
    problem: Said | None


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


class Post(TypedDict):
    """A whole post. `slot` is an instant, `"on_approval"`, or null."""

    id: int
    brand: str
    state: str
    kind: str
    products: list[str]
    topics: list[str]
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
    problems: list[Problem]
    gate: Gate
    decisions: list[Decision]
    deliveries: list[Delivery]


class Comment(TypedDict):
    """`quote` is the passage it is about, `revision` the number it was written on."""

    id: int
    by: Person
    at: str
    text: str
    quote: str
    revision: int
    parent: int | None
    resolved_at: str | None


class BrandOfMine(TypedDict):
    slug: str
    name: str
    time_zone: str
    language: str
    title: str
    is_owner: bool


class Credential(TypedDict):
    id: int
    person: Person
    domain: str
    level: int
    state: str
    valid_from: str
    valid_until: str | None
    ended_at: str | None
    founding: bool


class Token(TypedDict):
    brand: str
    scopes: list[str]
    expires_at: str


class Me(Person):
    language: str
    time_zone: str
    brands: list[BrandOfMine]
    credentials: list[Credential]
    token: Token


class Member(Person):
    """`domains` maps each domain to the person's level now; `absent` speaks of today."""

    title: str
    is_owner: bool
    absent: bool
    domains: dict[str, int]
    credentials: list[Credential]


class LinkedPerson(Person):
    """One person behind several accounts: `id` is the one the gate counts."""

    accounts: list[Person]


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


class Coverage(TypedDict):
    """`able` people can cover what a post of this kind may require, of `needed`."""

    kind: str
    domain: str
    level: int
    needed: int
    able: int
    people: list[Person]


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
    """`lifting` are the people who said that it may be lifted; it takes two."""

    id: int
    scope: dict[str, Any]
    reason: str
    declared_by: Person
    declared_at: str
    lifted_at: str | None
    lifting: list[Person]


class Pause(TypedDict):
    id: int
    scope: dict[str, Any]
    reason: str
    by: Person
    at: str
    ended_at: str | None
