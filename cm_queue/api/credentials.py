"""Routes of expertise: propose, confirm, turn down, renew, suspend, revoke; second looks; absences.

What gives standing takes the scope `decide`, like a decision: it opens the gate. What takes it away takes
`manage`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Final, Literal

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from ninja import Query, Router, Status
from pydantic import Field, StrictInt

from accounts.clock import database_now
from accounts.models import Absence, Brand, User
from accounts.refusals import Invalid, NotHere
from approvals import expertise, granting, leaving, relooking, renewing, suspending
from approvals.earning import progress_of
from approvals.models import Credential, CredentialState, Level, SecondLook
from approvals.practising import ACTS, practice
from approvals.progressing import Progress, what_is_missing
from approvals.vouching import Roster, places
from cm_queue.api import people_shapes, shapes
from cm_queue.api.answers import instant, instant_or_none, person
from cm_queue.api.bodies import Body, Id, RevokeIn
from cm_queue.api.calling import Decide, Draft, Manage, Read, brand_named, caller, demand_here, token_of
from cm_queue.api.paging import Cursor, Limit, by_id
from posts.scheduling import read_instant

router = Router(tags=["expertise"])
_WITH: Final = ("user__same_person_as", "brand", "proposed_by", "first_grantor", "second_grantor")


# --- What may be sent -------------------------------------------------------------------------------
class EvidenceIn(Body):
    text: str
    posts: StrictInt | None = Field(None, description="accepted pieces of work done elsewhere")


class CredentialIn(Body):
    """Whom (`person`, the id of an account, or `email`), in which domain, to which level, on what evidence."""

    person: Id | None = None
    email: str = Field("", max_length=254)
    domain: str = Field(max_length=200)
    level: StrictInt
    evidence: str | list[str | EvidenceIn] = Field(description="what it rests on, in words; required")
    valid_until: str | None = Field(
        None, max_length=64, description="ISO 8601; default: as long as practised"
    )

    def read_evidence(self) -> list[granting.Evidence]:
        given = [self.evidence] if isinstance(self.evidence, str) else self.evidence
        return [
            granting.Evidence(one) if isinstance(one, str) else granting.Evidence(one.text, one.posts)
            for one in given
        ]


class NoteIn(Body):
    note: str = ""


class CauseIn(Body):
    cause: str = ""


class DeclineIn(Body):
    reason: str = ""


class WordIn(Body):
    word: str = ""


class AbsenceIn(Body):
    """Days, inclusive, by the brand's calendar; `person` (an account's id) is yourself without it."""

    first_day: str = Field(max_length=10)
    last_day: str = Field(max_length=10)
    person: Id | None = None


# --- Telling ----------------------------------------------------------------------------------------
def credentials_of(brand: Brand, rows: Sequence[Credential]) -> list[people_shapes.Credential]:
    """`rows` with all that an answer names: the practice of those in force, who could confirm those proposed.
    In a number of queries that rows do not change."""
    full = credential_rows(brand).in_bulk([row.pk for row in rows])
    found = [full[row.pk] for row in rows if row.pk in full]
    active = [row for row in found if row.state == CredentialState.ACTIVE]
    now = database_now()
    known = practice(brand, active, now) if active else {}
    roster = Roster(brand, now) if any(row.state == CredentialState.PROPOSED for row in found) else None
    told = []
    for row in found:
        one = known.get(row.pk)
        done: people_shapes.Practice | None = None
        if one is not None:
            done = {"acts": one.acts, "needed": ACTS, "lapses_at": instant(one.lapses_at)}
        told.append(_credential(row, done, _waits_for(row, roster)))
    return told


def credential_rows(brand: Brand) -> QuerySet[Credential]:
    return Credential.objects.filter(brand=brand).select_related(*_WITH)


def _credential(
    row: Credential, done: people_shapes.Practice | None, waits_for: list[shapes.Person]
) -> people_shapes.Credential:
    return {
        "id": row.pk,
        "person": person(row.user),
        "domain": row.domain,
        "level": row.level,
        "state": row.state,
        "valid_from": instant(row.valid_from),
        "valid_until": instant_or_none(row.valid_until),
        "confirmed_at": instant_or_none(row.confirmed_at),
        "ended_at": instant_or_none(row.ended_at),
        "end_cause": row.end_cause,
        "founding": row.founding,
        "proposed_by": _maybe(row.proposed_by),
        "first_grantor": _maybe(row.first_grantor),
        "second_grantor": _maybe(row.second_grantor),
        "evidence": [{"text": str(one["text"]), "posts": one.get("posts")} for one in row.evidence],
        "follows": row.follows_id,
        "practice": done,
        "waits_for": waits_for,
    }


def _maybe(user: User | None) -> shapes.Person | None:
    return person(user) if user else None


def _waits_for(row: Credential, roster: Roster | None) -> list[shapes.Person]:
    if roster is None or row.state != CredentialState.PROPOSED:
        return []
    left = roster.places(row.user, row.domain).open_beside(row.first_grantor)
    return [person(user) for user in roster.named(left)]


def progress_told(found: Progress) -> people_shapes.Progress:
    return {
        "domain": found.domain,
        "accepted": found.accepted,
        "rejected": found.rejected,
        "elsewhere": found.elsewhere,
        "needed": found.needed,
        "share": found.share,
        "mentors": found.mentors,
        "mentors_needed": found.mentors_needed,
        "ready": found.ready,
        "missing_posts": found.missing_posts,
        "missing_mentors": found.missing_mentors,
        "sentence": what_is_missing(found),
    }


def _proposed(row: Credential) -> people_shapes.Proposed:
    (told,) = credentials_of(row.brand, [row])
    shown: people_shapes.Progress | None = None
    if row.level == Level.ENTRUSTED and row.state == CredentialState.PROPOSED and not row.founding:
        existing = places(row.brand, row.user, row.domain, database_now()).existing
        shown = progress_told(progress_of(row.brand, row.user, row.domain, row.evidence, existing))
    return {**told, "progress": shown}


def _one(row: Credential) -> people_shapes.Credential:
    return credentials_of(row.brand, [row])[0]


def _here(request: HttpRequest, pk: int) -> None:
    brand_id = Credential.objects.filter(pk=pk).values_list("brand_id", flat=True).first()
    demand_here(request, brand_id, "no_such_credential", _("There is no such credential."))


# --- Credentials ------------------------------------------------------------------------------------
States = Literal["", "PROPOSED", "ACTIVE", "LAPSED", "SUSPENDED", "REVOKED", "DECLINED", "REPLACED"]


@router.get("/brands/{slug}/credentials", response=shapes.Page[people_shapes.Credential], auth=Read())
def read_credentials(
    request: HttpRequest,
    slug: str,
    state: Annotated[States, Query("", description="only these; default: all")],
    cursor: Cursor = "",
    limit: Limit = 50,
) -> shapes.Page[people_shapes.Credential]:
    """Every credential of the brand and what became of it, newest first."""
    brand = brand_named(request, slug)
    rows = Credential.objects.filter(brand=brand, **({"state": state} if state else {}))
    page, after = by_id(rows, cursor, limit, newest_first=True)
    return {"items": credentials_of(brand, page), "next": after}


@router.post("/brands/{slug}/credentials", response={201: people_shapes.Proposed}, auth=Decide())
def propose_credential(request: HttpRequest, slug: str, body: CredentialIn) -> Status[people_shapes.Proposed]:
    """A mentor's word for somebody, the first of two; an owner's, where mentors are missing."""
    brand = brand_named(request, slug)
    until = read_instant(body.valid_until, brand.zone, "valid_until") if body.valid_until else None
    proposal = granting.Proposal(
        _somebody(brand, body.person, body.email), body.domain, body.level, body.read_evidence(), until
    )
    return Status(201, _proposed(granting.propose(caller(request), brand, proposal)))


def _somebody(brand: Brand, pk: int | None, email: str) -> User:
    if pk is None and not email.strip():
        sentence = _("Say whom: by the id of an account, or by an e-mail address.")
        raise Invalid("person_needed", sentence, fields={"person": [sentence]})
    which = {"pk": pk} if pk is not None else {"email": email.strip().lower()}
    user = User.objects.filter(memberships__brand=brand, **which).first()
    if user is None:
        raise NotHere("no_such_person", _("There is no such person in this brand."))
    return user


@router.get("/credentials/{int:pk}", response=people_shapes.Proposed, auth=Read())
def read_credential(request: HttpRequest, pk: int) -> people_shapes.Proposed:
    """One credential: of a proposal, whose word it waits for and how far its person is."""
    _here(request, pk)
    return _proposed(renewing.find(caller(request), pk))


@router.post("/credentials/{int:pk}/confirm", response=people_shapes.Proposed, auth=Decide())
def confirm_credential(request: HttpRequest, pk: int) -> people_shapes.Proposed:
    """The second person's word. 409 `not_yet` says what the person must still show."""
    _here(request, pk)
    return _proposed(granting.confirm(caller(request), pk))


@router.post("/credentials/{int:pk}/decline", response=people_shapes.Credential, auth=Manage())
def decline_credential(request: HttpRequest, pk: int, body: DeclineIn) -> people_shapes.Credential:
    """Turns a proposal down, or takes one's own back."""
    _here(request, pk)
    return _one(granting.decline(caller(request), pk, body.reason))


@router.post("/credentials/{int:pk}/renew", response=people_shapes.Credential, auth=Decide())
def renew_credential(request: HttpRequest, pk: int, body: NoteIn) -> people_shapes.Credential:
    """Carries on one that runs out, on recorded practice. Answers the credential that follows it."""
    _here(request, pk)
    return _one(renewing.renew(caller(request), pk, body.note))


@router.post("/credentials/{int:pk}/practice", response=people_shapes.Credential, auth=Decide())
def confirm_practice(request: HttpRequest, pk: int, body: NoteIn) -> people_shapes.Credential:
    """A mentor confirms recent practice after a lapse. Answers the credential that follows it."""
    _here(request, pk)
    return _one(renewing.confirm_practice(caller(request), pk, body.note))


@router.post("/credentials/{int:pk}/suspend", response=people_shapes.Credential, auth=Manage())
def suspend_credential(request: HttpRequest, pk: int, body: CauseIn) -> people_shapes.Credential:
    """From now on it does not count, until somebody ends that."""
    _here(request, pk)
    return _one(suspending.suspend(caller(request), pk, body.cause))


@router.post("/credentials/{int:pk}/reinstate", response=people_shapes.Credential, auth=Decide())
def reinstate_credential(request: HttpRequest, pk: int, body: NoteIn) -> people_shapes.Credential:
    """Ends a suspension. Answers the credential that follows it."""
    _here(request, pk)
    return _one(renewing.reinstate(caller(request), pk, body.note))


@router.post("/credentials/{int:pk}/revoke", response=people_shapes.Revoked, auth=Manage())
def revoke_credential(request: HttpRequest, pk: int, body: RevokeIn) -> people_shapes.Revoked:
    """Takes expertise back for a cause, from now or from a past date: what rested on it no longer counts,
    what is scheduled on it is held, what is out is listed for another look."""
    _here(request, pk)
    since = read_instant(body.since, token_of(request).brand.zone, "since") if body.since else None
    gone = expertise.revoke(caller(request), pk, body.cause, since)
    looks = _looks().filter(credential=gone).order_by("pk")
    return {**_one(gone), "second_looks": [_look(one) for one in looks]}


# --- Second looks -----------------------------------------------------------------------------------
def _looks() -> QuerySet[SecondLook]:
    return SecondLook.objects.select_related("credential__user", "looked_by")


def _look(row: SecondLook) -> people_shapes.SecondLook:
    return {
        "id": row.pk,
        "post": row.post_id,
        "credential": row.credential_id,
        "person": person(row.credential.user),
        "domain": row.credential.domain,
        "asked_at": instant(row.asked_at),
        "looked_at": instant_or_none(row.looked_at),
        "looked_by": _maybe(row.looked_by),
        "word": row.word,
    }


@router.get("/brands/{slug}/second-looks", response=shapes.Page[people_shapes.SecondLook], auth=Read())
def read_second_looks(
    request: HttpRequest, slug: str, cursor: Cursor = "", limit: Limit = 50
) -> shapes.Page[people_shapes.SecondLook]:
    """What is out and rested on expertise that was revoked, newest first."""
    rows = _looks().filter(credential__brand=brand_named(request, slug))
    page, after = by_id(rows, cursor, limit, newest_first=True)
    return {"items": [_look(row) for row in page], "next": after}


@router.post("/second-looks/{int:pk}", response=people_shapes.SecondLook, auth=Decide())
def take_second_look(request: HttpRequest, pk: int, body: WordIn) -> people_shapes.SecondLook:
    """Somebody qualified has looked again, and says what came of it."""
    brand_id = SecondLook.objects.filter(pk=pk).values_list("credential__brand_id", flat=True).first()
    demand_here(request, brand_id, "no_such_look", _("There is no such second look."))
    relooking.look(caller(request), pk, body.word)
    return _look(_looks().get(pk=pk))


# --- Absences ---------------------------------------------------------------------------------------
def _absence(row: Absence) -> people_shapes.Absence:
    days = {"first_day": row.first_day.isoformat(), "last_day": row.last_day.isoformat()}
    return {"id": row.pk, "person": person(row.user), **days}  # type: ignore[typeddict-item]


@router.get("/brands/{slug}/absences", response=shapes.Page[people_shapes.Absence], auth=Read())
def read_absences(
    request: HttpRequest, slug: str, cursor: Cursor = "", limit: Limit = 50
) -> shapes.Page[people_shapes.Absence]:
    """Those that are not over yet."""
    brand = brand_named(request, slug)
    today = database_now().astimezone(brand.zone).date()
    rows = Absence.objects.filter(brand=brand, last_day__gte=today).select_related("user")
    page, after = by_id(rows, cursor, limit)
    return {"items": [_absence(row) for row in page], "next": after}


@router.post("/brands/{slug}/absences", response={201: people_shapes.Absence}, auth=Draft())
def add_absence(request: HttpRequest, slug: str, body: AbsenceIn) -> Status[people_shapes.Absence]:
    """Work goes to somebody else who is qualified on these days."""
    brand = brand_named(request, slug)
    user = _somebody(brand, body.person, "") if body.person is not None else caller(request)
    first, last = _day(body.first_day, "first_day"), _day(body.last_day, "last_day")
    return Status(201, _absence(leaving.leave(caller(request), brand, user, first, last)))


def _day(text: str, field: str) -> date:
    try:
        day = parse_date(text)
    except ValueError:
        day = None
    if day is None:
        sentence = _("Write a day like 2026-12-24.")
        raise Invalid("bad_day", sentence, fields={field: [sentence]})
    return day


@router.delete("/absences/{int:pk}", response={204: None}, auth=Draft())
def remove_absence(request: HttpRequest, pk: int) -> Status[None]:
    brand_id = Absence.objects.filter(pk=pk).values_list("brand_id", flat=True).first()
    demand_here(request, brand_id, "no_such_absence", _("There is no such absence."))
    leaving.come_back(caller(request), pk)
    return Status(204, None)
