"""API tokens: shown once, kept as a hash, for one person and one brand."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import ApiToken, Brand, Membership, Scope, User
from accounts.refusals import Refused
from accounts.tokens import LIFETIME, PREFIX, digest_of, find_token, make_token

pytestmark = pytest.mark.django_db


@pytest.fixture
def brand() -> Brand:
    return Brand.objects.create(slug="maison", name="Maison")


@pytest.fixture
def ines(brand: Brand) -> User:
    user = User.objects.create_user("ines@maison.example", None, name="Inès")
    Membership.objects.create(brand=brand, user=user)
    return user


@pytest.fixture(autouse=True)
def not_the_demonstration(settings: Any) -> None:
    settings.DEMO = False


def test_it_is_kept_as_a_hash_only(brand: Brand, ines: User):
    token = make_token(ines, brand, [Scope.READ, Scope.DRAFT], label="outil")
    assert token.startswith(PREFIX)
    row = ApiToken.objects.get()
    assert row.digest == digest_of(token)
    assert token not in str(ApiToken.objects.values().get())
    assert (row.scopes, row.label, row.user, row.brand) == (["draft", "read"], "outil", ines, brand)
    assert abs(row.expires_at - timezone.now() - LIFETIME) < timedelta(minutes=1)
    assert find_token(token) == row


def test_two_tokens_are_never_the_same(brand: Brand, ines: User):
    assert make_token(ines, brand, ["read"]) != make_token(ines, brand, ["read"])


@pytest.mark.parametrize("end", ["expired", "revoked", "closed", "unknown", "cut"])
def test_what_opens_no_more(brand: Brand, ines: User, end: str):
    token = make_token(ines, brand, ["read"])
    now = timezone.now()
    if end == "expired":
        ApiToken.objects.update(expires_at=now)
    elif end == "revoked":
        ApiToken.objects.update(revoked_at=now)
    elif end == "closed":
        User.objects.update(is_active=False)
    assert find_token({"unknown": "cmq_x", "cut": token[:-1]}.get(end, token)) is None


def test_the_last_instant(brand: Brand, ines: User):
    make_token(ines, brand, ["read"])
    row = ApiToken.objects.get()
    assert row.usable(row.expires_at - timedelta(microseconds=1))
    assert not row.usable(row.expires_at)


def test_only_the_person_present_gives_the_right_to_decide(brand: Brand, ines: User, settings: Any):
    with pytest.raises(Refused) as refusal:
        make_token(ines, brand, ["read", "decide"])
    assert refusal.value.code == "decide_needs_presence"
    assert not ApiToken.objects.exists()
    assert make_token(ines, brand, ["decide"], present=True)
    settings.DEMO = True
    assert make_token(ines, brand, ["decide"])


@pytest.mark.parametrize("scopes", [[], ["everything"], ["read", "admin"]])
def test_scopes_are_those_there_are(brand: Brand, ines: User, scopes: list[str]):
    with pytest.raises(Refused) as refusal:
        make_token(ines, brand, scopes)
    assert refusal.value.code == "unknown_scope"


def test_only_for_a_member(brand: Brand, ines: User):
    Membership.objects.update(is_active=False)
    with pytest.raises(Refused) as refusal:
        make_token(ines, brand, ["read"])
    assert refusal.value.code == "not_a_member"


# --- manage.py api_token -----------------------------------------------------------------------------
def command(*arguments: str) -> str:
    out = io.StringIO()
    call_command("api_token", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_prints_the_token_alone(brand: Brand, ines: User, settings: Any):
    said = command("INES@maison.example", "--brand", "maison")
    assert said.count("\n") == 1
    row = find_token(said.strip())
    assert row is not None
    assert row.scopes == ["draft", "manage", "read"], "outside the demonstration without `decide`"
    settings.DEMO = True
    whole = find_token(command("ines@maison.example", "--brand", "maison").strip())
    assert whole is not None
    assert sorted(whole.scopes) == sorted(Scope.values)
    chosen = find_token(
        command("ines@maison.example", "--brand", "maison", "--scopes", "read, draft").strip()
    )
    assert chosen is not None
    assert chosen.scopes == ["draft", "read"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("nobody@maison.example", "--brand", "maison"),
        ("ines@maison.example", "--brand", "x"),
        ("ines@maison.example", "--brand", "maison", "--scopes", "all"),
    ],
)
def test_the_command_says_what_is_wrong(brand: Brand, ines: User, arguments: tuple[str, ...]):
    with pytest.raises(CommandError):
        command(*arguments)
    assert not ApiToken.objects.exists()
