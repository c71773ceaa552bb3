"""Renewing, confirming practice after a lapse, suspending and ending it, revoking with what follows from it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.clock import database_now
from accounts.models import Absence
from accounts.refusals import Forbidden, Invalid, NotHere, Refused
from approvals import leaving
from approvals.expertise import FOUNDING_LASTS, level_of, revoke
from approvals.models import Credential, CredentialState, SecondLook
from approvals.practising import keep_current
from approvals.relooking import look, looks_to_take
from approvals.renewing import confirm_practice, reinstate, renew
from approvals.suspending import suspend
from posts.lifecycle import DeliveryState, PostState
from posts.models import Delivery, Post
from tests.approvals.working import accepted
from tests.casting import Cast, fresh, is_open

DAY = timedelta(days=1)


def held(cast: Cast, who: str, domain: str) -> Credential:
    return cast.credentials(who, domain).get()


# --- Renewal ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("by", ["hugo", "olga"])
def test_renewed_by_one_mentor_or_the_owner_on_recorded_practice(cast: Cast, by: str):
    old = held(cast, "nadia", "company")
    with pytest.raises(Refused) as early:
        renew(cast.people[by], old.pk, "Elle relit tous les jours.")
    assert (early.value.code, early.value.details) == ("not_practised", {"acts": 0, "needed": 3})
    post, *_others = accepted(cast, 3, by="nadia")
    made = renew(cast.people[by], old.pk, "Elle relit tous les jours.")
    old.refresh_from_db()
    assert (old.state, old.ended_at) == (CredentialState.REPLACED, made.valid_from)
    assert (made.state, made.founding, made.follows_id) == (CredentialState.ACTIVE, True, old.pk)
    assert made.valid_until == made.valid_from + FOUNDING_LASTS
    assert made.evidence[-1]["text"] == "Elle relit tous les jours."
    assert is_open(post)
    with pytest.raises(Refused):
        renew(cast.people[by], old.pk, "Encore.")


def test_who_does_not_renew(cast: Cast):
    accepted(cast, 3, by="nadia")
    old = held(cast, "nadia", "company")
    for who in ("nadia", "marc", "victor", "ines"):
        with pytest.raises(Forbidden):
            renew(cast.people[who], old.pk, "Vu.")
    with pytest.raises(NotHere):
        renew(cast.stranger, old.pk, "Vu.")
    with pytest.raises(Invalid):
        renew(cast.hugo, old.pk, " ")


def test_two_mentors_do_not_renew_each_other(cast: Cast):
    accepted(cast, 3, by="nadia")
    accepted(cast, 3, by="hugo")
    renew(cast.hugo, held(cast, "nadia", "company").pk, "Vu.")
    with pytest.raises(Forbidden) as mutual:
        renew(cast.nadia, held(cast, "hugo", "company").pk, "Vu.")
    assert mutual.value.code == "reciprocal"
    assert renew(cast.olga, held(cast, "hugo", "company").pk, "Vu.").state == CredentialState.ACTIVE


def test_some_time_after_its_end_it_is_still_renewed_and_then_no_more(cast: Cast):
    accepted(cast, 3, by="nadia")
    old = held(cast, "nadia", "company")
    now = database_now()
    Credential.objects.filter(pk=old.pk).update(valid_until=now - 91 * DAY, valid_from=now - 271 * DAY)
    with pytest.raises(Refused) as late:
        renew(cast.hugo, old.pk, "Vu.")
    assert late.value.code == "not_renewable"
    Credential.objects.filter(pk=old.pk).update(valid_until=now - DAY)
    renew(cast.hugo, old.pk, "Vu.")
    old.refresh_from_db()
    assert old.ended_at == now - DAY


# --- Lapse ------------------------------------------------------------------------------------------
def lapsed(cast: Cast, who: str, domain: str) -> Credential:
    long_ago = database_now() - 100 * DAY
    cast.credentials(who, domain).update(valid_from=long_ago, confirmed_at=long_ago)
    keep_current(limit=1000)
    row = held(cast, who, domain)
    assert row.state == CredentialState.LAPSED
    return row


def test_a_mentor_confirms_recent_practice(cast: Cast):
    row = lapsed(cast, "nadia", "company")
    for who in ("nadia", "olga", "marc"):
        with pytest.raises(Forbidden):
            confirm_practice(cast.people[who], row.pk, "Vu.")
    made = confirm_practice(cast.hugo, row.pk, "Trois semaines de presse écrite.")
    assert (made.state, made.level, made.founding, made.follows_id) == ("ACTIVE", 3, True, row.pk)
    assert made.valid_until == row.valid_until
    assert level_of(cast.nadia, cast.brand, "company") == 3
    assert cast.nadia.notices.filter(kind="credential.practice").exists()
    keep_current(limit=1000)
    assert level_of(cast.nadia, cast.brand, "company") == 3
    with pytest.raises(Refused):
        confirm_practice(cast.hugo, row.pk, "Encore.")


def test_where_no_other_mentor_is_the_owner_confirms(cast: Cast):
    revoke(cast.olga, held(cast, "hugo", "company").pk, "Il part.")
    row = lapsed(cast, "nadia", "company")
    assert confirm_practice(cast.olga, row.pk, "Vu.").state == CredentialState.ACTIVE


# --- Suspension -------------------------------------------------------------------------------------
def test_a_suspension_acts_at_once_and_ends_by_whoever_knows(cast: Cast):
    post = cast.approved()
    row = held(cast, "nadia", "company")
    for who in ("nadia", "marc"):
        with pytest.raises(Forbidden):
            suspend(cast.people[who], row.pk, "Doute.")
    with pytest.raises(Invalid):
        suspend(cast.olga, row.pk, "")
    row = suspend(cast.olga, row.pk, "Une promesse que nous ne tenons pas.")
    assert (row.state, row.ended_by) == (CredentialState.SUSPENDED, cast.olga)
    assert fresh(post).lifecycle == PostState.HELD
    with pytest.raises(Refused):
        suspend(cast.olga, row.pk, "Encore.")
    for who in ("nadia", "marc", "victor"):
        with pytest.raises(Forbidden):
            reinstate(cast.people[who], row.pk, "Vu.")
    made = reinstate(cast.hugo, row.pk, "C’était vrai.")
    assert (made.state, made.follows_id) == (CredentialState.ACTIVE, row.pk)
    # Nothing held resumes by itself, though its approval counts again.
    assert fresh(post).lifecycle == PostState.HELD
    assert is_open(post)


def test_whoever_suspended_ends_it_and_an_owner_ends_no_mentor_s(cast: Cast):
    row = suspend(cast.olga, held(cast, "nadia", "company").pk, "Doute.")
    assert reinstate(cast.olga, row.pk, "Levé.").state == CredentialState.ACTIVE
    other = suspend(cast.hugo, held(cast, "victor", "company").pk, "Doute.")
    with pytest.raises(Forbidden):
        reinstate(cast.olga, other.pk, "Levé.")


def test_it_strikes_every_level_in_the_domain(cast: Cast):
    """A lower credential from before does not stand in for the one that was taken."""
    cast.grant("nadia", "company", 2)
    revoke(cast.olga, cast.credentials("nadia", "company").get(level=3).pk, "Doute.")
    assert level_of(cast.nadia, cast.brand, "company") == 0


# --- Revocation and what follows --------------------------------------------------------------------
def out(post: Post) -> None:
    """As if it had gone out a moment ago."""
    Post.objects.filter(pk=post.pk).update(state=PostState.PUBLISHED.value)
    Delivery.objects.filter(post=post).update(
        state=DeliveryState.DELIVERED.value, delivered_at=database_now()
    )


def test_revoking_holds_what_is_scheduled_and_lists_what_is_out(cast: Cast):
    waits, other, public = cast.approved(), cast.approved(by="hugo"), cast.approved()
    out(public)
    row = held(cast, "nadia", "company")
    revoke(cast.hugo, row.pk, "Des faits inventés.", since=database_now() - DAY)
    assert fresh(waits).lifecycle == PostState.HELD
    assert fresh(other).lifecycle == PostState.SCHEDULED
    assert cast.ines.notices.filter(kind="post.held", post_id=waits.pk).exists()
    (listed,) = looks_to_take(cast.brand)
    assert (listed.post_id, listed.credential_id) == (public.pk, row.pk)
    for who in ("hugo", "olga"):
        assert cast.people[who].notices.get(kind="credential.look").data["n"] == 1
    with pytest.raises(Forbidden):
        look(cast.nadia, listed.pk, "Tout va bien.")
    with pytest.raises(Forbidden):
        look(cast.ines, listed.pk, "Tout va bien.")
    with pytest.raises(Invalid):
        look(cast.victor, listed.pk, "")
    done = look(cast.victor, listed.pk, "Vérifié dans la notice : c’est vrai.")
    assert (done.looked_by, looks_to_take(cast.brand)) == (cast.victor, [])
    with pytest.raises(Refused):
        look(cast.hugo, listed.pk, "Encore.")


def test_from_a_date_what_was_approved_and_out_before_is_left_alone(cast: Cast):
    public = cast.approved()
    out(public)
    Delivery.objects.filter(post=public).update(delivered_at=database_now() - timedelta(hours=1))
    revoke(cast.hugo, held(cast, "nadia", "company").pk, "Depuis peu.")
    assert not SecondLook.objects.exists()


def test_released_after_the_date_on_an_approval_from_before_is_listed(cast: Cast):
    public = cast.approved()
    out(public)
    since = Delivery.objects.get(post=public).delivered_at
    assert since is not None
    since -= timedelta(microseconds=1)
    revoke(cast.hugo, held(cast, "nadia", "company").pk, "Depuis hier.", since=since)
    assert [one.post_id for one in looks_to_take(cast.brand)] == [public.pk]


# --- Absences ---------------------------------------------------------------------------------------
def test_everybody_says_for_themselves_when_they_are_away(cast: Cast):
    today = database_now().astimezone(cast.brand.zone).date()
    made = leaving.leave(cast.sofia, cast.brand, cast.sofia, today, today + DAY)
    with pytest.raises(Forbidden):
        leaving.leave(cast.marc, cast.brand, cast.sofia, today, today)
    leaving.leave(cast.olga, cast.brand, cast.marc, today, today)
    for first, last in ((today, today - DAY), (today - DAY * 9, today - DAY), (today, today + DAY * 400)):
        with pytest.raises(Invalid) as refusal:
            leaving.leave(cast.sofia, cast.brand, cast.sofia, first, last)
        assert set(refusal.value.fields) == {"last_day"}
    with pytest.raises(Refused):
        leaving.leave(cast.sofia, cast.brand, cast.sofia, today, today + DAY)
    with pytest.raises(Forbidden):
        leaving.come_back(cast.marc, made.pk)
    with pytest.raises(NotHere):
        leaving.come_back(cast.stranger, made.pk)
    leaving.come_back(cast.sofia, made.pk)
    assert set(Absence.objects.values_list("user__name", flat=True)) == {"Marc"}
