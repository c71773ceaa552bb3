"""The Instagram accounts that a sign-in with Facebook opens: professional ones that hang on a Page. Only so may a
post be deleted; an account without a Page is connected with a token that was made with Instagram's own sign-in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from adapters.base import App
from adapters.graph import Session
from adapters.graph_signin import FacebookLogin, number_of
from adapters.instagram import RIGHTS_BY_FACEBOOK, Instagram
from adapters.signing_in import Account


class InstagramSignIn(FacebookLogin):
    network: ClassVar[str] = "instagram"
    scopes: ClassVar[Sequence[str]] = (*RIGHTS_BY_FACEBOOK, "pages_show_list")

    def _of(self, page: Mapping[str, Any], person: Session, app: App) -> Iterator[Account]:
        linked = page.get("instagram_business_account")
        number = number_of(linked)
        if not number or not isinstance(linked, dict):
            return
        yield Account(
            account=f"https://www.instagram.com#{number}",
            handle=f"@{linked.get('username') or number}",
            secret=person.dump(),
            # Instagram has an API of its own, for those who signed in there.
            settings={"account": number, "base_url": app.home or Instagram.FACEBOOK_API},
            expires_at=person.expires,
        )
