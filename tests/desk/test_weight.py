"""A first visit is light: under 100 kB of CSS and JavaScript in all, before any compression."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.test import Client

from tests.casting import Cast
from tests.casting import cast as cast  # noqa: PLC0414
from tests.desk.entering import enter

MOST = 100_000
# The calendar's own script is for the calendar.
PAGES = (
    "/",
    "/review/",
    "/compose/",
    "/people/",
    "/incident/",
    "/channels/",
    "/policy/",
    "/insights/",
    "/journal/",
)
_LOADED = re.compile(r'(?:<link rel="stylesheet" href|<script src)="([^"]+)"')


def weight(html: str) -> dict[str, int]:
    """{file: bytes} of the styles and scripts that a page loads."""
    found = {}
    for url in _LOADED.findall(html):
        assert url.startswith(settings.STATIC_URL), f"{url} comes from elsewhere"
        path = finders.find(url.removeprefix(settings.STATIC_URL))
        assert isinstance(path, str), url
        found[url] = Path(path).stat().st_size
    return found


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_light(cast: Cast, path: str):
    loaded = weight(enter(cast, "nadia").get(path).content.decode())
    assert len(loaded) > 4
    assert sum(loaded.values()) < MOST, loaded


def test_the_review_of_a_post_is_light_and_so_is_the_door(cast: Cast):
    post = cast.submitted()
    client = enter(cast, "nadia")
    for path in (f"/review/{post.pk}/", f"/posts/{post.pk}/"):
        loaded = weight(client.get(path).content.decode())
        assert sum(loaded.values()) < MOST, loaded
    assert sum(weight(Client().get("/accounts/login/").content.decode()).values()) < MOST
