"""A small, strict Instagram: one professional account, seen over the Graph API.

Written from developers.facebook.com/documentation/instagram-platform: content-publishing (both hosts, JSON and a
bearer token, containers, carousels of 2 to 10, `alt_text`), instagram-graph-api/reference/ig-container,
ig-user/media (caption 2200, 30 hashtags, 20 names; JPEG, 8 MB, 4:5 to 1.91:1), ig-user/media_publish,
ig-user/content_publishing_limit, ig-media (fields; deletion for sign-ins with Facebook alone), reference/me,
refresh_access_token, and the list of error codes: 36003/2207009, 9004/2207052, 9007/2207027, 24/2207008, 9/2207042.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.contract.stand_ins.strict_containers import StrictContainers, fetched, size_of_jpeg
from tests.contract.stand_ins.strict_graph import GraphHandler, Refusal, missing, stamp

ACCOUNT, NAME = "17841405822304914", "maison.lumiere"
TOKEN, FACEBOOK_TOKEN = "IGAAtoken7f2c91", "EAAtoken7f2c91"
RIGHTS = {
    "instagram_business_basic",
    "instagram_business_content_publish",
    "instagram_basic",
    "instagram_content_publish",
    "instagram_manage_contents",
    "pages_read_engagement",
}
_FIELDS = {"id", "caption", "media_type", "timestamp", "children", "permalink", "alt_text", "username"}


class StrictInstagram(StrictContainers):
    """`strict_files`: whether a file must be a JPEG by its bytes, and not merely be sent as one."""

    rights = RIGHTS

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.tokens.give(TOKEN, lives=timedelta(days=60))
        self.tokens.give(FACEBOOK_TOKEN, lives=timedelta(days=60))
        self.strict_files = True
        self.hides_signs = False

    def texts(self) -> list[dict[str, Any]]:
        return [{"text": post.get("caption", "")} for post in self.posts.values()]


class _Handler(GraphHandler):
    server: StrictInstagram

    def _account(self, step: str) -> bool:
        """Whether the token is of a sign-in with Facebook. Raises for an account that is not its own."""
        by_facebook = self.token().startswith("EAA")
        if step != ACCOUNT and (by_facebook or step != "me"):
            raise missing(step)
        return by_facebook

    def _needs(self, step: str, name: str) -> None:
        by_facebook = self._account(step)
        self.server.tokens.needs(f"instagram_{name}" if by_facebook else f"instagram_business_{name}")

    def _read_account(self, step: str) -> Any:
        self._needs(step, "basic")
        known = {"id": "998877", "user_id": ACCOUNT, "username": NAME}
        if self._account(step):
            known = {"id": ACCOUNT, "username": NAME}
        asked = self.query.get("fields", "id").split(",")
        if set(asked) - set(known):
            raise Refusal(100, "(#100) Tried accessing nonexisting field (user_id) on node type (IGUser)")
        return {name: known[name] for name in asked}

    def _quota(self, step: str) -> Any:
        self._needs(step, "basic")
        config = {"quota_total": self.server.per_day, "quota_duration": 86_400}
        return {"data": [{"config": config, "quota_usage": self.server.used_today}]}

    # --- Containers -------------------------------------------------------------------------------
    def _make(self, step: str) -> Any:
        self._needs(step, "content_publish")
        form = self.json_form()
        if form.get("media_type") == "CAROUSEL":
            return self._make_carousel(form)
        known = {"image_url", "alt_text", "caption", "is_carousel_item"}
        if set(form) - known or ("caption" in form and "is_carousel_item" in form):
            raise Refusal(100, "(#100) Invalid parameter")
        self._caption(form)
        if not 0 < len(form.get("alt_text", "x")) <= 1000:
            raise Refusal(100, "(#100) alt_text is too long")
        content = fetched(form.get("image_url", ""), {"image/jpeg"}, (2207005, 2207004))
        self._shape(content)
        self.server.fetches.append(content)
        return self.server.keep(form=form, children=[], kind="IMAGE")

    def _shape(self, content: bytes) -> None:
        size = size_of_jpeg(content)
        if size is None and self.server.strict_files:
            raise Refusal(36001, "The image format is not supported. Supported formats are: JPEG.", 2207005)
        if size is not None and not 0.8 <= size[0] / size[1] <= 1.91:
            said = f"The submitted image with aspect ratio ({size[0] / size[1]:.2f}) cannot be published."
            raise Refusal(36003, "The aspect ratio is not supported.", 2207009, user_msg=said)

    def _make_carousel(self, form: dict[str, Any]) -> Any:
        if set(form) - {"media_type", "children", "caption"} or not isinstance(form.get("children"), str):
            raise Refusal(100, "(#100) Invalid parameter")
        children = form["children"].split(",")
        if not 2 <= len(children) <= 10:
            raise Refusal(100, "Your post won't work as a carousel.", 2207028)
        self._caption(form)
        for child in children:
            if not self.server.containers.get(child, {}).get("form", {}).get("is_carousel_item"):
                raise Refusal(24, f"The media with {child} cannot be found", 2207006)
            if self.server.state_of(child)[0] != "FINISHED":
                raise Refusal(
                    9007, "The media is not ready for publishing, please wait for a moment", 2207027
                )
        return self.server.keep(form=form, children=children, kind="CAROUSEL_ALBUM")

    def _caption(self, form: dict[str, Any]) -> None:
        caption = form.get("caption", "")
        tags, names = len(re.findall(r"#\w", caption)), len(re.findall(r"(?<!\w)@\w", caption))
        if len(caption.encode("utf-16-le")) // 2 > 2200 or tags > 30 or names > 20:
            raise Refusal(36004, "The caption is too long", 2207010)

    def _status(self, number: str) -> Any:
        self.token()
        if number not in self.server.containers:
            return self._media(number)
        state, status = self.server.state_of(number)
        self.server.containers[number]["looks"] -= 1
        asked = self.query.get("fields", "").split(",")
        said = {"status_code": state, "status": status or f"{state.title()}: …", "id": number}
        return {name: said[name] for name in ("id", *asked)}

    def _publish(self, step: str) -> Any:
        self._needs(step, "content_publish")
        form = self.json_form()
        number = str(form.get("creation_id"))
        if number not in self.server.containers or self.server.containers[number]["state"]:
            said = f"The media builder with creation id = {number} does not exist or has been expired."
            raise Refusal(24, "The requested resource does not exist", 2207008, user_msg=said)
        if self.server.state_of(number)[0] != "FINISHED":
            raise Refusal(9007, "The media is not ready for publishing, please wait for a moment", 2207027)
        if self.server.used_today >= self.server.per_day:
            raise Refusal(9, "Application request limit reached", 2207042, status=403)
        container = self.server.containers[number]
        container["state"] = "PUBLISHED"
        self.server.used_today += 1
        return {"id": self._out(container)}

    def _out(self, container: dict[str, Any]) -> str:
        media_id = self.server.new_id()
        post = {"id": media_id, "media_type": container["kind"], "username": NAME}
        post |= {"timestamp": stamp(datetime.now(UTC))}
        post |= {"permalink": f"https://www.instagram.com/p/{media_id[-6:]}/", "container": container}
        if container["form"].get("caption"):
            shown = container["form"]["caption"]
            post["caption"] = shown.replace("@", "") if self.server.hides_signs else shown
        if container["children"]:
            post["children"] = {"data": [{"id": self.server.new_id()} for _ in container["children"]]}
        self.server.posts[media_id] = post
        return media_id

    # --- What is out ------------------------------------------------------------------------------
    def _media(self, number: str) -> Any:
        if number not in self.server.posts:
            raise missing(number)
        post = self.server.posts[number]
        return {name: post[name] for name in self.query.get("fields", "id").split(",") if name in post}

    def _list(self, step: str) -> Any:
        self._needs(step, "basic")
        return self.paged(list(reversed(self.server.posts.values())), _FIELDS)

    def _delete(self, number: str) -> Any:
        if not self.token().startswith("EAA"):
            raise Refusal(100, "Unsupported delete request.", 33)
        self.server.tokens.needs("instagram_manage_contents")
        if self.server.posts.pop(number, None) is None:
            raise missing(number)
        return {"success": True, "deleted_id": number}

    def _refresh(self) -> Any:
        return self.refresh("ig", "instagram_business_basic")

    def _exchange(self) -> Any:
        return self.exchange("ig")

    def _trade(self) -> Any:
        self.query |= {"access_token": self.query.get("fb_exchange_token", "")}
        return self.exchange("fb")

    unversioned = (("GET", r"/refresh_access_token", _refresh), ("GET", r"/access_token", _exchange))
    routes = (
        ("GET", r"/oauth/access_token", _trade),
        ("GET", r"/debug_token", GraphHandler.debug_token),
        ("GET", r"/(\d+|me)/content_publishing_limit", _quota),
        ("POST", r"/(\d+|me)/media", _make),
        ("GET", r"/(\d+|me)/media", _list),
        ("POST", r"/(\d+|me)/media_publish", _publish),
        ("GET", rf"/({ACCOUNT}|me)", _read_account),
        ("GET", r"/(\d+)", _status),
        ("DELETE", r"/(\d+)", _delete),
    )
