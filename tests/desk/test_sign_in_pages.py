"""allauth's pages in the house's look: nothing inline, every field labelled, no way to register."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User

ANYBODY = ["account_login", "account_reset_password", "account_reset_password_done", "account_inactive"]
SIGNED_IN = [
    "mfa_index",
    "mfa_list_webauthn",
    "account_change_password",
    "account_email",
    "account_logout",
    "account_reauthenticate",
]
pytestmark = pytest.mark.django_db


@pytest.fixture
def nadia(client: Client) -> Client:
    client.force_login(User.objects.create_user("nadia@example.test", "correct horse", name="Nadia"))
    return client


def check(html: str) -> None:
    assert not re.search(r"\sstyle=", html), "an inline style"
    for attributes in re.findall(r"<script([^>]*)>", html):
        assert "src=" in attributes or 'type="application/json"' in attributes, attributes
    assert not re.search(r"\son[a-z]+=\"", html), "an inline handler"
    labelled = set(re.findall(r'<label[^>]* for="([^"]+)"', html))
    for tag in re.findall(r"<(?:input|textarea|select)[^>]*>", html):
        if 'type="hidden"' not in tag and "csrfmiddlewaretoken" not in tag:
            found = re.search(r'\sid="([^"]+)"', tag)
            assert found, tag
            assert found.group(1) in labelled, tag
    assert html.count("<h1") == 1
    assert 'class="skip"' in html


@pytest.mark.parametrize("name", ANYBODY)
def test_pages_for_anybody(client: Client, name: str):
    response = client.get(reverse(name))
    assert response.status_code == 200
    check(response.content.decode())


@pytest.mark.parametrize("name", SIGNED_IN)
def test_pages_of_the_account(nadia: Client, name: str):
    response = nadia.get(reverse(name))
    assert response.status_code == 200
    check(response.content.decode())


def test_signing_in_offers_no_registration(client: Client):
    html = client.get(reverse("account_login")).content.decode()
    assert reverse("account_signup") not in html


def test_a_wrong_password_is_said_once_and_keeps_the_address(client: Client):
    answer = client.post(reverse("account_login"), {"login": "nadia@example.test", "password": "no"})
    html = answer.content.decode()
    assert 'value="nadia@example.test"' in html
    assert html.count('role="alert"') == 1


def test_an_unknown_address_and_a_refused_form_wear_the_house(client: Client):
    missing = client.get("/there-is-nothing-here/")
    assert missing.status_code == 404
    check(missing.content.decode())
    strict = Client(enforce_csrf_checks=True)
    refused = strict.post(reverse("account_login"), {"login": "x"})
    assert refused.status_code == 403
    check(refused.content.decode())
