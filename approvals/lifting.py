"""Who lifts an incident: crisis 3 and one other person; else two of crisis 2; after a day the owner and one
mentor. Counted by people, each through the accounts that said so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts.models import Brand, Membership, User
from approvals.levels import in_force
from approvals.models import Incident, Level, Lifting

OWNER_MAY_LIFT_AFTER = timedelta(hours=24)
CRISIS = "crisis"


@dataclass(frozen=True, slots=True)
class Voice:
    """What one account's word weighs."""

    user: User
    crisis: int
    mentor: bool
    owner: bool


@dataclass(frozen=True, slots=True)
class Outlook:
    """`words` are of people who are still here. `could` are those whose word would lift it now, or, before
    anybody has spoken, those who could begin; `long_open` opens the way of the owner and a mentor."""

    words: list[Lifting]
    enough: bool
    could: list[User]
    long_open: bool


def outlook_of(incident: Incident, now: datetime) -> Outlook:
    """How far the lifting of an incident is. Four queries."""
    voices = _voices(incident.brand, now)
    # The word of somebody who has left since is no longer theirs to give.
    words = [
        word for word in incident.liftings.select_related("user").order_by("pk") if word.user_id in voices
    ]
    long_open = now - incident.declared_at >= OWNER_MAY_LIFT_AFTER
    said = [voices[word.user_id] for word in words]
    people = {voice.user.person_id for voice in said}
    others = [voice for voice in voices.values() if voice.user.person_id not in people]
    if said:
        could = [voice.user for voice in others if suffice([*said, voice], long_open=long_open)]
    else:
        # Somebody with crisis 3 can do it with anybody: what matters is who must be one of the two.
        could = [voice.user for voice in others if _leads(voice, others, long_open=long_open)]
    return Outlook(words, suffice(said, long_open=long_open), could, long_open)


def _voices(brand: Brand, now: datetime) -> Mapping[int, Voice]:
    held: dict[int, dict[str, int]] = {}
    for user, domain, level in in_force(brand, now).values_list("user_id", "domain", "level"):
        mine = held.setdefault(user, {})
        mine[domain] = max(mine.get(domain, 0), level)
    here = Membership.objects.filter(brand=brand, is_active=True, user__is_active=True)
    found = {}
    for row in here.select_related("user").order_by("user__name", "pk"):
        mine = held.get(row.user_id, {})
        mentor = max(mine.values(), default=0) >= Level.MENTOR
        found[row.user_id] = Voice(row.user, mine.get(CRISIS, 0), mentor, row.is_owner)
    return found


def suffice(voices: Iterable[Voice], *, long_open: bool) -> bool:
    """Whether these words lift an incident. Several accounts of a person are one."""
    crisis: dict[int, int] = {}
    owners, mentors = set(), set()
    for voice in voices:
        person = voice.user.person_id
        crisis[person] = max(crisis.get(person, 0), voice.crisis)
        owners |= {person} if voice.owner else set()
        mentors |= {person} if voice.mentor else set()
    if len(crisis) < 2:
        return False
    first, second = sorted(crisis.values(), reverse=True)[:2]
    if first >= Level.MENTOR or second >= Level.ENTRUSTED:
        return True
    return long_open and any(owner != mentor for owner in owners for mentor in mentors)


def _leads(voice: Voice, all_of_them: Iterable[Voice], *, long_open: bool) -> bool:
    if voice.crisis >= Level.MENTOR:
        return True
    peers = [one for one in all_of_them if one.crisis < Level.MENTOR]
    return any(suffice([voice, one], long_open=long_open) for one in peers)
