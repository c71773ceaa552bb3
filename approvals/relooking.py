"""Looking again at what is already out and rested on expertise that was revoked.

Nothing is taken back by itself (mass deletion feeds a bad buzz): each post is listed for somebody who knows
the domain, who retracts it, corrects it, or says that it may stay.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.clock import database_now
from accounts.locks import share_brands
from accounts.models import Brand, User
from accounts.policies import demand_member, membership_in
from accounts.reading import read_words
from accounts.refusals import Forbidden, Invalid, NotHere, Refused
from approvals.levels import accounts_of, level_of, mentors_in, owners_of
from approvals.models import Credential, Decision, Level, SecondLook, Verdict
from journal.recording import record
from journal.telling import tell
from posts.lifecycle import MAY_BE_PUBLIC
from posts.models import Delivery


def ask_second_looks(held: Credential, since: datetime) -> list[SecondLook]:
    """Lists the posts that are (or may be) out, and that the person approved on this domain, where the
    approval or the release fell after `since`. Tells the domain's mentors and the owners."""
    posts = sorted(_rested_on(held, since))
    known = set(SecondLook.objects.filter(credential=held).values_list("post_id", flat=True))
    now = database_now()
    SecondLook.objects.bulk_create(
        SecondLook(credential=held, post_id=pk, asked_at=now) for pk in posts if pk not in known
    )
    if posts:
        person = held.user.person_id
        mentors = mentors_in(held.brand, held.domain, now, but=person).values()
        told = [*mentors, *owners_of(held.brand, but=person)]
        about: dict[str, Any] = {"who": held.user.name, "domain": held.domain, "user": held.user_id}
        tell(told, held.brand, "credential.look", n=len(posts), **about)
    return list(SecondLook.objects.filter(credential=held).order_by("post_id"))


def _rested_on(held: Credential, since: datetime) -> set[int]:
    """Only approvals of the very bytes that went out."""
    public = [state.value for state in MAY_BE_PUBLIC]
    approvals = Decision.objects.filter(
        post__brand_id=held.brand_id,
        user__in=accounts_of([held.user.person_id]),
        decision=Verdict.APPROVE,
        post__deliveries__state__in=public,
    ).values_list("post_id", "digest", "rests_on", "at")
    approved = {
        (post_id, digest): at
        for post_id, digest, rests_on, at in approvals
        if any(domain == held.domain for domain, _level in rests_on)
    }
    out = Delivery.objects.filter(
        post_id__in={post_id for post_id, _digest in approved}, state__in=public
    ).values_list("post_id", "sealed_digest", "delivered_at")
    return {
        post_id
        for post_id, digest, delivered_at in out
        if digest is not None
        and (post_id, digest) in approved
        and (approved[post_id, digest] >= since or delivered_at is None or delivered_at >= since)
    }


def looks_to_take(brand: Brand) -> list[SecondLook]:
    """What nobody has looked at yet, oldest first, with posts and credentials."""
    rows = SecondLook.objects.filter(credential__brand=brand, looked_at__isnull=True)
    return list(
        rows.select_related(
            "credential__user", "credential__brand", "post__author", "post__revision"
        ).order_by("asked_at", "pk")
    )


def may_look(user: User, held: Credential) -> bool:
    """Whoever is entrusted with the domain, or an owner where it has no mentor; never the one it was taken from."""
    if user.person_id == held.user.person_id:
        return False
    if level_of(user, held.brand, held.domain) >= Level.ENTRUSTED:
        return True
    membership = membership_in(user, held.brand)
    nobody = not mentors_in(held.brand, held.domain, database_now(), but=held.user.person_id)
    return nobody and membership is not None and membership.is_owner


def look(actor: User, pk: int, word: str) -> SecondLook:
    """Somebody qualified has looked at a post again, and says what came of it."""
    said = read_words(word, "word", most=500)
    if not said:
        sentence = _("Say in a sentence what came of it.")
        raise Invalid("word_needed", sentence, fields={"word": [sentence]})
    found = SecondLook.objects.select_related("credential__brand", "credential__user").filter(pk=pk).first()
    if found is None or membership_in(actor, found.credential.brand) is None:
        raise NotHere("no_such_look", _("There is no such second look."))
    brand = found.credential.brand
    with transaction.atomic():
        share_brands([brand.pk])
        demand_member(actor, brand)
        if not may_look(actor, found.credential):
            raise Forbidden("not_qualified", _("Looking at it again takes expertise in what it rested on."))
        taken = SecondLook.objects.filter(pk=pk, looked_at__isnull=True).update(
            looked_at=database_now(), looked_by=actor, word=said
        )
        if not taken:
            raise Refused("already_looked", _("Somebody has looked at it again already."))
        record(
            "credential.looked", actor, brand, f"post:{found.post_id}", post_id=found.post_id, personal=said
        )
    found.refresh_from_db()
    return found
