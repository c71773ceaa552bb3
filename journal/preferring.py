"""By which way each person is told: at once by mail, in a digest, or only on the desk.

Kinds of notices are many and their names are ours; people choose by topic, on one screen. Nothing of it is
written into the journal: how somebody reads their own mail changes nothing in the brand.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Collection, Mapping
from datetime import datetime, time, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.refusals import Invalid
from journal.models import Digest, How, Notice, Preference, Topic

# An incident comes at once to everybody: a promotion that goes out during it is what this house prevents. And
# whoever is on call was asked to be reachable.
FIXED: Mapping[Topic, How] = {Topic.INCIDENT: How.AT_ONCE}
DEFAULTS: Mapping[Topic, How] = {
    Topic.ASKED: How.AT_ONCE,
    Topic.STOPPED: How.AT_ONCE,
    Topic.ANSWERED: How.AT_ONCE,
    Topic.CHANNELS: How.AT_ONCE,
    Topic.TALK: How.DIGEST,
    Topic.TEAM: How.DIGEST,
    **FIXED,
}
_KINDS: Mapping[Topic, Collection[str]] = {
    Topic.ASKED: (
        "review.asked", "review.remind", "credential.propose", "credential.look", "policy.propose",
        "lexicon.ask_end", "retraction.propose", "delivery.by_hand", "delivery.unknown", "recurrence.draft",
    ),
    Topic.INCIDENT: ("incident.declare", "incident.lift", "incident.lifted", "brand.stop", "post.urgent"),
    Topic.STOPPED: (
        "post.hold", "post.held", "post.missed", "post.rezoned", "policy.held", "review.nobody", "pause.begin",
        "delivery.rejected", "delivery.auth_failed", "recurrence.stopped",
    ),
    Topic.ANSWERED: (
        "decision.approve", "decision.request_changes", "decision.reject", "decision.withdraw",
        "decision.override", "facet.lower", "post.split",
    ),
    Topic.CHANNELS: ("channel.signed_out", "channel.ends", "channel.broken"),
    Topic.TALK: ("comment.add", "suggestion.add", "suggestion.accept", "suggestion.decline"),
    Topic.TEAM: (
        "credential.revoke", "credential.confirm", "credential.decline", "credential.suspend",
        "credential.reinstate", "credential.renew", "credential.practice", "credential.lapse_soon",
        "credential.lapse", "credential.expire_soon", "credential.expired", "policy.confirm", "policy.drop",
        "lexicon.keep", "member.join",
    ),
}  # fmt: skip
_TOPIC_OF: Mapping[str, Topic] = {kind: topic for topic, kinds in _KINDS.items() for kind in kinds}
KINDS = frozenset(_TOPIC_OF)
DIGEST = "digest"
_SALT = "journal.preferring.off"


def fixed_why() -> str:
    """Why incidents cannot be turned off."""
    return _(
        "Always by mail, at once: what goes out while an incident lasts makes it worse, and whoever is on call is "
        "waited for."
    )


def topic_of(kind: str) -> Topic:
    """What a kind is about. One that is not sorted yet is told as what asks for something: never less."""
    return _TOPIC_OF.get(kind, Topic.ASKED)


def kinds_of(topic: Topic) -> Collection[str]:
    return _KINDS[topic]


def wishes_of(users: Collection[int]) -> dict[int, dict[Topic, How]]:
    """{account: {topic: how}}, with the house's defaults where nothing was chosen. One query."""
    found = {user: dict(DEFAULTS) for user in users}
    for row in Preference.objects.filter(user__in=users):
        topic = Topic(row.topic)
        if topic not in FIXED:
            found[row.user_id][topic] = How(row.how)
    return found


def hour_of(user: User) -> int:
    """At which hour of their own clock the digest comes."""
    found = Digest.objects.filter(user=user).first()
    return (found or Digest()).hour


def next_digest(hour: int, zone: str, now: datetime) -> datetime:
    """The next instant after `now` at which a clock in `zone` shows that hour; on the night when it does not,
    the moment that the hour is skipped to."""
    here = now.astimezone(zoneinfo.ZoneInfo(zone))
    for days in range(3):
        due = datetime.combine(here.date() + timedelta(days=days), time(hour), tzinfo=here.tzinfo)
        if due.astimezone(zoneinfo.ZoneInfo("UTC")) > now:
            return due.astimezone(zoneinfo.ZoneInfo("UTC"))
    raise AssertionError(f"no {hour} o'clock in {zone} within two days")


def prefer(actor: User, wanted: Mapping[Topic, How], hour: int | None = None) -> None:
    """Keeps what somebody chose for themselves. What waits for a digest that no longer comes goes its new way;
    a changed hour holds from the next digest on. Raises Invalid for what cannot be chosen."""
    if any(topic in FIXED and how != FIXED[topic] for topic, how in wanted.items()):
        raise Invalid("always_told", fixed_why(), fields={str(Topic.INCIDENT): [fixed_why()]})
    if hour is not None and not 0 <= hour <= 23:
        sentence = _("An hour is a number from 0 to 23.")
        raise Invalid("no_such_hour", sentence, fields={"hour": [sentence]})
    with transaction.atomic():
        digest, _new = Digest.objects.select_for_update().get_or_create(user=actor)
        if hour is not None and hour != digest.hour:
            digest.hour = hour
            if digest.due_at is not None:
                digest.due_at = next_digest(hour, actor.time_zone, timezone.now())
            digest.save(update_fields=["hour", "due_at"])
        Preference.objects.bulk_create(
            [Preference(user=actor, topic=topic, how=how) for topic, how in wanted.items()],
            update_conflicts=True,
            unique_fields=["user", "topic"],
            update_fields=["how"],
        )
        _take_out_of_digest(actor)


def _take_out_of_digest(user: User) -> None:
    """What waits for the digest and would not go into it now is sorted again at the next tick."""
    kept = [topic for topic, how in wishes_of([user.pk])[user.pk].items() if how == How.DIGEST]
    kinds = [kind for topic in kept for kind in kinds_of(topic)]
    waiting = Notice.objects.filter(user=user, mailed_at__isnull=True, in_digest=True)
    waiting.filter(~Q(kind__in=kinds)).update(in_digest=False)


# --- Off with one click -----------------------------------------------------------------------------
def off_token(user: User, what: Topic | str) -> str:
    """Says, signed: this person wants no mail about this topic (or no digest, `DIGEST`). It opens nothing
    else, and holds for as long as the mail may lie in somebody's box."""
    return signing.dumps([user.pk, str(what)], salt=_SALT)


def read_off_token(token: str) -> tuple[User, Topic | str] | None:
    """Whose it is and of what, or None for what we did not sign and for an account that is closed."""
    try:
        pk, what = signing.loads(token, salt=_SALT)
    except signing.BadSignature:
        return None
    user = User.objects.filter(pk=pk, is_active=True).first()
    if user is None:
        return None
    return user, (what if what == DIGEST else Topic(what))


def turn_off(user: User, what: Topic | str) -> None:
    """No mail about it any more; it still stands on the desk. Doing it again changes nothing."""
    wishes = wishes_of([user.pk])[user.pk]
    topics = [one for one, how in wishes.items() if how == How.DIGEST] if what == DIGEST else [Topic(what)]
    prefer(user, dict.fromkeys(topics, How.HERE))


def off_url(user: User, what: Topic | str) -> str:
    return f"{settings.BASE_URL}/notifications/off/{off_token(user, what)}/"


def mail_host() -> str:
    """What stands behind the @ of our message ids."""
    return urlsplit(settings.BASE_URL).hostname or "localhost"
