"""Signing in to Meta with Facebook: one sign-in opens the Pages of a person, and the Instagram accounts that hang on
them.

PKCE is documented for its OpenID Connect flow alone, as still being tested (facebook-login/guides/advanced/
oidc-token): the app's secret is shown instead. People may take single rights away in the dialog, so what was given is
looked up (`debug_token`). The code's token lives hours and is traded for one of sixty days at once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar

import httpx

from adapters.base import App, AuthFailed, Rejected
from adapters.graph import VERSION, GraphLine, Session
from adapters.graph_tokens import TokenLine, lasting, looked_at, missing_rights
from adapters.signing_in import (
    APP_UNKNOWN,
    NOT_TAKEN,
    TOO_FEW_RIGHTS,
    Account,
    Way,
    address_of,
    code_query,
)

_API, _PAGES = "https://graph.facebook.com", "https://www.facebook.com"
_FIELDS = "id,name,access_token,tasks,instagram_business_account{id,username}"


class FacebookLogin(ABC):
    """What Facebook Pages and Instagram share."""

    scopes: ClassVar[Sequence[str]]
    registers: ClassVar[bool] = False

    def __init__(self, client: httpx.Client, home: str = "") -> None:
        self._client, self.home = client, home
        self._api, self._pages = home or _API, home or _PAGES

    def register(self, redirect_uri: str) -> App:
        raise Rejected(APP_UNKNOWN)

    def knows(self, app: App) -> bool:
        return True

    def way(self, app: App, redirect_uri: str, state: str) -> Way:
        query = code_query(app, redirect_uri, self.scopes, state)
        return Way(address_of(f"{self._pages}/{VERSION}/dialog/oauth", query))

    def accounts(self, app: App, redirect_uri: str, code: str, verifier: str) -> list[Account]:
        person = self._person(app, redirect_uri, code)
        kept = replace(person, client_secret="", scope=" ".join(self.scopes))
        line = GraphLine(self._client, self._api, person, proves=True)
        line.begin()
        said = line.graph("GET", "/me/accounts", query={"fields": _FIELDS, "limit": "100"}).mapping()
        pages = said.get("data")
        found = [one for one in pages if isinstance(one, dict)] if isinstance(pages, list) else []
        return [account for page in found if _may_post(page) for account in self._of(page, kept, app)]

    def _person(self, app: App, redirect_uri: str, code: str) -> Session:
        """The person's long-lived token, with the rights that are needed. Raises AdapterError."""
        session = Session(client_id=app.client_id, client_secret=app.client_secret)
        query = {
            "client_id": app.client_id,
            "client_secret": app.client_secret,
            "redirect_uri": redirect_uri,
            "code": code,
        }
        line = TokenLine(self._client, self._api, session)
        try:
            short = line.trade("/oauth/access_token", query, datetime.now(UTC))
        except (AuthFailed, Rejected) as error:
            raise AuthFailed(NOT_TAKEN, status=error.status) from None
        person = lasting(self._client, self._api, short, VERSION)
        looked = looked_at(GraphLine(self._client, self._api, person, proves=True))
        if missing_rights(person, looked, tuple(self.scopes)):
            raise AuthFailed(TOO_FEW_RIGHTS)
        return person

    @abstractmethod
    def _of(self, page: Mapping[str, Any], person: Session, app: App) -> Iterator[Account]:
        """The accounts that a Page gives. `person` holds no secret of the app's."""

    @staticmethod
    def joined(fresh: str, stored: str) -> str:
        """There are no refresh tokens: a token is renewed with itself."""
        return fresh


def _may_post(page: Mapping[str, Any]) -> bool:
    tasks = page.get("tasks")
    return not isinstance(tasks, list) or bool({"CREATE_CONTENT", "MANAGE"} & set(map(str, tasks)))


def number_of(one: object) -> str:
    """The number of a Page or account; empty for anything else."""
    number = str(one.get("id") or "") if isinstance(one, dict) else ""
    return number if number.isascii() and number.isdigit() and len(number) <= 20 else ""
