"""What the frame of every page needs to know: brand, person, alarms, how much waits."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import cached_property

from cm_queue.desk.alarming import Alarm, alarms_of

THEME_COOKIE = "theme"
THEMES = ("light", "dark")


class House:
    """Lazy: a page that shows no frame (an HTMX partial, the API's docs) asks the database nothing."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self.demo: bool = bool(getattr(settings, "DEMO", False))
        self.membership: Any = getattr(request, "membership", None)
        self.brand: Any = getattr(request, "brand", None)

    @property
    def brands(self) -> list[Any]:
        """Every brand the person speaks for; the switcher shows when there is more than one."""
        return [one.brand for one in getattr(self._request, "memberships", [])]

    @property
    def theme(self) -> str:
        """`light`, `dark`, or empty: then the system decides. Set by the script, as a cookie, so
        that the server writes it into <html> and no page flashes."""
        chosen = self._request.COOKIES.get(THEME_COOKIE, "")
        return chosen if chosen in THEMES else ""

    @property
    def section(self) -> str:
        """The first word of the URL's name, in the singular: `review_queue` → `review`."""
        match = getattr(self._request, "resolver_match", None)
        return section_of(match.url_name) if match and match.url_name else ""

    @cached_property
    def queue_count(self) -> int | None:
        """How many posts wait for this person's expertise; None when there is nobody to ask for."""
        return None

    @cached_property
    def alarms(self) -> list[Alarm]:
        """Incidents first, then pauses, of the current brand. Two queries."""
        return alarms_of(self.brand) if self.brand else []


def section_of(url_name: str) -> str:
    return url_name.split("_", 1)[0].removesuffix("s")


def house(request: HttpRequest) -> dict[str, House]:
    """The context processor. Reads with getattr: an error page may be rendered before, or without,
    the middleware that puts brand and membership on the request."""
    return {"house": House(request)}
