"""A small, strict Threads: one profile, seen over the Threads API.

Written from developers.facebook.com/documentation/threads: posts (containers, carousels of 2 to 20, `topic_tag`,
`link_attachment` for words alone, 5 links), reference/publishing (forms, `reply_control`), posts/accessibility
(`alt_text`), posts/delete-posts, retrieve-and-manage-replies/create-replies, threads-media and threads-replies (fields;
`media_type`), troubleshooting (`status`, `error_message`, `threads_publishing_limit`), overview (an emoji counts its
bytes in UTF-8; 250 posts a day), debug-access-token. That a container which is not ready yet, and a post that was made
just now, answer 24/4279009 “Media Not Found” is what many public clients meet.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.contract.stand_ins.strict_containers import StrictContainers, fetched
from tests.contract.stand_ins.strict_graph import GraphHandler, Refusal, missing, stamp

USER, NAME, TOKEN = "25463718291827364", "maison.lumiere", "THAAtoken7f2c91"
RIGHTS = {
    "threads_basic",
    "threads_content_publish",
    "threads_delete",
    "threads_manage_replies",
    "threads_read_replies",
}
_FIELDS = {
    "id",
    "text",
    "media_type",
    "timestamp",
    "children",
    "permalink",
    "username",
    "alt_text",
    "shortcode",
}
_MAY_REPLY = {
    "everyone",
    "accounts_you_follow",
    "mentioned_only",
    "parent_post_author_only",
    "followers_only",
}


class StrictThreads(StrictContainers):
    """`unseen_for`: how often a post that was made just now cannot be replied to yet."""

    rights = RIGHTS

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.tokens.give(TOKEN, lives=timedelta(days=60))
        self.per_day = 250
        self.unseen_for = 0
        self.hides_signs = False

    def texts(self) -> list[dict[str, Any]]:
        return [{"text": post.get("text", "")} for post in self.posts.values()]


class _Handler(GraphHandler):
    server: StrictThreads
    versions = {"v1.0"}

    def _me(self) -> Any:
        self.token()
        self.server.tokens.needs("threads_basic")
        return {"id": USER, "username": NAME}

    def _quota(self) -> Any:
        self.token()
        config = {"quota_total": self.server.per_day, "quota_duration": 86_400}
        return {"data": [{"quota_usage": self.server.used_today, "config": config}]}

    # --- Containers -------------------------------------------------------------------------------
    def _make(self) -> Any:
        self.token()
        self.server.tokens.needs("threads_basic", "threads_content_publish")
        form = self.url_form()
        kind, item = form.get("media_type"), form.get("is_carousel_item") == "true"
        known = {"media_type", "text", "reply_to_id", "topic_tag", "reply_control"}
        known |= {
            "IMAGE": {"image_url", "alt_text"},
            "TEXT": {"link_attachment"},
            "CAROUSEL": {"children"},
        }.get(str(kind), set())
        known = {"media_type", "image_url", "alt_text", "is_carousel_item"} if item else known
        if kind not in {"TEXT", "IMAGE", "CAROUSEL"} or set(form) - known:
            raise Refusal(100, "Param media_type must be one of {TEXT, IMAGE, VIDEO, CAROUSEL}")
        self._words(form)
        self._follows(form)
        children: list[str] = []
        if kind == "IMAGE":
            if not 0 < len(form.get("alt_text", "x")) <= 1000:
                raise Refusal(100, "Param alt_text is too long")
            kinds = {"image/jpeg", "image/png"}
            self.server.fetches.append(fetched(form.get("image_url", ""), kinds, (2207005, 2207004)))
        if kind == "CAROUSEL":
            children = form.get("children", "").split(",")
            self._carousel(children)
        shown = {"TEXT": "TEXT_POST", "CAROUSEL": "CAROUSEL_ALBUM"}.get(str(kind), "IMAGE")
        return self.server.keep(form=form, children=children, kind=shown)

    def _words(self, form: dict[str, Any]) -> None:
        text = form.get("text", "")
        if form["media_type"] == "TEXT" and not text:
            raise Refusal(100, "Param text is required for media_type TEXT")
        if counted(text) > 500:
            raise Refusal(100, "Param text must be at most 500 characters long.")
        links = set(re.findall(r"(?:https?://|www\.)[^\s]+", text)) | {form.get("link_attachment", "")} - {""}
        if len(links) > 5:
            raise Refusal(100, "THREADS_API__LINK_LIMIT_EXCEEDED")
        topic = form.get("topic_tag", "x")
        if not 1 <= len(topic) <= 50 or "." in topic or "&" in topic:
            raise Refusal(100, "Param topic_tag is invalid")
        if form.get("reply_control", "everyone") not in _MAY_REPLY:
            raise Refusal(100, "Param reply_control must be one of {everyone, …}")

    def _follows(self, form: dict[str, Any]) -> None:
        if "reply_to_id" not in form:
            return
        self.server.tokens.needs("threads_manage_replies")
        parent = self.server.posts.get(form["reply_to_id"])
        if parent is None or parent["unseen"] > 0:
            if parent is not None:
                parent["unseen"] -= 1
            raise Refusal(
                24, "The requested resource does not exist", 4279009, error_user_title="Media Not Found"
            )

    def _carousel(self, children: list[str]) -> None:
        if not 2 <= len(children) <= 20:
            raise Refusal(100, "A carousel has 2 to 20 children")
        for child in children:
            if self.server.containers.get(child, {}).get("form", {}).get("is_carousel_item") != "true":
                raise Refusal(100, "Param children contains an invalid container")
            if self.server.state_of(child)[0] != "FINISHED":
                raise Refusal(24, "The requested resource does not exist", 4279009)

    def _status(self, number: str) -> Any:
        self.token()
        if number not in self.server.containers:
            return self._media(number)
        state, why = self.server.state_of(number)
        self.server.containers[number]["looks"] -= 1
        return {"status": state, "id": number, **({"error_message": why} if why else {})}

    def _publish(self) -> Any:
        self.token()
        self.server.tokens.needs("threads_basic", "threads_content_publish")
        form = self.url_form()
        container = self.server.containers.get(form.get("creation_id", ""))
        if not container or set(form) != {"creation_id"} or container["form"].get("is_carousel_item"):
            raise Refusal(24, "The requested resource does not exist", 4279009)
        if self.server.state_of(form["creation_id"])[0] != "FINISHED":
            raise Refusal(24, "The requested resource does not exist", 4279009)
        if self.server.used_today >= self.server.per_day:
            raise Refusal(9, "Application request limit reached", 2207042)
        container["state"] = "PUBLISHED"
        self.server.used_today += 1
        return {"id": self._out(container)}

    def _out(self, container: dict[str, Any]) -> str:
        media_id, form = self.server.new_id(), container["form"]
        post: dict[str, Any] = {"id": media_id, "media_type": container["kind"], "username": NAME}
        post |= {"timestamp": stamp(datetime.now(UTC)), "unseen": self.server.unseen_for, "form": form}
        post["permalink"] = f"https://www.threads.com/@{NAME}/post/{media_id[-6:]}"
        if form.get("text"):
            post["text"] = form["text"].replace("#", "") if self.server.hides_signs else form["text"]
        if container["children"]:
            post["children"] = {"data": [{"id": self.server.new_id()} for _ in container["children"]]}
        post["is_reply"] = "reply_to_id" in form
        if post["is_reply"]:
            post["replied_to"] = {"id": form["reply_to_id"]}
        self.server.posts[media_id] = post
        return media_id

    # --- What is out ------------------------------------------------------------------------------
    def _media(self, number: str) -> Any:
        if number not in self.server.posts:
            raise missing(number)
        post = self.server.posts[number]
        return {name: post[name] for name in self.query.get("fields", "id").split(",") if name in post}

    def _threads(self) -> Any:
        self.token()
        self.server.tokens.needs("threads_basic")
        return self.paged(self._newest(replies=False), _FIELDS)

    def _replies(self) -> Any:
        self.token()
        self.server.tokens.needs("threads_basic", "threads_read_replies")
        return self.paged(self._newest(replies=True), _FIELDS | {"is_reply", "replied_to", "root_post"})

    def _newest(self, *, replies: bool) -> list[dict[str, Any]]:
        return [
            post for post in reversed(self.server.posts.values()) if post.get("is_reply", False) is replies
        ]

    def _delete(self, number: str) -> Any:
        self.token()
        self.server.tokens.needs("threads_basic", "threads_delete")
        if self.server.posts.pop(number, None) is None:
            raise missing(number)
        return {"success": True, "deleted_id": number}

    def _refresh(self) -> Any:
        return self.refresh("th", "threads_basic")

    def _exchange(self) -> Any:
        return self.exchange("th")

    unversioned = (("GET", r"/refresh_access_token", _refresh), ("GET", r"/access_token", _exchange))
    routes = (
        ("GET", r"/debug_token", GraphHandler.debug_token),
        ("GET", r"/me", _me),
        ("GET", r"/me/threads_publishing_limit", _quota),
        ("POST", r"/me/threads", _make),
        ("GET", r"/me/threads", _threads),
        ("GET", r"/me/replies", _replies),
        ("POST", r"/me/threads_publish", _publish),
        ("GET", r"/(\d+)", _status),
        ("DELETE", r"/(\d+)", _delete),
    )


def counted(text: str) -> int:
    """Characters, those of emoji by their bytes: whatever lies in the planes of pictures, and what joins them."""
    joins = {"\u200d", "\ufe0f", "\u20e3"}
    return sum(
        len(char.encode()) if ord(char) >= 0x1F000 or char in joins or 0x2600 <= ord(char) <= 0x27BF else 1
        for char in text
    )
