"""A small, strict WordPress: the parts of `wp/v2` that an adapter needs, refusing what the real one refuses.

Written from the REST API handbook (developer.wordpress.org/rest-api: reference/posts, reference/media,
reference/categories, reference/users, using-the-rest-api/authentication) and from WordPress's sources
(wp-includes/rest-api/endpoints/class-wp-rest-posts-controller.php, …-attachments-controller.php,
wp-includes/user.php for application passwords, wp_unique_post_slug and wp_add_trashed_suffix_to_post_name):
an explicit slug that is taken becomes `slug-2`; the trash adds `__trashed` and `status=any` leaves it out;
401 for nobody and 403 for somebody with too few rights; content of an account without `unfiltered_html`
passes kses; `alt_text` passes `sanitize_text_field`; a list holds at most 100 a page.
"""

from __future__ import annotations

import base64
import json
import re
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.contract.stand_ins.serving import StandIn

USERNAME = "ines"
PASSWORD = "abcd EFGH 1234 ijkl MNOP 5678"
_ALLOWED = {"image/jpeg", "image/png", "image/gif", "image/webp"}
_POST_FIELDS = {
    "title", "content", "excerpt", "status", "slug", "categories", "tags", "featured_media",
}  # fmt: skip


class StrictWordPress(StandIn):
    """`pretty`: permalinks are on, so `/wp-json/` answers; `?rest_route=` always does."""

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.pretty = True
        self.front_page_status = 404
        self.trash = True
        self.capabilities = {"edit_posts": True, "publish_posts": True, "upload_files": True}
        self.moved_to = ""
        self.posts: dict[int, dict[str, Any]] = {}
        self.media: dict[int, dict[str, Any]] = {}
        self.categories = {1: ("Non classé", "non-classe"), 7: ("Lampes &amp; lumière", "lampes")}
        self.tags = {21: ("Aurore", "aurore"), 22: ("aurore boréale", "aurore-boreale")}
        self._last = 100

    def new_id(self) -> int:
        self._last += 1
        return self._last

    def unique(self, slug: str, among: dict[int, dict[str, Any]], own: int = 0) -> str:
        taken = {one["slug"] for one in among.values() if one["id"] != own}
        tried, number = slug, 2
        while tried in taken:
            tried, number = f"{slug}-{number}", number + 1
        return tried


class Refusal(Exception):
    def __init__(self, status: int, code: str, said: str = "Sorry.", **data: Any) -> None:
        self.status = status
        self.said = {"code": code, "message": said, "data": {"status": status, **data}}


def kses(content: str) -> str:
    """What an author's HTML becomes: scripts and handlers gone, lone ampersands written out."""
    content = re.sub(r"</?(script|iframe|style)[^>]*>", "", content)
    return re.sub(r"&(?!#?\w+;)", "&amp;", content)


class _Handler(BaseHTTPRequestHandler):
    server: StrictWordPress

    def log_message(self, *args) -> None:
        """Quiet."""

    def _any(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        self.query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        route = self.query.pop("rest_route", None)
        if self.server.moved_to:
            self._page(301, {"Location": self.server.moved_to + self.path})
        elif route is None and not (self.server.pretty and parts.path.startswith("/wp-json")):
            self._page(self.server.front_page_status, {})
        else:
            self._api(route if route is not None else parts.path.removeprefix("/wp-json") or "/")

    do_GET = do_POST = do_PUT = do_DELETE = _any  # noqa: N815 - the standard library's names

    def _page(self, status: int, headers: dict[str, str]) -> None:
        self._send(status, b"<!doctype html><title>Maison</title>", {"Content-Type": "text/html", **headers})

    def _api(self, route: str) -> None:
        try:
            status, said = self._answer(route)
        except Refusal as refusal:
            status, said = refusal.status, refusal.said
        self._send(status, json.dumps(said).encode(), {"Content-Type": "application/json; charset=UTF-8"})

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _answer(self, route: str) -> tuple[int, object]:
        self._sign_in()
        for method, pattern, view in _ROUTES:
            match = re.fullmatch(pattern, route)
            if match and method == self.command:
                return view(self, *map(int, match.groups()))
        raise Refusal(404, "rest_no_route", "No route was found matching the URL and request method.")

    def _sign_in(self) -> None:
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        if not kind:
            self.known = False
            return
        if kind != "Basic":
            raise Refusal(401, "rest_not_logged_in", "You are not currently logged in.")
        name, _, password = base64.b64decode(token, validate=True).decode().partition(":")
        if name != USERNAME:
            raise Refusal(401, "invalid_username", "Unknown username.")
        if re.sub(r"[^A-Za-z0-9]", "", password) != PASSWORD.replace(" ", ""):
            raise Refusal(401, "incorrect_password", "The provided password is invalid.")
        self.known = True

    def _may(self, capability: str, code: str) -> None:
        if not self.known:
            raise Refusal(401, code)
        if not self.server.capabilities.get(capability):
            raise Refusal(403, code, "Sorry, you are not allowed to do that.")

    # --- Who and what -----------------------------------------------------------------------------
    def _index(self):
        return 200, {"name": "Maison", "url": "https://maison.example", "home": "https://maison.example"}

    def _me(self):
        if not self.known:
            raise Refusal(401, "rest_not_logged_in", "You are not currently logged in.")
        me: dict[str, Any] = {
            "id": 5,
            "name": "Inès",
            "slug": "ines",
            "link": "https://maison.example/author/ines",
        }
        if self.query.get("context") == "edit":
            me |= {"username": USERNAME, "capabilities": self.server.capabilities, "roles": ["author"]}
        return 200, me

    def _terms(self, among: dict[int, tuple[str, str]]):
        wanted = self.query.get("search", "").lower()
        found = [
            {"id": number, "name": name, "slug": slug}
            for number, (name, slug) in among.items()
            if wanted in name.lower() or wanted in slug
        ]
        return 200, found[: self._per_page()]

    def _categories(self):
        return self._terms(self.server.categories)

    def _tags(self):
        return self._terms(self.server.tags)

    def _per_page(self) -> int:
        number = int(self.query.get("per_page", 10))
        if not 1 <= number <= 100:
            raise Refusal(400, "rest_invalid_param", "Invalid parameter(s): per_page")
        return number

    # --- Files ------------------------------------------------------------------------------------
    def _upload(self):
        self._may("upload_files", "rest_cannot_create")
        kind = self.headers.get("Content-Type", "")
        if not kind.startswith("multipart/form-data"):
            raise Refusal(400, "rest_upload_no_content_disposition", "No Content-Disposition supplied.")
        parts: Any = BytesParser().parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + self.body)
        fields = {part.get_param("name", header="content-disposition"): part for part in parts.get_payload()}
        if "file" not in fields or not fields["file"].get_filename():
            raise Refusal(400, "rest_upload_no_data", "No data supplied.")
        if fields["file"].get_content_type() not in _ALLOWED:
            raise Refusal(
                500, "rest_upload_sideload_error", "Sorry, you are not allowed to upload this file type."
            )
        said = {
            name: part.get_payload(decode=True).decode() for name, part in fields.items() if name != "file"
        }
        number, slug = self.server.new_id(), said.get("slug") or "file"
        alt = re.sub(
            r"%[a-f0-9]{2}", "", re.sub(r"<[^>]*>", "", said.get("alt_text", "")), flags=re.IGNORECASE
        )
        alt = " ".join(alt.split())
        self.server.media[number] = {
            "id": number,
            "slug": self.server.unique(slug, self.server.media),
            "alt_text": alt,
            "mime_type": fields["file"].get_content_type(),
            "source_url": f"https://maison.example/wp-content/uploads/{fields['file'].get_filename()}",
        }
        return 201, self.server.media[number]

    def _list_media(self):
        wanted = self.query.get("slug", "").split(",")
        return 200, [one for one in self.server.media.values() if one["slug"] in wanted][: self._per_page()]

    # --- Posts ------------------------------------------------------------------------------------
    def _list(self):
        statuses = self.query.get("status", "publish").split(",")
        if statuses != ["publish"] or self.query.get("context") == "edit":
            self._may("edit_posts", "rest_forbidden_context")
        wanted = set(self.query.get("slug", "").split(",")) - {""}
        found = [
            post
            for post in self.server.posts.values()
            if (not wanted or post["slug"] in wanted)
            and (post["status"] in statuses or ("any" in statuses and post["status"] != "trash"))
        ]
        return 200, found[: self._per_page()]

    def _create(self):
        self._may("edit_posts", "rest_cannot_create")
        form = self._form()
        if form.get("status") == "publish" and not self.server.capabilities.get("publish_posts"):
            raise Refusal(403, "rest_cannot_publish", "Sorry, you are not allowed to publish posts.")
        if not any(form.get(name) for name in ("title", "content", "excerpt")):
            raise Refusal(400, "empty_content", "Content, title, and excerpt are empty.")
        number = self.server.new_id()
        slug = re.sub(r"[^a-z0-9_-]+", "-", form.get("slug", "").lower()).strip("-") or str(number)
        post = {
            "id": number,
            "type": "post",
            "slug": self.server.unique(slug, self.server.posts),
            "status": form.get("status", "draft"),
            "categories": [1],
            "tags": [],
            "featured_media": 0,
        }
        self.server.posts[number] = post
        return 201, self._write(post, form)

    def _edit(self, number: int):
        post = self._post(number)
        self._may("edit_posts", "rest_cannot_edit")
        return 200, self._write(post, self._form())

    def _form(self) -> dict[str, Any]:
        if not self.headers.get("Content-Type", "").startswith("application/json"):
            raise Refusal(400, "rest_invalid_json", "Invalid JSON body passed.")
        form = json.loads(self.body)
        wrong = dict.fromkeys(set(form) - _POST_FIELDS, "Not a parameter of ours.")
        for name, known in (("categories", self.server.categories), ("tags", self.server.tags)):
            if any(type(one) is not int or one not in known for one in form.get(name, ())):
                wrong[name] = f"{name} is not of type integer[]"
        if form.get("status", "publish") not in {"publish", "draft", "pending", "private"}:
            wrong["status"] = "status is not one of publish, future, draft, pending, private."
        if form.get("featured_media") and form["featured_media"] not in self.server.media:
            wrong["featured_media"] = "Invalid featured media ID."
        if wrong:
            raise Refusal(
                400, "rest_invalid_param", f"Invalid parameter(s): {', '.join(wrong)}", params=wrong
            )
        return form

    def _write(self, post: dict[str, Any], form: dict[str, Any]) -> dict[str, Any]:
        for name in ("title", "content", "excerpt"):
            if name in form:
                post[name] = {"raw": kses(form[name]), "rendered": kses(form[name])}
        for name in ("status", "categories", "tags", "featured_media"):
            if name in form:
                post[name] = form[name]
        draft = post["status"] == "draft"
        post["link"] = f"https://maison.example/{'?p=' + str(post['id']) if draft else post['slug'] + '/'}"
        return post

    def _post(self, number: int) -> dict[str, Any]:
        if number not in self.server.posts:
            raise Refusal(404, "rest_post_invalid_id", "Invalid post ID.")
        return self.server.posts[number]

    def _show(self, number: int):
        post = self._post(number)
        if self.query.get("context") == "edit":
            self._may("edit_posts", "rest_forbidden_context")
        return 200, post

    def _delete(self, number: int):
        post = self._post(number)
        self._may("edit_posts", "rest_cannot_delete")
        if self.query.get("force") == "true":
            del self.server.posts[number]
            return 200, {"deleted": True, "previous": post}
        if not self.server.trash:
            raise Refusal(
                501, "rest_trash_not_supported", "The post does not support trashing. Set 'force=true'."
            )
        if post["status"] == "trash":
            raise Refusal(410, "rest_already_trashed", "The post has already been deleted.")
        post |= {"status": "trash", "slug": post["slug"] + "__trashed"}
        return 200, post


_ROUTES = (
    ("GET", r"/", _Handler._index),
    ("GET", r"/wp/v2/users/me", _Handler._me),
    ("GET", r"/wp/v2/categories", _Handler._categories),
    ("GET", r"/wp/v2/tags", _Handler._tags),
    ("GET", r"/wp/v2/media", _Handler._list_media),
    ("POST", r"/wp/v2/media", _Handler._upload),
    ("GET", r"/wp/v2/posts", _Handler._list),
    ("POST", r"/wp/v2/posts", _Handler._create),
    ("GET", r"/wp/v2/posts/(\d+)", _Handler._show),
    ("POST", r"/wp/v2/posts/(\d+)", _Handler._edit),
    ("DELETE", r"/wp/v2/posts/(\d+)", _Handler._delete),
)
