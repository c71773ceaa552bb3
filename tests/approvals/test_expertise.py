"""Founding, levels, revoking."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from accounts.clock import database_now
from accounts.models import Brand, Membership, User
from accounts.refusals import Forbidden, Invalid, NotHere, Refused
from approvals import inviting
from approvals.expertise import FOUNDING_LASTS, Grant, found, in_force, level_of, revoke
from approvals.models import Credential, CredentialState
from journal.models import Entry
from tests.casting import Cast


@pytest.fixture
def new(db: None) -> Brand:
    """A brand with an owner, a member and nothing founded."""
    brand = Brand.objects.create(slug="neuve", name="Neuve")
    for name, owner in (("patronne", True), ("membre", False)):
        user = User.objects.create_user(f"{name}@neuve.example", None, name=name.title())
        Membership.objects.create(brand=brand, user=user, is_owner=owner)
    return brand


def of(brand: Brand, name: str) -> User:
    return User.objects.get(email=f"{name}@{brand.slug}.example")


def test_the_owner_founds_once_and_not_for_herself(new: Brand):
    owner, member = of(new, "patronne"), of(new, "membre")
    with pytest.raises(Forbidden) as refusal:
        found(owner, new, [Grant(owner, "craft", 2, "Vu.")])
    assert refusal.value.code == "own_grant"
    (made,) = found(owner, new, [Grant(member, "craft", 2, "Vu.")])
    assert (made.state, made.founding, made.first_grantor) == (CredentialState.ACTIVE, True, owner)
    assert made.valid_until == made.valid_from + FOUNDING_LASTS
    assert Entry.objects.get(verb="credential.found").data == {
        "person": member.pk,
        "domain": "craft",
        "level": 2,
    }
    with pytest.raises(Refused) as again:
        found(owner, new, [Grant(member, "company", 2, "Vu.")])
    assert again.value.code == "already_founded"


def test_alone_she_may(new: Brand):
    Membership.objects.filter(brand=new, is_owner=False).update(is_active=False)
    owner = of(new, "patronne")
    (made,) = found(owner, new, [Grant(owner, "craft", 2, "Vu.")])
    assert made.first_grantor is None


def test_two_accounts_do_not_make_her_two(new: Brand):
    owner, member = of(new, "patronne"), of(new, "membre")
    inviting.link(owner, new, owner, member)
    (made,) = found(owner, new, [Grant(User.objects.get(pk=member.pk), "craft", 2, "Vu.")])
    assert made.user == member


def test_nobody_but_an_owner_and_before_the_first_channel_only(new: Brand):
    with pytest.raises(Forbidden):
        found(of(new, "membre"), new, [Grant(of(new, "patronne"), "craft", 2, "Vu.")])
    new.channels.create(key="demo", name="Demo", network="demo")
    with pytest.raises(Refused):
        found(of(new, "patronne"), new, [Grant(of(new, "membre"), "craft", 2, "Vu.")])


@pytest.mark.parametrize("bad", [("craft", 4, "Vu."), ("craft", -1, "Vu."), ("craft", 2, " ")])
def test_a_grant_needs_a_level_and_evidence_and_one_bad_one_undoes_all(new: Brand, bad: tuple[str, int, str]):
    member = of(new, "membre")
    with pytest.raises(Invalid):
        found(of(new, "patronne"), new, [Grant(member, "company", 2, "Vu."), Grant(member, *bad)])
    assert not Credential.objects.exists()


def test_levels(cast: Cast):
    assert level_of(cast.nadia, cast.brand, "craft") == 3
    assert level_of(cast.ines, cast.brand, "company") == 0
    assert level_of(cast.sofia, cast.brand) == 3
    assert level_of(cast.olga, cast.brand) == 0
    assert level_of(cast.nadia, cast.elsewhere) == 0


def test_another_account_of_the_person_lends_no_level(cast: Cast):
    inviting.link(cast.olga, cast.brand, cast.victor, cast.olga)
    assert level_of(User.objects.get(pk=cast.olga.pk), cast.brand, "crisis") == 0


def test_in_force_has_both_ends(cast: Cast):
    made = cast.grant("ines", "topic:legal", 2)
    start, tick = made.confirmed_at, timedelta(microseconds=1)
    assert start is not None
    end = start + timedelta(days=1)

    def there(moment: object) -> bool:
        return in_force(cast.brand, moment).filter(pk=made.pk).exists()  # type: ignore[arg-type]

    for column in ("valid_until", "ended_at"):
        Credential.objects.filter(pk=made.pk).update(valid_until=None, ended_at=None)
        Credential.objects.filter(pk=made.pk).update(**{column: end})
        assert [there(start - tick), there(start), there(end - tick), there(end)] == [
            False,
            True,
            True,
            False,
        ]
    Credential.objects.filter(pk=made.pk).update(state=CredentialState.PROPOSED)
    assert not there(start)


@pytest.mark.parametrize(
    ("who", "may"), [("olga", True), ("hugo", True), ("nadia", False), ("marc", False), ("sofia", False)]
)
def test_who_revokes(cast: Cast, who: str, may: bool):
    """The owner, or a mentor of that domain; never the person."""
    held = cast.credentials("nadia", "company").get()
    if may:
        assert revoke(cast.people[who], held.pk, "Promesses en l’air.").state == CredentialState.REVOKED
        assert cast.nadia.notices.filter(kind="credential.revoke").exists()
        assert level_of(cast.nadia, cast.brand, "company") == 0
        with pytest.raises(Refused):
            revoke(cast.people[who], held.pk, "Encore.")
    else:
        with pytest.raises(Forbidden):
            revoke(cast.people[who], held.pk, "Non.")


def test_an_outsider_learns_nothing(cast: Cast):
    with pytest.raises(NotHere):
        revoke(cast.stranger, cast.credentials("nadia", "company").get().pk, "Non.")
    with pytest.raises(NotHere):
        revoke(cast.olga, 999, "Non.")


@pytest.mark.parametrize("cause", ["", " ", "a\x00"])
def test_a_cause_is_needed(cast: Cast, cause: str):
    with pytest.raises(Invalid) as refusal:
        revoke(cast.olga, cast.credentials("nadia", "company").get().pk, cause)
    assert set(refusal.value.fields) == {"cause"}


def test_from_a_date_of_the_past_never_of_the_future(cast: Cast):
    now = database_now()
    held = cast.credentials("nadia", "company").get()
    assert revoke(cast.olga, held.pk, "Vu.", since=now - timedelta(days=3)).ended_at == now - timedelta(
        days=3
    )
    other = cast.credentials("nadia", "craft").get()
    ended = revoke(cast.olga, other.pk, "Vu.", since=now + timedelta(days=3)).ended_at
    assert ended is not None
    assert ended <= database_now()


def test_revoking_what_had_lapsed_lends_it_no_day(cast: Cast):
    over = database_now() - timedelta(days=10)
    held = cast.credentials("nadia", "company").get()
    Credential.objects.filter(pk=held.pk).update(state=CredentialState.LAPSED, ended_at=over)
    assert revoke(cast.olga, held.pk, "Vu.").ended_at == over


def test_what_is_only_proposed_is_not_revoked(cast: Cast):
    made = cast.grant("ines", "craft", 2, state=CredentialState.PROPOSED, confirmed_at=None)
    with pytest.raises(Refused):
        revoke(cast.olga, made.pk, "Vu.")


@pytest.mark.parametrize(
    "row",
    [
        {"state": "ACTIVE", "confirmed_at": None},
        {"state": "ACTIVE", "first_grantor": None},
        {"state": "REVOKED"},
        {"state": "GLORIOUS"},
        {"level": 4},
    ],
)
def test_the_database_says_it_too(cast: Cast, row: dict[str, object]):
    made = cast.grant("ines", "topic:legal", 2)
    with pytest.raises(IntegrityError), transaction.atomic():
        Credential.objects.filter(pk=made.pk).update(**row)
    with pytest.raises(IntegrityError), transaction.atomic():
        Credential.objects.filter(pk=made.pk).update(first_grantor=cast.ines)
