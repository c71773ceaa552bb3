"""A small, strict LinkedIn: it refuses what the real one refuses, and cuts a post off where the real one does.

Written from learn.microsoft.com/linkedin: marketing/community-management/shares/posts-api, images-api,
multiimage-post-api and little-text-format (views li-lms-2026-01 and 2026-05),
marketing/community-management/organizations/organization-lookup-api and
organization-access-control-by-role, marketing/versioning (426), shared/api-guide/concepts/error-handling
and rate-limits, shared/authentication/authorization-code-flow (`strict_oauth.py`),
programmatic-refresh-tokens and token-introspection. The 422 of a duplicate has the body seen in
Arisamiga/Linkedin-RSS#5, the 401s those of rudderlabs' fixtures; that unescaped signs cut the text without
a word is brightbeanxyz/brightbean-studio#121.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from adapters.linkedin_text import plain
from tests.contract.stand_ins.serving import StandIn
from tests.contract.stand_ins.strict_oauth import Authority

ORGANIZATION, MEMBER = "5583111", "urn:li:person:91xQ"
AUTHOR = f"urn:li:organization:{ORGANIZATION}"
TOKEN, REFRESH, CLIENT, CLIENT_SECRET = "access-7f2c-91", "refresh-7f2c-91", "client-91x", "app-secret-91"
VERSIONS = {"202605", "202606", "202607", "202608"}
RIGHTS = {"w_organization_social", "r_organization_social", "rw_organization_admin"}
_TEMPLATE = re.compile(r"\{hashtag\|\\[#＃]\|(?:\\.|[^\\{}|@\[\]()<>#*_~])+\}")
_RESERVED = set("|{}@[]()<>#*_~")
_LINK = re.compile(r"https://[^\s]{20,}")


class Refusal(Exception):
    def __init__(self, status: int, message: str, code: str = "", **more: Any) -> None:
        self.status = status
        self.said = {"status": status, "message": message, **({"code": code} if code else {}), **more}


def refused(code: str, message: str, status: int = 400) -> Refusal:
    details = {"inputErrors": [{"description": message, "input": {}, "code": code}]}
    more = {"errorDetailType": "com.linkedin.common.error.BadRequest", "errorDetails": details}
    return Refusal(status, message, **more)


def kept_of(commentary: str) -> str:
    """What LinkedIn keeps of little text: all of it up to the first sign that should have been escaped."""
    place = 0
    while place < len(commentary):
        template = _TEMPLATE.match(commentary, place)
        if template:
            place = template.end()
        elif commentary[place] == "\\" and place + 1 < len(commentary):
            place += 2
        elif commentary[place] in _RESERVED or commentary[place] == "\\":
            return commentary[:place]
        else:
            place += 1
    return commentary


class StrictLinkedIn(StandIn):
    """`rights`: the scopes of the token; `role`: the member's on the page; `public_url`: where uploads are to
    be sent, which is elsewhere for a server behind a front."""

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.public_url = self.base_url
        self.access, self.refresh = TOKEN, REFRESH
        self.authority = Authority(pkce="unknown")
        self.gives_refresh = True
        self.rights, self.role = set(RIGHTS), "ADMINISTRATOR"
        self.posts: dict[str, dict[str, Any]] = {}
        self.images: dict[str, bytes | None] = {}
        self.order: list[str] = []
        self.expires_at = datetime.now(UTC) + timedelta(days=40)
        self.links_are_shortened = False
        self.next_id = 7_300_000_000_000_000_000

    def new_id(self) -> str:
        self.next_id += 1
        return str(self.next_id)

    def texts(self) -> list[dict[str, Any]]:
        return [{"text": plain(post["commentary"])} for post in self.posts.values()]


class _Handler(BaseHTTPRequestHandler):
    server: StrictLinkedIn

    def log_message(self, *args: object) -> None:
        """Quiet."""

    def _any(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        address = urlsplit(self.path)
        self.raw_query = address.query
        self.query = {name: values[-1] for name, values in parse_qs(address.query).items()}
        self.told: dict[str, str] = {}
        try:
            status, said = self._answer(address.path)
        except Refusal as refusal:
            status, said = refusal.status, refusal.said
        content = b"" if said is None else json.dumps(said).encode()
        self.send_response(status)
        if status == 302:
            self.send_header("Location", str(said))
        self.send_header("Content-Type", "application/json")
        for name, value in self.told.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = _any  # noqa: N815 - the standard library's names

    def _answer(self, path: str) -> tuple[int, Any]:
        if (self.command, path) == ("GET", "/oauth/v2/authorization"):
            return self.server.authority.authorise(self.raw_query)
        if path.startswith("/oauth/v2/"):
            return self._sign_in(path)
        self._signed()
        if path.startswith("/dms-uploads/"):
            return self._put(path)
        version = self.headers.get("LinkedIn-Version", "")
        if version not in VERSIONS:
            raise Refusal(426, f"Requested version {version} is not active", "NONEXISTENT_VERSION")
        if self.headers.get("X-Restli-Protocol-Version") != "2.0.0":
            raise Refusal(400, "X-Restli-Protocol-Version 2.0.0 is required")
        if self.body and self.headers.get("Content-Type") != "application/json":
            raise Refusal(415, "Unsupported media type")
        for method, pattern, view in _ROUTES:
            match = re.fullmatch(pattern, path)
            if match and method == self.command:
                return view(self, *match.groups())
        raise Refusal(404, f"No virtual resource found for {path}", "RESOURCE_NOT_FOUND")

    def _signed(self) -> None:
        signed = self.headers.get("Authorization", "")
        if not signed:
            raise Refusal(401, "Empty oauth2_access_token", serviceErrorCode=401)
        if signed != f"Bearer {self.server.access}":
            raise Refusal(
                401,
                "The token used in the request has expired",
                "EXPIRED_ACCESS_TOKEN",
                serviceErrorCode=65602,
            )

    def _needs(self, right: str, what: str) -> None:
        if right not in self.server.rights:
            raise Refusal(
                403, f"Not enough permissions to access: {what}", "ACCESS_DENIED", serviceErrorCode=100
            )

    # --- Signing in -------------------------------------------------------------------------------
    def _sign_in(self, path: str) -> tuple[int, Any]:
        form = {name: values[-1] for name, values in parse_qs(self.body.decode()).items()}
        if self.headers.get("Content-Type") != "application/x-www-form-urlencoded":
            return 400, {"error": "invalid_request", "error_description": "A form is required"}
        if form.get("grant_type") == "authorization_code":
            return self._first(form)
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT, CLIENT_SECRET):
            return 401, {"error": "invalid_client", "error_description": "Client authentication failed"}
        if path == "/oauth/v2/introspectToken":
            if form.get("token") != self.server.access:
                return 200, {"active": False, "status": "expired"}
            ends = int(self.server.expires_at.timestamp())
            return 200, {"active": True, "client_id": CLIENT, "expires_at": ends, "status": "active"}
        if form.get("grant_type") != "refresh_token" or form.get("refresh_token") != self.server.refresh:
            return 400, {"error": "invalid_request", "error_description": "The refresh token is invalid"}
        self.server.access += "n"
        return 200, {
            "access_token": self.server.access,
            "expires_in": 5_184_000,
            "refresh_token": self.server.refresh,
            "refresh_token_expires_in": 31_536_000,
        }

    def _first(self, form: dict[str, str]) -> tuple[int, Any]:
        given = self.server.authority.trade(self.headers, form)
        if not isinstance(given, str):
            return given
        self.server.access = f"access-{len(self.server.authority.spent)}"
        told: dict[str, Any] = {"access_token": self.server.access, "expires_in": 5_184_000}
        if self.server.gives_refresh:
            told |= {"refresh_token": self.server.refresh, "refresh_token_expires_in": 31_536_000}
        return 200, {**told, "scope": given.replace(" ", ",")}

    # --- Who --------------------------------------------------------------------------------------
    def _organization(self, number: str) -> tuple[int, Any]:
        self._needs("rw_organization_admin", "organizations.GET")
        if number != ORGANIZATION:
            raise Refusal(404, "Could not find organization")
        return 200, {"id": int(number), "localizedName": "Maison Lumière", "vanityName": "maison-lumiere"}

    def _acls(self) -> tuple[int, Any]:
        self._needs("rw_organization_admin", "organizationAcls.FINDER-roleAssignee")
        if self.query.get("q") != "roleAssignee":
            raise Refusal(400, "Finder not found")
        other = {"roleAssignee": MEMBER, "role": "ADMINISTRATOR", "organization": "urn:li:organization:1"}
        ours = {"roleAssignee": MEMBER, "role": self.server.role, "organization": AUTHOR}
        rows = [{**row, "state": "APPROVED"} for row in (other, ours)]
        start, count = int(self.query.get("start", "0")), int(self.query.get("count", "10"))
        return 200, {"paging": {"start": start, "count": count}, "elements": rows[start : start + count]}

    # --- Files ------------------------------------------------------------------------------------
    def _initialize(self) -> tuple[int, Any]:
        self._needs("w_organization_social", "images.ACTION-initializeUpload")
        if self.query.get("action") != "initializeUpload":
            raise Refusal(400, "Unknown action")
        if json.loads(self.body) != {"initializeUploadRequest": {"owner": AUTHOR}}:
            raise refused("INVALID_URN_ID", "The owner is not this organization", 403)
        number = self.server.new_id()
        urn = f"urn:li:image:C4E{number}"
        self.server.images[urn] = None
        url = f"{self.server.public_url}/dms-uploads/feedshare?image={number}"
        return 200, {"value": {"uploadUrlExpiresAt": 1_900_000_000_000, "uploadUrl": url, "image": urn}}

    def _put(self, path: str) -> tuple[int, Any]:
        urn = f"urn:li:image:C4E{self.query.get('image', '')}"
        if self.command != "PUT" or self.server.images.get(urn, b"") is not None or not self.body:
            raise Refusal(400, "Invalid upload")
        self.server.images[urn] = self.body
        return 201, None

    # --- Posts ------------------------------------------------------------------------------------
    def _create(self) -> tuple[int, Any]:
        self._needs("w_organization_social", "posts.CREATE")
        form = json.loads(self.body)
        needed = {"author", "commentary", "visibility", "distribution", "lifecycleState"}
        known = needed | {"content", "isReshareDisabledByAuthor", "reshareContext"}
        if not needed <= set(form) <= known:
            raise refused("MISSING_FIELD", f"fields: {sorted(form)}", 422)
        if form["author"] != AUTHOR:
            raise Refusal(403, "Organization permissions must be used when using organization as author")
        if form["visibility"] != "PUBLIC" or form["lifecycleState"] != "PUBLISHED":
            raise refused("INVALID_VALUE_FOR_FIELD", "visibility or lifecycleState", 422)
        if form["distribution"].get("feedDistribution") != "MAIN_FEED":
            raise refused("INVALID_VALUE_FOR_FIELD", "distribution", 422)
        commentary = self._commentary(form["commentary"])
        content = self._content(form.get("content"))
        if not commentary and not content:
            raise refused("MISSING_FIELD", "A post has words or content", 422)
        for urn, post in self.server.posts.items():
            if (post["sent"], post.get("content", {})) == (form["commentary"], content):
                message = f"BadRequestResponseException: Content is a duplicate of {urn}"
                raise refused("DUPLICATE_POST", message, 422)
        urn = f"urn:li:share:{self.server.new_id()}"
        now = int(datetime.now(UTC).timestamp() * 1000)
        self.server.posts[urn] = {
            "id": urn,
            **form,
            "sent": form["commentary"],
            "commentary": commentary,
            "createdAt": now,
            "publishedAt": now,
            "lastModifiedAt": now,
        }
        self.told["x-restli-id"] = urn
        return 201, None

    def _commentary(self, said: str) -> str:
        if len(plain(said).encode("utf-16-le")) // 2 > 3000:
            raise refused("FIELD_LENGTH_TOO_LONG", "commentary is too long")
        if self.server.links_are_shortened:
            said = _LINK.sub(r"https://lnkd.in/eB91x", said)
        return kept_of(said)

    def _content(self, content: Any) -> dict[str, Any]:
        if content is None:
            return {}
        if set(content) == {"article"}:
            article = content["article"]
            if not article.get("title") or not article.get("source", "").startswith("http"):
                raise refused("MISSING_FIELD", "An article has a source and a title", 422)
            if not set(article) <= {"source", "title", "description", "thumbnail"}:
                raise refused("INVALID_VALUE_FOR_FIELD", "article", 422)
            return dict(content)
        images = [content["media"]] if set(content) == {"media"} else content["multiImage"]["images"]
        if set(content) == {"multiImage"} and not 2 <= len(images) <= 20:
            raise refused("INVALID_VALUE_FOR_FIELD", "multiImage has 2 to 20 images", 422)
        for one in images:
            if set(one) - {"id", "altText", "title"} or len(one.get("altText", "")) > 4086:
                raise refused("INVALID_VALUE_FOR_FIELD", "image", 422)
            if self.server.images.get(one["id"]) is None:
                raise refused("MEDIA_ASSET_WAITING_UPLOAD", "Media asset is waiting upload")
        return dict(content)

    def _find(self) -> tuple[int, Any]:
        self._needs("r_organization_social", "posts.FINDER-author")
        if self.query.get("q") != "author" or self.query.get("author") != AUTHOR:
            raise Refusal(400, "Finder not found")
        if ":" in self.raw_query:
            raise Refusal(400, "Invalid query parameters: URNs must be encoded", "ILLEGAL_ARGUMENT")
        known = {"author", "q", "count", "start", "sortBy", "viewContext"}
        count, start = int(self.query.get("count", "10")), int(self.query.get("start", "0"))
        if set(self.query) - known or count > 100 or self.query["sortBy"] not in {"LAST_MODIFIED", "CREATED"}:
            raise Refusal(400, "Invalid query parameters", "QUERY_PARAM_NOT_ALLOWED")
        newest = sorted(
            self.server.posts.values(), key=lambda post: (post["lastModifiedAt"] or 0, post["id"])
        )
        page = [self._shown(post) for post in reversed(newest)][start : start + count]
        return 200, {"paging": {"start": start, "count": count, "links": []}, "elements": page}

    @staticmethod
    def _shown(post: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in post.items() if name != "sent"}

    def _get(self, urn: str) -> tuple[int, Any]:
        self._needs("r_organization_social", "posts.GET")
        return 200, self._shown(self._there(urn))

    def _there(self, urn: str) -> dict[str, Any]:
        if ":" in urn or unquote(urn) not in self.server.posts:
            raise Refusal(404, "Could not find entity")
        return self.server.posts[unquote(urn)]

    def _update(self, urn: str) -> tuple[int, Any]:
        self._needs("w_organization_social", "posts.PARTIAL_UPDATE")
        if self.headers.get("X-RestLi-Method") != "PARTIAL_UPDATE":
            raise Refusal(400, "POST operation not supported", "METHOD_NOT_ALLOWED")
        post, changes = self._there(urn), json.loads(self.body)["patch"]["$set"]
        if set(changes) - {"commentary", "contentCallToActionLabel", "lifecycleState"}:
            raise refused("UPDATE_NOT_ALLOWED", "These fields cannot be updated")
        post["commentary"] = self._commentary(changes["commentary"])
        post["lastModifiedAt"] = int(datetime.now(UTC).timestamp() * 1000)
        return 204, None

    def _delete(self, urn: str) -> tuple[int, Any]:
        self._needs("w_organization_social", "posts.DELETE")
        if ":" in urn:
            raise Refusal(400, "URNs must be encoded", "ILLEGAL_ARGUMENT")
        self.server.posts.pop(unquote(urn), None)
        return 204, None


_ROUTES = (
    ("GET", r"/rest/organizations/(\d+)", _Handler._organization),
    ("GET", r"/rest/organizationAcls", _Handler._acls),
    ("POST", r"/rest/images", _Handler._initialize),
    ("POST", r"/rest/posts", _Handler._create),
    ("GET", r"/rest/posts", _Handler._find),
    ("GET", r"/rest/posts/([^/]+)", _Handler._get),
    ("POST", r"/rest/posts/([^/]+)", _Handler._update),
    ("DELETE", r"/rest/posts/([^/]+)", _Handler._delete),
)
