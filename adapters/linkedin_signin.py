"""Signing in to LinkedIn, and the pages that the member who did may publish on.

LinkedIn has PKCE for native apps alone, by arrangement and with addresses of the person's own machine to come back
to (learn.microsoft.com/linkedin/shared/authentication/authorization-code-flow-native): a server shows the app's
secret instead, which is what is done here. A code lives half an hour.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

import httpx

from adapters.base import AdapterError, App, Rejected
from adapters.linkedin import API, PAGES, VERSION, lets_post
from adapters.linkedin_session import RIGHTS, LinkedInLine, Session
from adapters.signing_in import (
    APP_UNKNOWN,
    Account,
    SignInLine,
    Way,
    address_of,
    code_query,
    granted,
)

# Pages of which the name is looked up, one request each; others are shown with their number.
_NAMED = 12
_MOST = 100
_OF = "urn:li:organization:"


class LinkedInSignIn:
    """With the app that whoever runs the installation entered."""

    network: ClassVar[str] = "linkedin"
    scopes: ClassVar[Sequence[str]] = tuple(sorted(RIGHTS))
    registers: ClassVar[bool] = False

    def __init__(self, client: httpx.Client, home: str = "") -> None:
        self._client, self.home = client, home
        self._api, self._pages = home or API, home or PAGES

    def register(self, redirect_uri: str) -> App:
        raise Rejected(APP_UNKNOWN)

    def knows(self, app: App) -> bool:
        return True

    def way(self, app: App, redirect_uri: str, state: str) -> Way:
        query = code_query(app, redirect_uri, self.scopes, state)
        return Way(address_of(f"{self._pages}/oauth/v2/authorization", query))

    def accounts(self, app: App, redirect_uri: str, code: str, verifier: str) -> list[Account]:
        now = datetime.now(UTC)
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        answer = SignInLine(self._client, self._pages, app, code).trade("/oauth/v2/accessToken", form)
        scope = granted(answer, self.scopes)
        session = Session(client_id=app.client_id, scope=scope).traded(answer, now)
        line = LinkedInLine(self._client, self._api, session, VERSION)
        line.begin()
        secret = session.dump()
        return [
            Account(
                account=f"https://www.linkedin.com#{number}",
                handle=self._name(line, number) if place < _NAMED else number,
                secret=secret,
                settings={"organization": number, "base_url": app.home},
                expires_at=session.expires,
            )
            for place, number in enumerate(self._organizations(line))
        ]

    @staticmethod
    def _organizations(line: LinkedInLine) -> list[str]:
        """Numbers of the pages on which the member has a role that may publish."""
        query = f"?q=roleAssignee&state=APPROVED&count={_MOST}&start=0"
        rows = line.rest("GET", f"/organizationAcls{query}", action="FINDER").mapping().get("elements")
        found = [_organization(row) for row in rows] if isinstance(rows, list) else []
        return list(dict.fromkeys(number for number in found if number))

    @staticmethod
    def _name(line: LinkedInLine, number: str) -> str:
        try:
            page = line.rest("GET", f"/organizations/{number}").mapping()
        except AdapterError:
            return number
        return str(page.get("localizedName") or page.get("vanityName") or number)

    @staticmethod
    def joined(fresh: str, stored: str) -> str:
        return Session.read(fresh).joined(Session.read(stored)).dump()


def _organization(row: Any) -> str:
    """The number of a page of which this row says that the member may publish there."""
    if not isinstance(row, dict):
        return ""
    urn = row.get("organization") or row.get("organizationTarget")
    number = urn.removeprefix(_OF) if isinstance(urn, str) else ""
    known = number.isascii() and number.isdigit() and len(number) <= 18
    return number if known and lets_post(row, f"{_OF}{number}") else ""
