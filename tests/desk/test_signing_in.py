"""Coming in: one click in the demonstration and nowhere else; another brand, another language, API tokens."""

from __future__ import annotations

from html import unescape

import pytest
from django.conf import settings
from django.test import Client, override_settings
from django.urls import reverse

from accounts.models import ApiToken, Membership, User
from accounts.tokens import find_token
from tests.casting import Cast
from tests.casting import cast as cast  # noqa: PLC0414
from tests.desk.entering import enter

pytestmark = pytest.mark.django_db
LOGIN, DEMO = reverse("account_login"), reverse("demo_sign_in")
BRAND, TOKENS = reverse("switch_brand"), reverse("tokens")


def person(client: Client) -> User | None:
    pk = client.session.get("_auth_user_id")
    return User.objects.get(pk=pk) if pk else None


@override_settings(DEMO=True)
def test_the_cast_comes_in_with_one_click(cast: Cast, client: Client):
    html = unescape(client.get(LOGIN).content.decode())
    for one in cast.people.values():
        assert one.email in html
    answer = client.post(DEMO, {"email": cast.ines.email})
    assert answer.status_code == 302
    assert person(client) == cast.ines


@override_settings(DEMO=True)
def test_a_safe_way_on_is_followed_and_another_is_not(cast: Cast, client: Client):
    inside = client.post(DEMO, {"email": cast.ines.email, "next": reverse("people")})
    assert inside.headers["Location"] == reverse("people")
    other = Client().post(DEMO, {"email": cast.ines.email, "next": "https://evil.example/"})
    assert "evil" not in other.headers["Location"]


@override_settings(DEMO=False)
def test_outside_the_demonstration_there_is_no_such_way_in(cast: Cast, client: Client):
    assert client.post(DEMO, {"email": cast.ines.email}).status_code == 404
    assert person(client) is None
    assert cast.ines.email not in client.get(LOGIN).content.decode()


@override_settings(DEMO=True)
def test_only_the_cast_and_only_by_post(cast: Cast, client: Client):
    assert client.post(DEMO, {"email": cast.stranger.email}).status_code == 404
    assert client.get(DEMO).status_code == 405
    User.objects.filter(pk=cast.ines.pk).update(is_active=False)
    assert client.post(DEMO, {"email": cast.ines.email}).status_code == 404
    assert person(client) is None


def test_a_person_switches_between_their_own_brands_only(cast: Cast):
    zoe = enter(cast, "stranger")
    assert zoe.post(BRAND, {"brand": cast.brand.slug}).status_code == 404
    Membership.objects.create(brand=cast.brand, user=cast.stranger)
    assert zoe.post(BRAND, {"brand": cast.brand.slug}).status_code == 302
    assert "Nadia" in unescape(zoe.get(reverse("people")).content.decode())


def test_the_language_is_kept_on_the_device_and_in_the_profile(cast: Cast):
    ines = Client()
    ines.force_login(cast.ines)
    answer = ines.post(reverse("set_language"), {"language": "en", "next": reverse("people")})
    assert answer.headers["Location"] == reverse("people")
    assert answer.cookies[settings.LANGUAGE_COOKIE_NAME].value == "en"
    cast.ines.refresh_from_db()
    assert cast.ines.language == "en"
    ines.post(reverse("set_language"), {"language": "xx"})
    cast.ines.refresh_from_db()
    assert cast.ines.language == "en"


def test_somebody_without_a_brand_is_told_what_to_do(db: None):
    client = Client()
    client.force_login(User.objects.create_user("ida@example.test", None, name="Ida"))
    answer = client.get(reverse("compose"))
    assert answer.status_code == 403
    assert "ida@example.test" in answer.content.decode()


def test_a_token_is_shown_once_and_revoked_by_its_owner_alone(cast: Cast):
    ines, marc = enter(cast, "ines"), enter(cast, "marc")
    html = ines.post(TOKENS, {"label": "Mon script", "scopes": ["read", "draft"]}).content.decode()
    token = html.split('id="made"')[1].split(">", 1)[1].split("<")[0].strip()
    found = find_token(token)
    assert found is not None
    assert found.scopes == ["draft", "read"]
    assert token not in ines.get(TOKENS).content.decode()
    revoke = reverse("revoke_token", args=[found.pk])
    assert marc.post(revoke).status_code == 404
    assert find_token(token) is not None
    assert ines.post(revoke).status_code == 302
    assert find_token(token) is None


def test_the_right_to_decide_asks_who_you_are_again(cast: Cast):
    cast.nadia.set_password("correct horse battery")
    cast.nadia.save(update_fields=["password"])
    nadia = enter(cast, "nadia")
    answer = nadia.post(TOKENS, {"label": "Valider", "scopes": ["decide"]})
    assert answer.headers["Location"].startswith(reverse("account_reauthenticate"))
    assert not ApiToken.objects.exists()
    nadia.post(answer.headers["Location"], {"password": "correct horse battery"})
    made = ApiToken.objects.get()
    assert made.scopes == ["decide"]
