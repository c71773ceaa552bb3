"""Who belongs to a brand."""

from __future__ import annotations

import pytest

from accounts.models import Brand, Membership, User
from accounts.refusals import Forbidden, Invalid, NotHere, Refused
from approvals.inviting import deactivate, deactivate_account, invite, link
from journal.models import Entry
from tests.casting import Cast, is_open


def standing(brand: Brand) -> int:
    return Brand.objects.get(pk=brand.pk).standing


@pytest.fixture
def root(db: None) -> User:
    return User.objects.create_superuser("root@example.org", None, name="Racine")


def test_an_invited_person_has_no_password_and_is_told_in_the_journal(cast: Cast):
    before = standing(cast.brand)
    made = invite(cast.olga, cast.brand, " Lea@Example.org ", "Léa", title="stagiaire")
    assert (made.user.email, made.user.name, made.title, made.is_owner) == (
        "lea@example.org",
        "Léa",
        "stagiaire",
        False,
    )
    assert not made.user.has_usable_password()
    assert standing(cast.brand) > before
    assert Entry.objects.get(verb="member.invite").subject == f"user:{made.user_id}"
    assert "lea@" not in str(Entry.objects.filter(verb="member.invite").values().get())


@pytest.mark.parametrize("who", ["ines", "nadia", "hugo"])
def test_only_an_owner_or_whoever_runs_the_place_invites(cast: Cast, root: User, who: str):
    with pytest.raises(Forbidden):
        invite(cast.people[who], cast.brand, "lea@example.org", "Léa")
    with pytest.raises(NotHere):
        invite(cast.stranger, cast.brand, "lea@example.org", "Léa")
    assert not User.objects.filter(email="lea@example.org").exists()
    assert invite(root, cast.brand, "lea@example.org", "Léa").pk


@pytest.mark.parametrize(
    ("email", "name", "field"),
    [
        ("not an address", "Léa", "email"),
        ("", "Léa", "email"),
        ("lea@example.org", "a\x00b", "name"),
        ("lea@example.org", "x" * 121, "name"),
    ],
)
def test_what_cannot_be_stored(cast: Cast, email: str, name: str, field: str):
    with pytest.raises(Invalid) as refusal:
        invite(cast.olga, cast.brand, email, name)
    assert set(refusal.value.fields) == {field}


def test_a_member_is_not_invited_twice_and_one_who_left_comes_back_as_invited(cast: Cast):
    with pytest.raises(Refused) as refusal:
        invite(cast.olga, cast.brand, cast.nadia.email, "Nadia")
    assert refusal.value.code == "already_a_member"
    Membership.objects.filter(user=cast.nadia).update(is_owner=True, title="directrice")
    deactivate(cast.olga, cast.membership("nadia"))
    back = invite(cast.olga, cast.brand, cast.nadia.email, "Nadia", title="rédactrice")
    kept = cast.membership("nadia")
    assert back == kept
    assert (kept.is_active, kept.is_owner, kept.title) == (True, False, "rédactrice"), (
        "not as the owner of once"
    )


def test_a_closed_account_is_not_opened_by_an_invitation(cast: Cast, root: User):
    deactivate_account(root, cast.nadia)
    with pytest.raises(Refused) as refusal:
        invite(cast.olga, cast.brand, cast.nadia.email, "Nadia")
    assert refusal.value.code == "account_closed"


def test_whoever_leaves_counts_no_more_and_is_not_deleted(cast: Cast):
    post = cast.approved()
    deactivate(cast.olga, cast.membership("nadia"))
    assert not is_open(post)
    assert User.objects.filter(pk=cast.nadia.pk, is_active=True).exists()
    with pytest.raises(Refused) as refusal:
        deactivate(cast.olga, cast.membership("nadia"))
    assert refusal.value.code == "already_inactive"


def test_the_last_owner_stays(cast: Cast, root: User):
    with pytest.raises(Forbidden) as refusal:
        deactivate(root, cast.membership("olga"))
    assert refusal.value.code == "last_owner"
    invite(cast.olga, cast.brand, "lea@example.org", "Léa", is_owner=True)
    User.objects.filter(email="lea@example.org").update(is_active=False)
    with pytest.raises(Forbidden):
        deactivate(root, cast.membership("olga"))
    User.objects.filter(email="lea@example.org").update(is_active=True)
    deactivate(root, cast.membership("olga"))
    assert not cast.membership("olga").is_active


def test_closing_an_account(cast: Cast, root: User):
    before = standing(cast.brand)
    for actor, whom in ((cast.olga, cast.nadia), (root, root)):
        with pytest.raises(Forbidden):
            deactivate_account(actor, whom)
    deactivate_account(root, cast.nadia)
    assert not User.objects.get(pk=cast.nadia.pk).is_active
    assert standing(cast.brand) > before
    assert Entry.objects.get(verb="account.deactivate").brand == cast.brand


# --- Two accounts, one person ------------------------------------------------------------------------
def test_linking_is_for_good_and_through_several(cast: Cast):
    for name in ("nadia2", "nadia3"):
        cast.member(name)
    link(cast.olga, cast.brand, cast.nadia2, cast.nadia3)
    link(cast.olga, cast.brand, cast.nadia, User.objects.get(pk=cast.nadia3.pk))
    people = {User.objects.get(pk=cast.people[name].pk).person_id for name in ("nadia", "nadia2", "nadia3")}
    assert people == {cast.nadia.pk}
    with pytest.raises(Refused) as refusal:
        link(cast.olga, cast.brand, cast.nadia, User.objects.get(pk=cast.nadia2.pk))
    assert refusal.value.code == "already_linked"


def test_only_an_owner_links(cast: Cast):
    with pytest.raises(Forbidden):
        link(cast.nadia, cast.brand, cast.marc, cast.ines)


def test_nobody_reaches_into_another_brand(cast: Cast):
    """An owner elsewhere must not make an author and a reviewer of this brand one person."""
    with pytest.raises(NotHere):
        link(cast.stranger, cast.elsewhere, cast.ines, cast.nadia)
    with pytest.raises(NotHere):
        link(cast.stranger, cast.elsewhere, cast.stranger, cast.nadia)
    assert not User.objects.filter(same_person_as__isnull=False).exists()


def test_every_brand_of_every_account_of_theirs_is_judged_again(cast: Cast):
    cast.member("nadia2")
    Membership.objects.create(brand=cast.elsewhere, user=cast.nadia2)
    third = Brand.objects.create(slug="troisieme", name="Troisième")
    cast.member("nadia3")
    Membership.objects.create(brand=third, user=cast.nadia3)
    link(cast.olga, cast.brand, cast.nadia, cast.nadia3)
    before = {brand: standing(brand) for brand in (cast.brand, cast.elsewhere, third)}
    link(cast.olga, cast.brand, cast.nadia2, cast.nadia)
    assert all(standing(brand) > number for brand, number in before.items())
