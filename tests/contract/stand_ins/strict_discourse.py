"""A small, strict Discourse: topics, replies, uploads and the moderators' queue, refusing what it refuses.

Written from docs.discourse.org (the OpenAPI description: createTopicPostPM, updatePost, deletePost, getTopic,
getSpecificPostsFromTopic, removeTopic, getTopicByExternalId, createUpload) and from Discourse's sources
(app/controllers/posts_controller.rb, topics_controller.rb, uploads_controller.rb, lib/new_post_manager.rb,
lib/text_cleaner.rb, lib/validators/stripped_length_validator.rb, app/serializers/pending_post_serializer.rb):
the external id is looked up through a 301 to the topic; it must be letters, digits, - and _, at most 50;
what is queued loses it; a first post is deleted with its topic; every kind of space becomes a plain one; a
key that is not taken gets 403 with `invalid_access`.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.contract.stand_ins.serving import StandIn

USERNAME = "maison"
KEY = "0123456789abcdef" * 4
_SPACES = re.compile("[\u00a0\u1680\u180e\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]")
_UNKNOWN = "You are not permitted to view the requested resource."
_CREATE = {"title", "raw", "category", "tags", "external_id", "topic_id", "reply_to_post_number"}


class StrictDiscourse(StandIn):
    """`queue`: what is posted waits for moderators. `tag_ids`: tags have numbers, as since 2026."""

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.queue = False
        self.tag_ids = True
        self.readable_queue = True
        self.moved_to = ""
        self.posts: dict[int, dict[str, Any]] = {}
        self.topics: dict[int, dict[str, Any]] = {}
        self.pending: list[dict[str, Any]] = []
        self.uploads: dict[str, bytes] = {}
        self.tags = {31: "aurore", 32: "lampe"}
        self.categories = [
            {"id": 4, "name": "Nouveautés", "slug": "nouveautes", "permission": 1},
            {"id": 5, "name": "Général", "slug": "general", "permission": 1},
        ]
        self.settings: dict[str, Any] = {
            "min_topic_title_length": 15,
            "max_topic_title_length": 255,
            "min_first_post_length": 20,
            "min_post_length": 20,
            "max_post_length": 32000,
            "max_tags_per_topic": 5,
            "allow_uncategorized_topics": True,
            "authorized_extensions": "jpg|jpeg|png|gif|webp",
            "max_image_size_kb": 4096,
            "max_image_megapixels": 40,
        }
        self._last = 100

    def new_id(self) -> int:
        self._last += 1
        return self._last

    def add_topic(self, form: dict[str, Any], username: str = USERNAME) -> dict[str, Any]:
        topic_id = self.new_id()
        self.topics[topic_id] = {
            "id": topic_id,
            "title": _SPACES.sub(" ", form["title"]).strip(),
            "slug": re.sub(r"[^a-z0-9]+", "-", form["title"].lower()).strip("-") or "topic",
            "external_id": form.get("external_id"),
            "category_id": form.get("category", 1),
            "tags": form.get("tags", []),
            "created_at": _now(),
            "deleted": False,
        }
        return self.add_post(topic_id, form["raw"], None, username)

    def add_post(
        self, topic_id: int, raw: str, answers: int | None, username: str = USERNAME
    ) -> dict[str, Any]:
        number = sum(post["topic_id"] == topic_id for post in self.posts.values()) + 1
        post = {
            "id": self.new_id(),
            "topic_id": topic_id,
            "topic_slug": self.topics[topic_id]["slug"],
            "post_number": number,
            "reply_to_post_number": answers,
            "username": username,
            "raw": _SPACES.sub(" ", raw).rstrip(),
            "created_at": _now(),
            "deleted_at": None,
            "user_deleted": False,
        }
        self.posts[post["id"]] = post
        return post

    def let_through(self) -> None:
        """The moderators approve all that waits; the external id is not among what they kept."""
        for one in self.pending:
            if one["topic_id"]:
                self.add_post(one["topic_id"], one["raw_text"], one["answers"])
            else:
                self.add_topic({"title": one["title"], "raw": one["raw_text"]})
        self.pending = []


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Refusal(Exception):
    def __init__(self, status: int, *errors: str, kind: str = "") -> None:
        self.status = status
        self.said: dict[str, Any] = {"action": "create_post", "errors": list(errors)}
        if kind:
            self.said = {"errors": list(errors), "error_type": kind}


class Redirect(Exception):
    pass


class _Handler(BaseHTTPRequestHandler):
    server: StrictDiscourse

    def log_message(self, *args) -> None:
        """Quiet."""

    def _any(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.server.moved_to:
            self._send(301, None, {"Location": self.server.moved_to + self.path})
            return
        try:
            self._send(*self._answer(), {})
        except Refusal as refusal:
            self._send(refusal.status, refusal.said, {})
        except Redirect as redirect:
            self._send(301, None, {"Location": str(redirect)})

    do_GET = do_POST = do_PUT = do_DELETE = _any  # noqa: N815 - the standard library's names

    def _send(self, status: int, said: object, headers: dict[str, str]) -> None:
        content = b"" if said is None else json.dumps(said).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json; charset=utf-8", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _answer(self) -> tuple[int, object]:
        if self.headers.get("Api-Key") != KEY or self.headers.get("Api-Username", "").lower() != USERNAME:
            raise Refusal(403, f"{_UNKNOWN} The API username or key is invalid.", kind="invalid_access")
        parts = urlsplit(self.path)
        self.query = parse_qs(parts.query)
        for method, pattern, view in _ROUTES:
            match = re.fullmatch(pattern, parts.path)
            if match and method == self.command:
                return view(self, *match.groups())
        raise Refusal(404, "The requested URL or resource could not be found.", kind="not_found")

    def _gone(self) -> Refusal:
        return Refusal(404, "The requested URL or resource could not be found.", kind="not_found")

    # --- Who and what -----------------------------------------------------------------------------
    def _me(self):
        return 200, {"current_user": {"id": 9, "username": USERNAME, "name": "Maison", "trust_level": 2}}

    def _settings(self):
        return 200, self.server.settings

    def _site(self):
        return 200, {"categories": self.server.categories, "groups": [], "archetypes": []}

    def _tags(self):
        wanted = self.query["q"][0].lower()
        found = [(number, name) for number, name in self.server.tags.items() if wanted in name]
        return 200, {
            "results": [
                {"id": number if self.server.tag_ids else name, "name": name, "text": name, "count": 1}
                for number, name in found
            ]
        }

    # --- Making -----------------------------------------------------------------------------------
    def _upload(self):
        kind = self.headers.get("Content-Type", "")
        if not kind.startswith("multipart/form-data"):
            raise Refusal(400, "You supplied invalid parameters to the request", kind="invalid_parameters")
        parts: Any = BytesParser().parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + self.body)
        fields = {part.get_param("name", header="content-disposition"): part for part in parts.get_payload()}
        if not {"type", "upload_type"} & set(fields) or "file" not in fields:
            raise Refusal(400, "You supplied invalid parameters to the request", kind="invalid_parameters")
        ending = fields["file"].get_filename().rsplit(".", 1)[-1]
        if ending not in self.server.settings["authorized_extensions"].split("|"):
            return 422, {
                "errors": [f"Sorry, the file is not authorized (authorized extensions: …, not {ending})."]
            }
        content = fields["file"].get_payload(decode=True)
        short = f"upload://{abs(hash(content)) % 10**20:020d}.{ending}"
        self.server.uploads[short] = content
        return 200, {
            "id": 1,
            "url": "/uploads/default/original/1X/a.png",
            "short_url": short,
            "extension": ending,
        }

    def _create(self):
        form = json.loads(self.body)
        if not self.headers.get("Content-Type", "").startswith("application/json") or set(form) - _CREATE:
            raise Refusal(400, "You supplied invalid parameters to the request", kind="invalid_parameters")
        topic_id = form.get("topic_id")
        raw = _SPACES.sub(" ", form.get("raw", "")).rstrip()
        self._lengths(
            "Body", raw, "min_post_length" if topic_id else "min_first_post_length", "max_post_length"
        )
        self._files(raw)
        if topic_id is None:
            self._check_topic(form)
        elif topic_id not in self.server.topics or self.server.topics[topic_id]["deleted"]:
            raise Refusal(422, "The topic you are trying to reply to could not be found.")
        if self.server.queue:
            self.server.pending.append(
                {
                    "id": self.server.new_id(),
                    "raw_text": form["raw"],
                    "title": form.get("title"),
                    "topic_id": topic_id,
                    "answers": form.get("reply_to_post_number"),
                }
            )
            return 200, {"action": "enqueued", "success": True, "pending_count": len(self.server.pending)}
        if topic_id is None:
            return 200, self.server.add_topic(form)
        return 200, self.server.add_post(topic_id, raw, form.get("reply_to_post_number"))

    def _check_topic(self, form: dict[str, Any]) -> None:
        title = form.get("title", "")
        self._lengths("Title", title, "min_topic_title_length", "max_topic_title_length")
        external_id = form.get("external_id", "")
        if external_id and not re.fullmatch(r"[\w-]{1,50}", external_id, re.ASCII):
            raise Refusal(422, "External is invalid")
        if any(one["external_id"] == external_id for one in self.server.topics.values() if external_id):
            raise Refusal(422, "External has already been taken")
        if "category" not in form and not self.server.settings["allow_uncategorized_topics"]:
            raise Refusal(422, "Category can't be blank")
        if "category" in form and form["category"] not in [one["id"] for one in self.server.categories]:
            raise Refusal(422, "Category is not valid")
        for tag in form.get("tags", []):
            known = tag in ({"id": number, "name": name} for number, name in self.server.tags.items())
            if not (known if self.server.tag_ids else tag in self.server.tags.values()):
                raise Refusal(422, f"The tag {tag} cannot be used")

    def _lengths(self, what: str, text: str, least: str, most: str) -> None:
        if not text.strip():
            raise Refusal(422, f"{what} can't be blank")
        if len(text) > self.server.settings[most]:
            raise Refusal(
                422, f"{what} is limited to {self.server.settings[most]} characters; you entered {len(text)}."
            )
        counted = re.sub(r":\w+(:\w+)?:", "X", re.sub(r"<!--(.*?)-->", "", text)).strip()
        if len(counted) < self.server.settings[least]:
            raise Refusal(422, f"{what} is too short (minimum is {self.server.settings[least]} characters)")

    def _files(self, raw: str) -> None:
        if set(re.findall(r"upload://[^)\s]+", raw)) - set(self.server.uploads):
            raise Refusal(422, "An upload is unknown")

    # --- Reading ----------------------------------------------------------------------------------
    def _external(self, external_id: str):
        for topic in self.server.topics.values():
            if topic["external_id"] == external_id and not topic["deleted"]:
                raise Redirect(f"{self.server.base_url}/t/{topic['slug']}/{topic['id']}.json")
        raise self._gone()

    def _topic(self, number: str):
        topic = self._live_topic(number)
        posts = self._of(topic["id"])
        return 200, {
            **{name: topic[name] for name in ("id", "title", "slug", "external_id", "tags", "category_id")},
            "post_stream": {"posts": self._shown(posts[:20]), "stream": [post["id"] for post in posts]},
        }

    def _live_topic(self, number: str) -> dict[str, Any]:
        topic = self.server.topics.get(int(number))
        if topic is None or topic["deleted"]:
            raise self._gone()
        return topic

    def _of(self, topic_id: int) -> list[dict[str, Any]]:
        return [
            one for one in self.server.posts.values() if one["topic_id"] == topic_id and not one["deleted_at"]
        ]

    def _shown(self, posts: list[dict[str, Any]]) -> list[dict[str, Any]]:
        hidden = () if "include_raw" in self.query else ("raw",)
        return [{name: value for name, value in post.items() if name not in hidden} for post in posts]

    def _some(self, number: str):
        wanted = [int(one) for one in self.query.get("post_ids[]", [])]
        posts = [post for post in self._of(self._live_topic(number)["id"]) if post["id"] in wanted]
        return 200, {"post_stream": {"posts": self._shown(posts)}, "id": int(number)}

    def _by_user(self, username: str):
        mine = {post["topic_id"] for post in self.server.posts.values() if post["username"] == username}
        topics = [one for one in self.server.topics.values() if one["id"] in mine and not one["deleted"]]
        return 200, {"topic_list": {"topics": sorted(topics, key=lambda one: -one["id"])}}

    def _pending(self, username: str):
        if not self.server.readable_queue:
            raise Refusal(403, f"{_UNKNOWN} The API username or key is invalid.", kind="invalid_access")
        return 200, {"pending_posts": self.server.pending}

    def _post(self, number: str) -> dict[str, Any]:
        post = self.server.posts.get(int(number))
        if post is None or post["deleted_at"]:
            raise self._gone()
        return post

    def _show(self, number: str):
        return 200, self._post(number)

    # --- Changing ---------------------------------------------------------------------------------
    def _edit(self, number: str):
        post, form = self._post(number), json.loads(self.body)
        if set(form) - {"post", "title"} or "raw" not in form.get("post", {}):
            raise Refusal(400, "param is missing or the value is empty: post", kind="invalid_parameters")
        self._lengths("Body", form["post"]["raw"], "min_first_post_length", "max_post_length")
        self._files(form["post"]["raw"])
        post["raw"] = _SPACES.sub(" ", form["post"]["raw"]).rstrip()
        if "title" in form and post["post_number"] == 1:
            # title_prettify: the first word gets a capital, the last full stop goes.
            title = form["title"].rstrip(".")
            self.server.topics[post["topic_id"]]["title"] = title[:1].upper() + title[1:]
        return 200, {"post": post}

    def _delete_topic(self, number: str):
        topic = self._live_topic(number)
        topic["deleted"] = True
        for post in self._of(topic["id"]):
            post["deleted_at"] = _now()
        return 200, None

    def _delete_post(self, number: str):
        post = self._post(number)
        if post["post_number"] == 1:
            raise Refusal(403, _UNKNOWN, kind="invalid_access")
        post["deleted_at"] = _now()
        return 200, None


_ROUTES = (
    ("GET", r"/session/current\.json", _Handler._me),
    ("GET", r"/site/settings\.json", _Handler._settings),
    ("GET", r"/site\.json", _Handler._site),
    ("GET", r"/tags/filter/search\.json", _Handler._tags),
    ("POST", r"/uploads\.json", _Handler._upload),
    ("POST", r"/posts\.json", _Handler._create),
    ("GET", r"/t/external_id/([\w-]+)\.json", _Handler._external),
    ("GET", r"/t/(\d+)\.json", _Handler._topic),
    ("DELETE", r"/t/(\d+)\.json", _Handler._delete_topic),
    ("GET", r"/t/(\d+)/posts\.json", _Handler._some),
    ("GET", r"/topics/created-by/(\w+)\.json", _Handler._by_user),
    ("GET", r"/posts/(\w+)/pending\.json", _Handler._pending),
    ("GET", r"/posts/(\d+)\.json", _Handler._show),
    ("PUT", r"/posts/(\d+)\.json", _Handler._edit),
    ("DELETE", r"/posts/(\d+)\.json", _Handler._delete_post),
)
