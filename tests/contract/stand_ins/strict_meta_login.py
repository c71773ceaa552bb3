"""Signing in at Meta, before the strict Facebook and Threads: the dialog, the code's token, the Pages of a person.

Written from developers.facebook.com: facebook-login/guides/advanced/manual-flow (the dialog, the code's token, what
comes back for a no), facebook-login/guides/access-tokens/get-long-lived, graph-api/reference/user/accounts and
instagram-platform/instagram-api-with-facebook-login/get-started (`instagram_business_account`); threads/get-started/
get-access-tokens-and-permissions.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from tests.contract.stand_ins.strict_facebook import PAGE, PERSON, StrictFacebook, _Handler
from tests.contract.stand_ins.strict_graph import CLIENT, CLIENT_SECRET, VERSIONS, Refusal
from tests.contract.stand_ins.strict_oauth import Authority
from tests.contract.stand_ins.strict_threads import USER, StrictThreads
from tests.contract.stand_ins.strict_threads import _Handler as _PlainThreads

INSTAGRAM, NAME = "17841405822304914", "maison.lumiere"
OTHER = "723701000827666"


class StrictFacebookLogin(StrictFacebook):
    """`tasks`: what the person may do on the Page."""

    def __init__(self, redirect_uri: str, scopes: str) -> None:
        super().__init__()
        self.RequestHandlerClass = _LoginHandler
        self.authority = Authority(pkce="unknown")
        self.authority.know(CLIENT, CLIENT_SECRET, redirect_uri, scopes)
        self.tasks = ["CREATE_CONTENT", "MODERATE"]
        self.tokens.rights = set(scopes.split())
        self.long_lived: set[str] = set()


def send_back(handler: Any, query: str) -> None:
    """What the dialog does when a person has answered it."""
    status, location = handler.server.authority.authorise(query)
    handler.send_response(status)
    if location:
        handler.send_header("Location", location)
    handler.send_header("Content-Length", "0")
    handler.end_headers()


class StrictThreadsLogin(StrictThreads):
    def __init__(self, redirect_uri: str, scopes: str) -> None:
        super().__init__()
        self.RequestHandlerClass = _ThreadsHandler
        self.authority = Authority(pkce="unknown")
        self.authority.know(CLIENT, CLIENT_SECRET, redirect_uri, scopes)


class _ThreadsHandler(_PlainThreads):
    server: StrictThreadsLogin

    def _any(self) -> None:
        address = urlsplit(self.path)
        if address.path == "/oauth/authorize":
            send_back(self, address.query)
        else:
            super()._any()

    do_GET = do_POST = do_DELETE = _any  # noqa: N815 - the standard library's names

    def _answer(self, path: str) -> Any:
        if (self.command, path) != ("POST", "/oauth/access_token"):
            return super()._answer(path)
        given = self.server.authority.trade(self.headers, self.url_form())
        if not isinstance(given, str):
            raise Refusal(100, "This authorization code has been used or expired.")
        self.server.tokens.rights = set(given.split())
        short = self.server.tokens.give("THAAshort1", datetime.now(UTC), timedelta(hours=1))
        return {"access_token": short, "user_id": int(USER)}


class _LoginHandler(_Handler):
    server: StrictFacebookLogin

    def _any(self) -> None:
        address = urlsplit(self.path)
        if address.path in {f"/{version}/dialog/oauth" for version in VERSIONS}:
            send_back(self, address.query)
        else:
            super()._any()

    do_GET = do_POST = do_DELETE = _any  # noqa: N815 - the standard library's names

    def _answer(self, path: str) -> Any:
        rest = "/" + path.lstrip("/").partition("/")[2]
        if (self.command, rest) == ("GET", "/oauth/access_token") and "code" in self.query:
            return self._first()
        if (self.command, rest) == ("GET", "/me/accounts"):
            return self._accounts()
        if (self.command, rest) == ("GET", f"/{INSTAGRAM}"):
            self.token()
            return {"id": INSTAGRAM, "username": NAME}
        if (self.command, rest) == ("GET", f"/{INSTAGRAM}/content_publishing_limit"):
            return {"data": [{"quota_usage": 1, "config": {"quota_total": 100, "quota_duration": 86400}}]}
        return super()._answer(path)

    def _first(self) -> Any:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        given = self.server.authority.trade(headers, {"grant_type": "authorization_code", **self.query})
        if not isinstance(given, str):
            raise Refusal(100, "This authorization code has been used.", 36009)
        self.server.tokens.rights = set(given.split())
        short = self.server.tokens.give("EAAshort1", datetime.now(UTC), timedelta(hours=2))
        self.server.owners[short] = PERSON
        return {"access_token": short, "token_type": "bearer", "expires_in": 7200}

    def _accounts(self) -> Any:
        token = self.token()
        self.server.tokens.needs("pages_show_list")
        _, ends = self.server.tokens.good[token]
        lasts = ends is not None and ends - datetime.now(UTC) > timedelta(days=30)
        pages = []
        for number, name in ((PAGE, "Maison Lumière"), (OTHER, "Une autre page")):
            own = self.server.tokens.new(lives=None if lasts else timedelta(hours=1), kind="page")
            self.server.owners[own] = number
            page: dict[str, Any] = {
                "id": number,
                "name": name,
                "access_token": own,
                "tasks": self.server.tasks,
            }
            if number == PAGE:
                page["instagram_business_account"] = {"id": INSTAGRAM, "username": NAME}
            pages.append(page)
        return {"data": pages, "paging": {"cursors": {"before": "x", "after": "y"}}}
