"""The Pages that a sign-in with Facebook opens. A Page's own token, got with a long-lived one, does not end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar

from adapters.base import App
from adapters.facebook import RIGHTS
from adapters.graph import Session
from adapters.graph_signin import FacebookLogin, number_of
from adapters.signing_in import Account


class FacebookSignIn(FacebookLogin):
    network: ClassVar[str] = "facebook"
    scopes: ClassVar[Sequence[str]] = RIGHTS

    def _of(self, page: Mapping[str, Any], person: Session, app: App) -> Iterator[Account]:
        number, token = number_of(page), page.get("access_token")
        if not number or not isinstance(token, str) or not token:
            return
        own = replace(person, access=token, user=person.access, issued=datetime.now(UTC), expires=None)
        yield Account(
            account=f"https://www.facebook.com#{number}",
            handle=str(page.get("name") or number),
            secret=own.dump(),
            settings={"page": number, "base_url": app.home},
        )
