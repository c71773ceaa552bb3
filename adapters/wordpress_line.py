"""Speaking with a WordPress site: where its API is, how one signs in, and what its refusals mean."""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping
from typing import Any

import httpx

from adapters.base import AdapterError, AuthFailed, Rejected, gettext_noop
from adapters.http import BAD_SECRET, FORBIDDEN, REDIRECTED, UNKNOWN_TOKEN, Answer, Line, object_in

MOVED = gettext_noop("The site answers at another address, %(address)s: correct the channel's address.")
FEW_RIGHTS = gettext_noop(
    "The account has too few rights on this site. Give it the role of an author or an editor there."
)
NO_PASSWORDS = gettext_noop("The site does not accept application passwords: its operator has to allow them.")
NO_ROUTE = gettext_noop("The site's interface lacks what is needed here.")
FILE_REFUSED = gettext_noop(
    "The site refused a file: its kind or its size is not allowed there. Nothing was sent."
)

# What the account may not do at all, as opposed to what it may not do with this one post.
_RIGHTS = {
    "rest_cannot_create",
    "rest_cannot_publish",
    "rest_forbidden",
    "rest_forbidden_context",
    "rest_forbidden_status",
    "rest_user_cannot_view",
    "rest_not_logged_in",
    "rest_cannot_access",
}
_NO_PASSWORDS = {"application_passwords_disabled", "application_passwords_disabled_for_user"}
_FILE_REFUSED = {"rest_upload_sideload_error", "rest_upload_unknown_error", "rest_upload_file_too_big"}
_DETAIL_MAX = 200


class WordPressLine(Line):
    """`plain`: the site has no pretty permalinks, so its API is reached through `?rest_route=`."""

    def __init__(
        self, client: httpx.Client, base_url: str, username: str, password: str, *, plain: bool
    ) -> None:
        self._username, bare = username.strip(), password.replace(" ", "")
        shown = (self._token(bare), password.strip(), bare) if bare else ()
        super().__init__(client, base_url, password, shown)
        self.plain = plain

    def api(
        self,
        method: str,
        route: str,
        *,
        creates: bool = False,
        accept: Collection[int] = (),
        params: Mapping[str, str] | None = None,
        **request: Any,
    ) -> Answer:
        """Asks one route of the API. A page where the API should be (a 404, or the site's front page) means
        that it is elsewhere: what changes nothing when it is asked again is then asked there."""
        may_look = not creates and method in {"GET", "DELETE"} and not self.plain
        path, query = self._where(route, params)
        answer = self.ask(
            method,
            path,
            creates=creates,
            accept={*accept, 404} if may_look else accept,
            params=query,
            **request,
        )
        if may_look and _is_a_page(answer):
            self.plain = True
            path, query = self._where(route, params)
            return self.ask(method, path, creates=creates, accept=accept, params=query, **request)
        if answer.status == 404 and 404 not in accept:
            raise Rejected(NO_ROUTE, status=404, detail=code_of(answer.body))
        return answer

    def _where(self, route: str, params: Mapping[str, str] | None) -> tuple[str, dict[str, str] | None]:
        if self.plain:
            return "/", {"rest_route": route, **(params or {})}
        return f"/wp-json{route}", dict(params) if params else None

    def _signed(self) -> dict[str, str]:
        """Basic, over TLS. WordPress shows the password in groups of four and takes it with or without."""
        password = self._secret.replace(" ", "")
        if not password or not password.isascii() or not password.isprintable():
            raise AuthFailed(BAD_SECRET)
        if not self._username or not self._username.isprintable() or ":" in self._username:
            raise AuthFailed(gettext_noop("The channel's user name is missing or malformed."))
        return {"Authorization": f"Basic {self._token(password)}"}

    def _token(self, password: str) -> str:
        return base64.b64encode(f"{self._username}:{password}".encode()).decode()

    def forbidden(self, detail: str) -> type[AuthFailed | Rejected]:
        """A 403 that WordPress did not send (a firewall before it, a plugin) is about this request."""
        return Rejected

    def _refusal(self, received: httpx.Response, creates: bool) -> AdapterError:
        status, code, detail = received.status_code, code_of(received.content), self._detail(received)
        if 300 <= status < 400:
            return Rejected(REDIRECTED, status=status, detail=self._moved_to(received))
        if code in _NO_PASSWORDS:
            return AuthFailed(NO_PASSWORDS, status=status, detail=detail)
        if status in {401, 403} and code in _RIGHTS:
            return AuthFailed(UNKNOWN_TOKEN if status == 401 else FEW_RIGHTS, status=status, detail=detail)
        if code in _FILE_REFUSED:
            return Rejected(FILE_REFUSED, status=status, detail=detail)
        if status == 403:
            return Rejected(FORBIDDEN, status=status, detail=detail)
        return super()._refusal(received, creates)

    def _moved_to(self, received: httpx.Response) -> str:
        """Where a redirect leads, without a query, in which a secret may stand."""
        target = received.headers.get("location", "").partition("?")[0].partition("/wp-json")[0]
        return self.without_secret(target)[:_DETAIL_MAX]

    def _detail(self, received: httpx.Response) -> str:
        body = object_in(received.content)
        data = body.get("data")
        each = data.get("params") if isinstance(data, dict) else None
        told = [str(body.get("message") or body.get("error") or "")]
        told += [f"{name}: {why}" for name, why in each.items()] if isinstance(each, dict) else []
        code = code_of(received.content)
        return self.without_secret(" ".join([*filter(None, told), f"({code})" if code else ""]))[:_DETAIL_MAX]


def _is_a_page(answer: Answer) -> bool:
    """Whether a page came instead of an answer of the API, which always says JSON."""
    return answer.status in {200, 404} and "json" not in answer.headers.get("content-type", "").lower()


def code_of(content: bytes) -> str:
    """WordPress's own name of an error, empty for anything that is none of its."""
    code = object_in(content).get("code")
    return code[:80] if isinstance(code, str) else ""
