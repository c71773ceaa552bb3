"""What the strict stand-ins for Meta's networks share: routes, tokens, errors in the Graph API's form, pages.

Written from developers.facebook.com: docs/graph-api/guides/error-handling (the form, 190, 100/33, 506),
graph-api/overview/rate-limiting, graph-api/guides/secure-requests (`appsecret_proof`), graph-api/reference/debug_token,
facebook-login/guides/access-tokens/get-long-lived, instagram-platform/reference/refresh_access_token and
threads/get-started/long-lived-tokens: who is not a day old, or has ended, is not refreshed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.contract.stand_ins.serving import StandIn

VERSIONS = {"v25.0", "v26.0"}
CLIENT, CLIENT_SECRET = "1029384756", "app-secret-91"
_KINDS = {"ig": "IGAA", "th": "THAA", "fb": "EAA"}
GONE = "Unsupported request. Object with ID '%s' does not exist, cannot be loaded due to missing permissions"


class Refusal(Exception):
    def __init__(
        self, code: int, message: str, subcode: int = 0, status: int = 400, user_msg: str = "", **more: Any
    ) -> None:
        self.status = status
        error: dict[str, Any] = {"message": message, "type": "OAuthException", "code": code}
        error |= {"error_subcode": subcode} if subcode else {}
        error |= {"error_user_msg": user_msg} if user_msg else {}
        self.said = {"error": {**error, **more, "fbtrace_id": "AbCdEfGh91"}}


def missing(number: str) -> Refusal:
    return Refusal(100, GONE % number, 33, error_user_title="")


class Tokens:
    """`good`: the tokens of now, and when each was issued and ends. `rights`: what was granted to them."""

    def __init__(self, rights: set[str]) -> None:
        self.good: dict[str, tuple[datetime, datetime | None]] = {}
        self.rights = set(rights)
        self.made = 0
        self.long_ago = datetime.now(UTC) - timedelta(days=20)

    def give(self, token: str, issued: datetime | None = None, lives: timedelta | None = None) -> str:
        issued = issued or self.long_ago
        self.good[token] = (issued, issued + lives if lives else None)
        return token

    def new(self, lives: timedelta | None = timedelta(days=60), kind: str = "EAA") -> str:
        self.made += 1
        return self.give(f"{kind}fresh{self.made}", datetime.now(UTC), lives)

    def must_be_good(self, token: str) -> None:
        issued, ends = self.good.get(token, (None, None))
        if issued is None:
            raise Refusal(190, "Invalid OAuth access token - Cannot parse access token", status=401)
        if ends is not None and datetime.now(UTC) >= ends:
            said = "Error validating access token: Session has expired"
            raise Refusal(190, said, 463, status=401)

    def needs(self, *rights: str) -> None:
        for right in rights:
            if right not in self.rights:
                raise Refusal(10, f"(#10) This endpoint requires the '{right}' permission", status=403)


class StrictGraph(StandIn):
    """`secret_required`: whether the app wants a proof of its secret with each call."""

    rights: set[str]

    def __init__(self, handler: type[GraphHandler]) -> None:
        super().__init__(handler)
        self.tokens = Tokens(self.rights)
        self.secret_required = False
        self.next_id = 17_900_000_000_000_000
        self.headers_sent: dict[str, str] = {}

    def new_id(self) -> str:
        self.next_id += 1
        return str(self.next_id)


class GraphHandler(BaseHTTPRequestHandler):
    server: Any
    versions = VERSIONS
    routes: tuple[tuple[str, str, Callable[..., Any]], ...] = ()
    unversioned: tuple[tuple[str, str, Callable[..., Any]], ...] = ()

    def log_message(self, *args: object) -> None:
        """Quiet."""

    def _any(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        address = urlsplit(self.path)
        self.query = {name: values[-1] for name, values in parse_qs(address.query).items()}
        try:
            status, said = 200, self._answer(address.path)
        except Refusal as refusal:
            status, said = refusal.status, refusal.said
        content = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=UTF-8")
        for name, value in self.server.headers_sent.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_DELETE = _any  # noqa: N815 - the standard library's names

    def _answer(self, path: str) -> Any:
        for method, pattern, view in self.unversioned:
            if method == self.command and re.fullmatch(pattern, path):
                return view(self)
        version, _, rest = path.lstrip("/").partition("/")
        if version not in self.versions:
            raise Refusal(2500, f"Unknown path components: /{path}")
        for method, pattern, view in self.routes:
            match = re.fullmatch(pattern, f"/{rest}")
            if match and method == self.command:
                return view(self, *match.groups())
        raise Refusal(100, f"Unsupported {self.command.lower()} request.", 33)

    # --- Who asks ---------------------------------------------------------------------------------
    def token(self) -> str:
        signed = self.headers.get("Authorization", "")
        token = signed.removeprefix("Bearer ") if signed.startswith("Bearer ") else ""
        token = token or self.query.get("access_token", "")
        if not token:
            raise Refusal(104, "An access token is required to request this resource.", status=401)
        self.server.tokens.must_be_good(token)
        proof = self.query.get("appsecret_proof", "")
        right = hmac.new(CLIENT_SECRET.encode(), token.encode(), hashlib.sha256).hexdigest()
        if (proof and proof != right) or (self.server.secret_required and not proof):
            raise Refusal(100, "Invalid appsecret_proof provided in the API argument")
        return token

    def json_form(self) -> dict[str, Any]:
        if not self.headers.get("Content-Type", "").startswith("application/json"):
            raise Refusal(100, "Invalid parameter")
        said = json.loads(self.body)
        if not isinstance(said, dict):
            raise Refusal(100, "Invalid parameter")
        return said

    def url_form(self) -> dict[str, Any]:
        if self.headers.get("Content-Type") != "application/x-www-form-urlencoded":
            raise Refusal(100, "Invalid parameter")
        read = parse_qs(self.body.decode(), keep_blank_values=True, strict_parsing=bool(self.body))
        return {name: values[-1] for name, values in read.items()}

    def multipart(self) -> dict[str, Any]:
        kind = self.headers.get("Content-Type", "")
        if not kind.startswith("multipart/form-data"):
            raise Refusal(100, "(#100) No file or url was given")
        parsed: Any = BytesParser().parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + self.body)
        return {part.get_param("name", header="content-disposition"): part for part in parsed.get_payload()}

    # --- Tokens -----------------------------------------------------------------------------------
    def debug_token(self) -> Any:
        tokens, asked = self.server.tokens, self.query.get("input_token", "")
        signed = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if signed != f"{CLIENT}|{CLIENT_SECRET}":
            tokens.must_be_good(signed)
        if asked not in tokens.good:
            said = {"code": 190, "message": "Invalid OAuth access token"}
            return {"data": {"error": said, "is_valid": False, "scopes": []}}
        _, ends = tokens.good[asked]
        expires = int(ends.timestamp()) if ends else 0
        return {
            "data": {
                "app_id": CLIENT,
                "type": "PAGE",
                "is_valid": True,
                "expires_at": expires,
                "scopes": sorted(tokens.rights),
            }
        }

    def refresh(self, prefix: str, right: str) -> Any:
        """`GET /refresh_access_token`."""
        tokens, token = self.server.tokens, self.query.get("access_token", "")
        if self.query.get("grant_type") != f"{prefix}_refresh_token":
            raise Refusal(100, "Invalid grant_type")
        tokens.must_be_good(token)
        tokens.needs(right)
        if datetime.now(UTC) - tokens.good[token][0] < timedelta(hours=24):
            raise Refusal(100, "The access token must be at least 24 hours old to be refreshed")
        fresh = tokens.new(kind=_KINDS[prefix])
        return {"access_token": fresh, "token_type": "bearer", "expires_in": 5_183_944}

    def exchange(self, prefix: str) -> Any:
        """`GET /access_token`: a short-lived token for a long-lived one."""
        tokens, token = self.server.tokens, self.query.get("access_token", "")
        if self.query.get("grant_type") != f"{prefix}_exchange_token":
            raise Refusal(100, "Invalid grant_type")
        tokens.must_be_good(token)
        if self.query.get("client_secret") != CLIENT_SECRET:
            raise Refusal(1, "Error validating client secret.")
        fresh = tokens.new(kind=_KINDS[prefix])
        return {"access_token": fresh, "token_type": "bearer", "expires_in": 5_183_944}

    # --- Lists ------------------------------------------------------------------------------------
    def paged(self, newest: list[dict[str, Any]], known: set[str]) -> Any:
        """`limit`, `after` and the fields that were asked for, of which the API must know each."""
        fields = top_fields(self.query.get("fields", "id"))
        for field in fields:
            if field not in known:
                raise Refusal(100, f"(#100) Tried accessing nonexisting field ({field})")
        most, first = int(self.query.get("limit", "25")), int(self.query.get("after", "0"))
        page = newest[first : first + most]
        data = [{name: one[name] for name in ("id", *fields) if name in one} for one in page]
        said: dict[str, Any] = {"data": data}
        if page:
            said["paging"] = {"cursors": {"before": str(first), "after": str(first + len(page))}}
            if first + most < len(newest):
                said["paging"]["next"] = "https://graph.example/next"
        return said


def top_fields(asked: str) -> list[str]:
    """`a,b{c,d},e` is a, b and e."""
    while "{" in asked:
        shorter = re.sub(r"\{[^{}]*\}", "", asked)
        if shorter == asked:
            raise Refusal(2500, "Syntax error")
        asked = shorter
    return asked.split(",")


def stamp(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%S+0000")
