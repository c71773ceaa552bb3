"""Comes in as one of the cast, in English so that sentences can be compared; fills in the compose page."""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings
from django.test import Client

from tests.casting import TEXT, Cast, in_hours


def enter(cast: Cast, who: str) -> Client:
    client = Client()
    client.force_login(cast.stranger if who == "stranger" else cast.people[who])
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    return client


def filled(**fields: Any) -> dict[str, Any]:
    """What a browser sends from the compose page: a routine post for the demonstration network."""
    return {
        "kind": "routine",
        "channels": ["demo"],
        "text": TEXT,
        "slot": in_hours(2).isoformat(),
        "part-TOTAL_FORMS": "0",
        "part-INITIAL_FORMS": "0",
        "media-TOTAL_FORMS": "0",
        "media-INITIAL_FORMS": "0",
        "on-demo-language": "fr",
        "on-demo-visibility": "public",
        **fields,
    }


def with_picture(pk: int, alt: str = "", **more: Any) -> dict[str, Any]:
    return {
        "media-TOTAL_FORMS": "1",
        "media-INITIAL_FORMS": "1",
        "media-0-picture": str(pk),
        "media-0-alt": alt,
        **more,
    }


def at_field(html: str, place: str) -> str:
    """The words that stand at a field, without their markup; some field must point at them."""
    name = re.escape(place)
    assert re.search(rf'aria-describedby="[^"]*\bp-{name}\b', html), f"nothing points at {place}"
    notes = r'(?:<div class="note.*?</p></div>)*'
    found = re.search(rf'<div class="place" id="p-{name}"[^>]*>({notes})</div>', html, re.DOTALL)
    assert found, f"no place {place}"
    return re.sub(r"<[^>]+>", " ", found.group(1)).strip()
