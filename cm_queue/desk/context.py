"""What the frame of every page needs to know: brand, person, alarms, how much waits."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import cached_property

from accounts.models import User
from cm_queue.desk.alarming import Alarm, alarms_of
from cm_queue.desk.living import MOST_COUNTED, Stamp, asked_for, shown, stamp_of

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
    def queue_count(self) -> int | str | None:
        """How many posts in review this person was asked to read and has not answered yet, “9+” beyond nine;
        None when there is nobody to ask for. One query."""
        user = getattr(self._request, "user", None)
        if self.brand is None or self.membership is None or not isinstance(user, User):
            return None
        count = asked_for(user, self.brand)
        return f"{MOST_COUNTED}+" if count > MOST_COUNTED else count

    @cached_property
    def live(self) -> Stamp | None:
        """The stamp of what the page shows, by which it is kept true while it is open; taken before the page
        was read, where its view said so. None for somebody without a brand."""
        taken: Stamp | None = getattr(self._request, "live_stamp", None)
        user = getattr(self._request, "user", None)
        if taken is not None or self.brand is None or self.membership is None or not isinstance(user, User):
            return taken
        return stamp_of(user, self.brand)

    @property
    def page(self) -> str:
        """The address at which this very page can be fetched again; empty for an answer to a form."""
        return self._request.get_full_path() if self._request.method == "GET" else ""

    @property
    def unread(self) -> str:
        """How many notices are new, as the frame shows it."""
        return shown(self.live.unread) if self.live else ""

    @property
    def quiet(self) -> bool:
        """Whether the page fetches itself again in the background: what is to be said once waits for a page
        that somebody sees."""
        return self._request.headers.get("X-Live") == "1"

    @cached_property
    def alarms(self) -> list[Alarm]:
        """Incidents first, then pauses, of the current brand."""
        return alarms_of(self.brand) if self.brand else []


def section_of(url_name: str) -> str:
    return url_name.split("_", 1)[0].removesuffix("s")


def house(request: HttpRequest) -> dict[str, House]:
    """The context processor. Reads with getattr: an error page may be rendered before, or without,
    the middleware that puts brand and membership on the request."""
    return {"house": House(request)}
