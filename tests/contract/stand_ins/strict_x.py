"""A small, strict X API v2: it refuses what the real one refuses, and shows posts as it does.

Written from docs.x.com (sources: github.com/xdevplatform/docs): x-api/posts/create-post and delete-post,
x-api/posts/manage-tweets/integrate (replies, cashtags), x-api/posts/timelines, x-api/media/upload-media,
create-media-metadata and quickstart/best-practices, x-api/fundamentals/response-codes-and-errors and
rate-limits, resources/fundamentals/counting-characters and authentication/oauth-2-0/user-access-token
(refresh tokens, good once; signing in, `strict_oauth.py`). The 403 of a duplicate and the 429 of a monthly
cap have the bodies seen in akrherz/iembot#163 and xdevplatform/xdk#25.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.contract.stand_ins.serving import StandIn
from tests.contract.stand_ins.strict_oauth import Authority

USER, NAME, CLIENT = "2244994945", "MaisonLumiere", "client-91x"
TOKEN, REFRESH = "access-7f2c.1", "refresh-7f2c.1"
SCOPE = "tweet.read tweet.write users.read media.write offline.access"
_LINK = re.compile(r"https?://[^\s]*[\w/=&#-]")


class Refusal(Exception):
    def __init__(self, status: int, detail: str, **more: Any) -> None:
        self.status = status
        self.said = {"title": "Error", "type": "about:blank", "status": status, "detail": detail, **more}


class StrictX(StandIn):
    """`access`, `refresh`: what is good now, each refresh token once. `client_secret`: set for a confidential
    client."""

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.access, self.refresh = TOKEN, REFRESH
        self.client_secret = ""
        self.authority = Authority(pkce="demanded", basic=True)
        self.user = USER
        self.gives_refresh = True
        self.spent: set[str] = set()
        self.scope = SCOPE
        self.posts: dict[str, dict[str, Any]] = {}
        self.media: dict[str, dict[str, Any]] = {}
        self.polls_needed = 0
        self.polls: dict[str, int] = {}
        self.show_alt = True
        self.links_lead_elsewhere = False
        self.next_id = 1_900_000_000_000_000_000

    def new_id(self) -> str:
        self.next_id += 1
        return str(self.next_id)

    def texts(self) -> list[dict[str, Any]]:
        return [{"text": post["source"]} for post in self.posts.values()]


class _Handler(BaseHTTPRequestHandler):
    server: StrictX

    def log_message(self, *args: object) -> None:
        """Quiet."""

    def _any(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        address = urlsplit(self.path)
        self.query = {name: values[-1] for name, values in parse_qs(address.query).items()}
        try:
            status, said = self._answer(address.path)
        except Refusal as refusal:
            status, said = refusal.status, refusal.said
        content = json.dumps(said).encode()
        self.send_response(status)
        if status == 302:
            self.send_header("Location", said)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_DELETE = _any  # noqa: N815 - the standard library's names

    def _answer(self, path: str) -> tuple[int, Any]:
        if (self.command, path) == ("GET", "/i/oauth2/authorize"):
            return self.server.authority.authorise(urlsplit(self.path).query)
        if (self.command, path) == ("POST", "/2/oauth2/token"):
            return self._token()
        if self.headers.get("Authorization") != f"Bearer {self.server.access}":
            raise Refusal(401, "Unauthorized", title="Unauthorized")
        for method, pattern, view in _ROUTES:
            match = re.fullmatch(pattern, path)
            if match and method == self.command:
                return view(self, *match.groups())
        raise Refusal(404, "Not Found")

    # --- Signing in -------------------------------------------------------------------------------
    def _token(self) -> tuple[int, Any]:
        if self.headers.get("Content-Type") != "application/x-www-form-urlencoded":
            return 400, {"error": "invalid_request", "error_description": "Missing required parameter"}
        form = {name: values[-1] for name, values in parse_qs(self.body.decode()).items()}
        signed = self.headers.get("Authorization", "")
        if self.server.client_secret:
            known = not self.server.authority.clients or self.server.authority.authenticate(
                self.headers, form
            )
            if not signed.startswith("Basic ") or not known:
                return 401, {
                    "error": "unauthorized_client",
                    "error_description": "Missing valid authorization header",
                }
        elif signed or form.get("client_id") != CLIENT:
            return 400, {
                "error": "invalid_request",
                "error_description": "Missing required parameter [client_id].",
            }
        if form.get("grant_type") == "authorization_code":
            return self._first(form)
        given = form.get("refresh_token", "")
        if (
            form.get("grant_type") != "refresh_token"
            or given != self.server.refresh
            or given in self.server.spent
        ):
            said = "Value passed for the token was invalid."
            return 400, {"error": "invalid_request", "error_description": said}
        self.server.spent.add(given)
        self.server.access, self.server.refresh = f"{self.server.access}n", f"{given}n"
        return 200, {
            "token_type": "bearer",
            "expires_in": 7200,
            "access_token": self.server.access,
            "refresh_token": self.server.refresh,
            "scope": self.server.scope,
        }

    def _first(self, form: dict[str, str]) -> tuple[int, Any]:
        given = self.server.authority.trade(self.headers, form)
        if not isinstance(given, str):
            return given
        self.server.access, said = f"access-{len(self.server.authority.spent)}.{self.server.user}", {}
        if "offline.access" in given and self.server.gives_refresh:
            self.server.refresh = f"refresh-{len(self.server.authority.spent)}.{self.server.user}"
            said["refresh_token"] = self.server.refresh
        told = {
            "token_type": "bearer",
            "expires_in": 7200,
            "access_token": self.server.access,
            "scope": given,
        }
        return 200, {**told, **said}

    def _me(self) -> tuple[int, Any]:
        return 200, {"data": {"id": self.server.user, "name": "Maison Lumière", "username": NAME}}

    # --- Media ------------------------------------------------------------------------------------
    def _upload(self) -> tuple[int, Any]:
        kind = self.headers.get("Content-Type", "")
        if not kind.startswith("multipart/form-data"):
            raise Refusal(400, "media: expected a multipart form")
        parsed: Any = BytesParser().parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + self.body)
        parts = {part.get_param("name", header="content-disposition"): part for part in parsed.get_payload()}
        if parts["media_category"].get_payload() != "tweet_image":
            raise Refusal(400, "media_category is not one of the categories of an image")
        if parts["media_type"].get_payload() not in {"image/jpeg", "image/png", "image/webp"}:
            raise Refusal(400, "media_type is not one of the enumerated values")
        content = parts["media"].get_payload(decode=True)
        if len(content) > 5_242_880:
            raise Refusal(413, "File size exceeds the maximum of 5242880 bytes")
        media_id = self.server.new_id()
        self.server.media[media_id] = {"media_key": f"3_{media_id}", "type": "photo"}
        self.server.polls[media_id] = self.server.polls_needed
        return self._media_answer(media_id)

    def _upload_status(self) -> tuple[int, Any]:
        media_id = self.query.get("media_id", "")
        if self.query.get("command") != "STATUS" or media_id not in self.server.media:
            raise Refusal(400, "One or more parameters to your request was invalid.")
        self.server.polls[media_id] -= 1
        return self._media_answer(media_id)

    def _media_answer(self, media_id: str) -> tuple[int, Any]:
        data: dict[str, Any] = {"id": media_id, "media_key": f"3_{media_id}", "expires_after_secs": 86_400}
        if self.server.polls[media_id] > 0:
            data["processing_info"] = {"state": "in_progress", "check_after_secs": 1}
        return 200, {"data": data}

    def _describe(self) -> tuple[int, Any]:
        said = json.loads(self.body)
        alt = said["metadata"]["alt_text"]["text"]
        if said["id"] not in self.server.media or not 0 < len(alt) <= 1000:
            raise Refusal(400, "One or more parameters to your request was invalid.")
        self.server.media[said["id"]]["alt_text"] = alt
        return 200, {"data": {"id": said["id"], "associated_metadata": {"alt_text": {"text": alt}}}}

    # --- Posts ------------------------------------------------------------------------------------
    def _create(self) -> tuple[int, Any]:
        if not self.headers.get("Content-Type", "").startswith("application/json"):
            raise Refusal(400, "Requests with bodies must have content-type of application/json.")
        form = json.loads(self.body)
        unknown = set(form) - {"text", "media", "reply", "reply_settings"}
        if unknown or form.get("text") == "" or not (form.get("text") or form.get("media")):
            raise Refusal(400, "One or more parameters to your request was invalid.", title="Invalid Request")
        text = form.get("text", "")
        if _too_long(text):
            raise Refusal(400, "Your Tweet text is too long.")
        answers = form.get("reply", {}).get("in_reply_to_tweet_id", "")
        if "reply" in form and answers not in self.server.posts:
            raise Refusal(400, "You attempted to reply to a Tweet that is deleted or not visible to you.")
        if "reply" in form and "reply_settings" in form:
            raise Refusal(400, "reply_settings: not for a reply")
        ids = form.get("media", {}).get("media_ids", [])
        if not len(ids) <= 4 or any(one not in self.server.media for one in ids):
            raise Refusal(400, "Your media IDs are invalid.")
        if any(post["source"] == text and post["ids"] == ids == [] for post in self.server.posts.values()):
            raise Refusal(
                403, "You are not allowed to create a Tweet with duplicate content.", title="Forbidden"
            )
        post_id = self.server.new_id()
        self.server.posts[post_id] = self._kept(post_id, text, ids, answers, form.get("reply_settings", ""))
        return 201, {"data": {"id": post_id, "text": self.server.posts[post_id]["text"]}}

    def _kept(self, post_id: str, text: str, ids: list[str], answers: str, settings: str) -> dict[str, Any]:
        shown, urls = self._shown(text, bool(ids), post_id)
        post: dict[str, Any] = {
            "id": post_id,
            "text": shown,
            "source": text,
            "ids": ids,
            "settings": settings,
        }
        post["created_at"] = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if urls:
            post["entities"] = {"urls": urls}
        if answers:
            post["referenced_tweets"] = [{"type": "replied_to", "id": answers}]
        if ids:
            post["attachments"] = {"media_keys": [f"3_{one}" for one in ids]}
        return post

    def _shown(self, text: str, pictured: bool, post_id: str) -> tuple[str, list[dict[str, Any]]]:
        urls: list[dict[str, Any]] = []

        def shorten(found: re.Match[str]) -> str:
            short = f"https://t.co/{post_id[-4:]}x{len(urls)}"
            target = "https://elsewhere.example/" if self.server.links_lead_elsewhere else found[0]
            urls.append({"url": short, "expanded_url": target, "display_url": found[0][8:30]})
            return short

        shown = _LINK.sub(shorten, text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        if pictured:
            short = f"https://t.co/{post_id[-4:]}pic"
            target = f"https://x.com/{NAME}/status/{post_id}/photo/1"
            urls.append(
                {"url": short, "expanded_url": target, "display_url": "pic.x.com/a", "media_key": "3_1"}
            )
            shown = f"{shown} {short}".strip()
        return shown, urls

    def _delete(self, post_id: str) -> tuple[int, Any]:
        if self.server.posts.pop(post_id, None) is None:
            raise Refusal(404, f"Could not find tweet with id: [{post_id}].")
        return 200, {"data": {"deleted": True}}

    def _timeline(self, user: str) -> tuple[int, Any]:
        if user != USER:
            raise Refusal(404, f"Could not find user with id: [{user}].")
        most = int(self.query["max_results"])
        if not 5 <= most <= 100 or not re.fullmatch(
            r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", self.query["start_time"]
        ):
            raise Refusal(400, "One or more parameters to your request was invalid.")
        start = datetime.fromisoformat(self.query["start_time"])
        newest = [
            post
            for post in sorted(self.server.posts.values(), key=lambda post: -int(post["id"]))
            if datetime.fromisoformat(post["created_at"]) >= start - timedelta(seconds=1)
        ]
        first = int(self.query.get("pagination_token", "0"))
        page = newest[first : first + most]
        if not page:
            return 200, {"meta": {"result_count": 0}}
        hidden = {"source", "ids", "settings"}
        said: dict[str, Any] = {"data": [{k: v for k, v in post.items() if k not in hidden} for post in page]}
        said["includes"] = {"media": [self._seen(one) for post in page for one in post["ids"]]}
        said["meta"] = {"result_count": len(page)}
        if first + most < len(newest):
            said["meta"]["next_token"] = str(first + most)
        return 200, said

    def _seen(self, media_id: str) -> dict[str, Any]:
        media = self.server.media[media_id]
        return media if self.server.show_alt else {k: v for k, v in media.items() if k != "alt_text"}


def _too_long(text: str) -> bool:
    """Of texts without emoji, which are counted by the published cases elsewhere."""
    plain = _LINK.sub("x" * 23, text)
    light = sum(ord(char) <= 4351 or 0x2000 <= ord(char) <= 0x2037 for char in plain)
    return max(plain, default="") < "\U00010000" and 2 * len(plain) - light > 280


_ROUTES = (
    ("GET", r"/2/users/me", _Handler._me),
    ("POST", r"/2/media/upload", _Handler._upload),
    ("GET", r"/2/media/upload", _Handler._upload_status),
    ("POST", r"/2/media/metadata", _Handler._describe),
    ("POST", r"/2/tweets", _Handler._create),
    ("DELETE", r"/2/tweets/(\d+)", _Handler._delete),
    ("GET", r"/2/users/(\d+)/tweets", _Handler._timeline),
)
