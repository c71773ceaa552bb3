"""A browser that is sent to a network's sign-in and comes back, over real HTTP to strict stand-ins."""

from __future__ import annotations

from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from django.conf import settings as django_settings
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils import translation

from posts.models import Channel
from tests.casting import cast as cast  # noqa: PLC0414
from tests.contract.stand_ins.serving import serving
from tests.contract.stand_ins.strict_linkedin import CLIENT, CLIENT_SECRET, StrictLinkedIn
from tests.contract.stand_ins.strict_mastodon import StrictMastodon
from tests.contract.stand_ins.strict_x import StrictX
from tests.staging import House, house

HERE = "http://testserver"
ID, SECRET = "app-at-the-network", "s3cret-of-the-operator"


@pytest.fixture(autouse=True)
def here(settings: Any) -> Iterator[None]:
    settings.BASE_URL = HERE
    with translation.override("en"):
        yield


@pytest.fixture
def lumiere() -> House:
    return house()


@pytest.fixture
def mastodon() -> Iterator[StrictMastodon]:
    server = StrictMastodon()
    with serving(server):
        yield server


@pytest.fixture
def x(settings: Any) -> Iterator[StrictX]:
    server = StrictX()
    settings.NETWORK_APPS = {"x": (ID, SECRET, server.base_url)}
    scopes = "tweet.read tweet.write users.read media.write offline.access"
    server.authority.know(ID, SECRET, f"{HERE}/channels/return/x/", scopes)
    server.client_secret = SECRET
    with serving(server):
        yield server


@pytest.fixture
def linkedin(settings: Any) -> Iterator[StrictLinkedIn]:
    server = StrictLinkedIn()
    settings.NETWORK_APPS = {"linkedin": (CLIENT, CLIENT_SECRET, server.base_url)}
    scopes = "r_organization_social rw_organization_admin w_organization_social"
    server.authority.know(CLIENT, CLIENT_SECRET, f"{HERE}/channels/return/linkedin/", scopes)
    with serving(server):
        yield server


def enter(person: Any) -> Client:
    client = Client()
    client.force_login(person)
    client.cookies[django_settings.LANGUAGE_COOKIE_NAME] = "en"
    return client


def begin(client: Client, network: str, server: Any = None, name: str = "Nouveau") -> Any:
    typed = {"name": name} | ({"base_url": server.base_url} if network == "mastodon" else {})
    return client.post(reverse("channel_sign_in", args=[network]), typed)


def again(client: Client, channel: Channel) -> Any:
    return client.post(reverse("channel_sign_in_again", args=[channel.pk]))


def go(page: Any) -> str:
    """What a browser does that is sent there: where the network sends it back to."""
    assert page.status_code == 200, unescape(page.content.decode())
    url = page.context["url"]
    assert f'href="{url}"' in unescape(page.content.decode())
    answer = httpx.get(url, follow_redirects=False)
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


def back(client: Client, location: str, **changes: str | None) -> Any:
    parts = urlsplit(location)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()} | changes
    kept = {name: value for name, value in query.items() if value is not None}
    return client.get(f"{parts.path}?{urlencode(kept)}")


def said(answer: Any) -> str:
    return " ".join(str(one) for one in get_messages(answer.wsgi_request))


def connected(client: Client, network: str, server: Any, name: str = "Nouveau") -> Channel:
    answer = back(client, go(begin(client, network, server, name)))
    assert answer.headers["Location"] == reverse("channels"), said(answer)
    return Channel.objects.get(name=name)
