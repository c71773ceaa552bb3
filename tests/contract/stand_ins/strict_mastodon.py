"""A small, strict Mastodon: it refuses what the real one refuses, and shows statuses as it does.

Written from Mastodon's documentation and sources (4.x), beside PyPI's mastodon-mock, which is more lenient:
apps and signing in (`strict_oauth.py`), unknown media ids, the link markup with its invisible parts,
mentions without their host, media that is still being processed (202, then 206), a token's scopes, an ISO
8601 rate limit.
"""

from __future__ import annotations

import html
import json
import re
from datetime import UTC, datetime
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

import regex

from tests.contract.stand_ins.serving import StandIn
from tests.contract.stand_ins.strict_oauth import Authority, form_of

TOKEN = "strict-token-8f1c"
_ACCOUNT = "110"


class StrictMastodon(StandIn):
    """`tokens`: whose each is; `signs_in`: who signs in there; `pkce` and `says_so`: what a server from 4.3 on has,
    and one of late 2026."""

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.authority = Authority(pkce="offered")
        self.tokens, self.signs_in = {TOKEN: _ACCOUNT}, _ACCOUNT
        self.describes_itself, self.says_so, self.issuer_says = True, False, ""
        self.pads = 0
        self.statuses: dict[str, dict] = {}
        self.sources: dict[str, str] = {}
        self.keys: dict[str, str] = {}
        self.media: dict[str, dict] = {}
        self.processing: dict[str, int] = {}
        self.polls_needed = 0
        self.scopes = ["read", "write"]
        self.max_characters = 500
        self.offer_source = True
        self.rewrite_links = False
        self.next_id = 100

    def new_id(self) -> str:
        self.next_id += 1
        return str(self.next_id)

    def configuration(self) -> dict:
        return {
            "statuses": {
                "max_characters": self.max_characters,
                "max_media_attachments": 4,
                "characters_reserved_per_url": 23,
            },
            "media_attachments": {
                "description_limit": 1500,
                "supported_mime_types": ["image/jpeg", "image/png", "video/mp4"],
                "image_size_limit": 16777216,
                "image_matrix_limit": 33177600,
            },
        }

    def render(self, text: str) -> str:
        """As `TextFormatter` does: paragraphs, links with invisible ends, mentions without a host."""
        blocks = re.split(r"\n\n+", html.escape(text, quote=True))
        done = "".join("<p>" + block.replace("\n", "<br />") + "</p>" for block in blocks)
        done = re.sub(r"(https?://)(\S+?)(?=[.,!]?(?:\s|<|$))", self._link, done)
        done = re.sub(
            r"(?<![\w/])@(\w+)@([\w.-]+\w)",
            r'<span><a href="https://\2/@\1" class="u-url mention">@<span>\1</span></a></span>',
            done,
        )
        return re.sub(
            r"(?<![\w/&])#(\w+)",
            r'<a href="/tags/\1" class="mention hashtag" rel="tag">#<span>\1</span></a>',
            done,
        )

    def _link(self, found: re.Match) -> str:
        shown, rest = found[2][:30], found[2][30:]
        target = "https://short.example/x1" if self.rewrite_links else found[0]
        return (
            f'<a href="{target}" rel="nofollow noopener"><span class="invisible">{found[1]}</span>'
            f'<span class="ellipsis">{shown}</span><span class="invisible">{rest}</span></a>'
        )


class Refusal(Exception):
    def __init__(self, status: int, said: str) -> None:
        self.status, self.said = status, said


class _Handler(BaseHTTPRequestHandler):
    server: StrictMastodon

    def log_message(self, *args) -> None:
        """Quiet."""

    def _any(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            status, said = self._answer()
        except Refusal as refusal:
            status, said = refusal.status, {"error": refusal.said}
        content = json.dumps(said).encode()
        self.send_response(status)
        if status == 302:
            self.send_header("Location", str(said))
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = _any  # noqa: N815 - the standard library's names

    def _answer(self) -> tuple[int, object]:
        path = urlsplit(self.path).path
        for method, public, look in _PUBLIC:
            if (method, public) == (self.command, path):
                return look(self)
        if path == "/api/v2/instance":
            return 200, {
                "domain": "strict.example",
                "version": "4.4.0",
                "configuration": self.server.configuration(),
            }
        self.account = self.server.tokens.get(
            self.headers.get("Authorization", "").removeprefix("Bearer "), ""
        )
        if not self.account:
            raise Refusal(401, "The access token is invalid")
        for method, pattern, view in _ROUTES:
            match = re.fullmatch(pattern, path)
            if match and method == self.command:
                return view(self, *match.groups())
        raise Refusal(404, "Record not found")

    # --- Signing in -------------------------------------------------------------------------------
    def _about(self):
        if not self.server.describes_itself:
            raise Refusal(404, "Not found")
        issuer = self.server.issuer_says or f"{self.server.base_url}/"
        self.server.authority.issuer = issuer if self.server.says_so else ""
        about: dict[str, Any] = {
            "issuer": issuer,
            "token_endpoint": f"{issuer}oauth/token",
            "padding": "x" * self.server.pads,
        }
        if self.server.authority.pkce != "unknown":
            about["code_challenge_methods_supported"] = ["S256"]
        if self.server.says_so:
            about["authorization_response_iss_parameter_supported"] = True
        return 200, about

    def _register(self):
        form = form_of(self.body)
        if not form.get("client_name") or "://" not in form.get("redirect_uris", ""):
            raise Refusal(422, "Validation failed: Redirect URI must be an absolute URI.")
        number = self.server.new_id()
        kept = (f"client-{number}", f"s3cret-of-{number}", form["redirect_uris"], form.get("scopes", "read"))
        self.server.authority.know(*kept)
        return 200, {
            "id": number,
            "name": form["client_name"],
            "client_id": kept[0],
            "client_secret": kept[1],
        }

    def _authorise(self):
        status, location = self.server.authority.authorise(urlsplit(self.path).query)
        return status, location or {"error": "invalid_client"}

    def _token(self):
        form, authority = form_of(self.body), self.server.authority
        if form.get("grant_type") == "client_credentials":
            if not authority.authenticate(self.headers, form):
                return 401, {"error": "invalid_client", "error_description": "Client authentication failed"}
            return 200, {
                "access_token": "app-only",
                "token_type": "Bearer",
                "scope": form.get("scope", "read"),
            }
        given = authority.trade(self.headers, form)
        if not isinstance(given, str):
            return given
        token = f"t0ken-of-{self.server.signs_in}-{self.server.new_id()}"
        self.server.tokens[token] = self.server.signs_in
        self.server.scopes = given.split()
        return 200, {"access_token": token, "token_type": "Bearer", "scope": given, "created_at": 1}

    # --- Statuses ---------------------------------------------------------------------------------
    def _me(self):
        me = {
            "id": self.account,
            "username": "maison",
            "acct": "maison",
            "url": "https://strict.example/@maison",
        }
        return 200, me

    def _app(self):
        return 200, {"name": "CM Queue", "scopes": self.server.scopes}

    def _upload(self):
        head = b"Content-Type: " + self.headers["Content-Type"].encode() + b"\r\n\r\n"
        parts: Any = BytesParser().parsebytes(head + self.body).get_payload()
        fields = {part.get_param("name", header="content-disposition"): part for part in parts}
        if fields["file"].get_content_type() not in {"image/png", "image/jpeg"}:
            raise Refusal(422, "Validation failed: File content type is invalid")
        media_id = self.server.new_id()
        alt = fields["description"].get_payload(decode=True).decode()
        url = f"https://strict.example/media/{media_id}"
        self.server.media[media_id] = {
            "id": media_id,
            "type": "image",
            "url": url,
            "description": alt,
            "used": False,
        }
        self.server.processing[media_id] = self.server.polls_needed
        return self._media_answer(media_id, 202)

    def _poll(self, media_id: str):
        if media_id not in self.server.media:
            raise Refusal(404, "Record not found")
        self.server.processing[media_id] -= 1
        return self._media_answer(media_id, 206)

    def _media_answer(self, media_id: str, unfinished: int):
        shown = {k: v for k, v in self.server.media[media_id].items() if k != "used"}
        if self.server.processing[media_id] > 0:
            return unfinished, {**shown, "url": None}
        return 200, shown

    def _post(self):
        key = self.headers.get("Idempotency-Key", "")
        if key and key in self.server.keys:
            return 200, self.server.statuses[self.server.keys[key]]
        form = self._form()
        reply_to = form.get("in_reply_to_id")
        if reply_to and reply_to not in self.server.statuses:
            raise Refusal(404, "The post you are trying to reply to does not appear to exist.")
        media = [self._attach(media_id) for media_id in form.get("media_ids", [])]
        status_id = self.server.new_id()
        self.server.sources[status_id] = form["status"].strip()
        self.server.statuses[status_id] = {
            "id": status_id,
            "created_at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "in_reply_to_id": reply_to,
            "visibility": form["visibility"],
            "language": form.get("language"),
            "spoiler_text": form["spoiler_text"],
            "sensitive": form["sensitive"],
            "url": f"https://strict.example/@maison/{status_id}",
            "content": self.server.render(form["status"].strip()),
            "media_attachments": media,
            "reblog": None,
        }
        if key:
            self.server.keys[key] = status_id
        return 200, self.server.statuses[status_id]

    def _show(self, status_id: str):
        if status_id not in self.server.statuses:
            raise Refusal(404, "Record not found")
        return 200, self.server.statuses[status_id]

    def _edit(self, status_id: str):
        if status_id not in self.server.statuses:
            raise Refusal(404, "Record not found")
        form = self._form()
        media = [self._attach(media_id) for media_id in form.get("media_ids", [])]
        self.server.sources[status_id] = form["status"]
        self.server.statuses[status_id] |= {
            "content": self.server.render(form["status"]),
            "spoiler_text": form["spoiler_text"],
            "media_attachments": media,
        }
        return 200, self.server.statuses[status_id]

    def _form(self) -> dict:
        form = json.loads(self.body)
        said = form["spoiler_text"] + re.sub(r"https?://\S+", "x" * 23, form["status"])
        if len(regex.findall(r"\X", said)) > self.server.max_characters:
            raise Refusal(
                422, f"Validation failed: Text character limit of {self.server.max_characters} exceeded"
            )
        if not form["status"].strip() and not form.get("media_ids"):
            raise Refusal(422, "Validation failed: Text can't be blank")
        if form["visibility" if self.command == "POST" else "status"] == "":
            raise Refusal(422, "Validation failed")
        return form

    def _attach(self, media_id: str) -> dict:
        media = self.server.media.get(media_id)
        if media is None or self.server.processing[media_id] > 0:
            raise Refusal(422, "Validation failed: Cannot attach files that have not finished processing.")
        return {k: v for k, v in media.items() if k != "used"}

    def _delete(self, status_id: str):
        if self.server.statuses.pop(status_id, None) is None:
            raise Refusal(404, "Record not found")
        return 200, {}

    def _source(self, status_id: str):
        if not self.server.offer_source:
            raise Refusal(404, "Record not found")
        return 200, {"id": status_id, "text": self.server.sources[status_id], "spoiler_text": ""}

    def _list(self, account: str):
        query = {k: v[-1] for k, v in parse_qs(urlsplit(self.path).query).items()}
        found = [
            status
            for status in self.server.statuses.values()
            if int(status["id"]) < int(query.get("max_id", 10**9))
        ]
        return 200, sorted(found, key=lambda status: -int(status["id"]))[: min(int(query["limit"]), 40)]

    def _search(self):
        query = parse_qs(urlsplit(self.path).query)["q"][0]
        known = [
            status for status in self.server.statuses.values() if query.endswith(f"/remote/{status['id']}")
        ]
        return 200, {"accounts": [], "statuses": known, "hashtags": []}


_PUBLIC = (
    ("GET", "/.well-known/oauth-authorization-server", _Handler._about),
    ("POST", "/api/v1/apps", _Handler._register),
    ("GET", "/oauth/authorize", _Handler._authorise),
    ("POST", "/oauth/token", _Handler._token),
)
_ROUTES = (
    ("GET", r"/api/v1/accounts/verify_credentials", _Handler._me),
    ("GET", r"/api/v1/apps/verify_credentials", _Handler._app),
    ("POST", r"/api/v2/media", _Handler._upload),
    ("GET", r"/api/v1/media/(\d+)", _Handler._poll),
    ("POST", r"/api/v1/statuses", _Handler._post),
    ("GET", r"/api/v1/statuses/(\d+)", _Handler._show),
    ("PUT", r"/api/v1/statuses/(\d+)", _Handler._edit),
    ("DELETE", r"/api/v1/statuses/(\d+)", _Handler._delete),
    ("GET", r"/api/v1/statuses/(\d+)/source", _Handler._source),
    ("GET", r"/api/v1/accounts/(\d+)/statuses", _Handler._list),
    ("GET", r"/api/v2/search", _Handler._search),
)
