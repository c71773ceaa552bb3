"""The shapes of answers about people and their expertise. Instants are ISO 8601 in UTC."""

from __future__ import annotations

from typing_extensions import TypedDict

from cm_queue.api.shapes import Person


class BrandOfMine(TypedDict):
    slug: str
    name: str
    time_zone: str
    language: str
    title: str
    is_owner: bool


class Evidence(TypedDict):
    """`posts` are accepted pieces of work elsewhere; null for what was seen in the house."""

    text: str
    posts: int | None


class Practice(TypedDict):
    """`acts` of the last 90 days, of `needed`; when it lapses unless there are more."""

    acts: int
    needed: int
    lapses_at: str


class Credential(TypedDict):
    """`waits_for` are the people whose word a proposal waits for; `practice` is there while it is in force."""

    id: int
    person: Person
    domain: str
    level: int
    state: str
    valid_from: str
    valid_until: str | None
    confirmed_at: str | None
    ended_at: str | None
    end_cause: str
    founding: bool
    proposed_by: Person | None
    first_grantor: Person | None
    second_grantor: Person | None
    evidence: list[Evidence]
    follows: int | None
    practice: Practice | None
    waits_for: list[Person]


class Progress(TypedDict):
    """Towards being entrusted with a domain, from reviewed work. `share` is the per cent accepted (at least
    85), `elsewhere` what work elsewhere replaces; `sentence` says what is missing, empty when nothing is."""

    domain: str
    accepted: int
    rejected: int
    elsewhere: int
    needed: int
    share: int | None
    mentors: int
    mentors_needed: int
    ready: bool
    missing_posts: int
    missing_mentors: int
    sentence: str


class Proposed(Credential):
    """A proposal with how far its person is, from level 2 on."""

    progress: Progress | None


class SecondLook(TypedDict):
    """A post that is out and rested on expertise that was revoked. `looked_at` is null until somebody has."""

    id: int
    post: int
    credential: int
    person: Person
    domain: str
    asked_at: str
    looked_at: str | None
    looked_by: Person | None
    word: str


class Revoked(Credential):
    """`second_looks` are the posts that are out and rested on it."""

    second_looks: list[SecondLook]


class Absence(TypedDict):
    """Days, inclusive, by the brand's calendar."""

    id: int
    person: Person
    first_day: str
    last_day: str


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
    """`domains` maps each domain to the person's level now; `absent` speaks of today; `progress` is there
    for domains in which the person is not entrusted yet and has something to show, or a level 1."""

    title: str
    is_owner: bool
    absent: bool
    domains: dict[str, int]
    credentials: list[Credential]
    progress: list[Progress]


class LinkedPerson(Person):
    """One person behind several accounts: `id` is the one the gate counts."""

    accounts: list[Person]


class Coverage(TypedDict):
    """`able` people can cover what a post of this kind may require, of `needed`."""

    kind: str
    domain: str
    level: int
    needed: int
    able: int
    people: list[Person]
