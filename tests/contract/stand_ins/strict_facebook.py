"""A small, strict Facebook: one Page, seen over the Graph API.

Written from developers.facebook.com: documentation/pages-api/posts (JSON, `message`, `link`; the tasks and rights),
docs/graph-api/reference/page/photos (`source`, `published`, `alt_text_custom`, less than 10 MB), page/feed
(`attached_media`), pagepost (edits by the app that made the post, deletion), post/attachments; the errors 506 (the same
words twice in a row) and 100/33 of guides/error-handling. That `attached_media` is taken as a JSON array, and what
answers look like, was recorded against a real Page in a public repository's fb-probe (Graph v25.0, 2026-09-05).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.contract.stand_ins.strict_graph import (
    CLIENT,
    CLIENT_SECRET,
    GraphHandler,
    Refusal,
    StrictGraph,
    missing,
    stamp,
)

PAGE, PERSON = "723701000827665", "10229384756"
PAGE_TOKEN, USER_TOKEN = "EAApage7f2c91", "EAAuser7f2c91"
RIGHTS = {"pages_manage_posts", "pages_read_engagement", "pages_show_list"}
_KINDS = {"image/jpeg", "image/png", "image/gif", "image/bmp", "image/tiff"}
_FIELDS = {"id", "message", "created_time", "attachments", "is_published", "permalink_url"}


class StrictFacebook(StrictGraph):
    """`links_lead_elsewhere`: a card shows another address than the one that was sent."""

    rights = RIGHTS

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.tokens.give(PAGE_TOKEN)
        self.tokens.give(USER_TOKEN, lives=timedelta(days=60))
        self.owners = {PAGE_TOKEN: PAGE, USER_TOKEN: PERSON}
        self.posts: dict[str, dict[str, Any]] = {}
        self.photos: dict[str, dict[str, Any]] = {}
        self.links_lead_elsewhere = False
        self.shows_of_albums = 100

    def texts(self) -> list[dict[str, Any]]:
        return [{"text": post.get("message", "")} for post in self.posts.values()]


class _Handler(GraphHandler):
    server: StrictFacebook

    def _owner(self) -> str:
        return self.server.owners[self.token()]

    def _as_the_page(self, number: str) -> None:
        owner = self._owner()
        if number != PAGE:
            raise missing(number)
        if owner != PAGE:
            raise Refusal(
                200, "(#200) Unpublished posts must be posted to a page as the page itself.", status=403
            )

    # --- Signing in -------------------------------------------------------------------------------
    def _trade(self) -> Any:
        query, server = self.query, self.server
        if query.get("grant_type") != "fb_exchange_token":
            raise Refusal(1, "Missing or invalid grant_type")
        if (query.get("client_id"), query.get("client_secret")) != (CLIENT, CLIENT_SECRET):
            raise Refusal(1, "Error validating client secret.")
        server.tokens.must_be_good(query.get("fb_exchange_token", ""))
        fresh = server.tokens.new(kind="EAAuser")
        server.owners[fresh] = server.owners[query["fb_exchange_token"]]
        return {"access_token": fresh, "token_type": "bearer", "expires_in": 5_183_944}

    def _me(self) -> Any:
        owner = self._owner()
        name = "Maison Lumière" if owner == PAGE else "Inès Moreau"
        return {"name": name, "id": owner}

    def _read_page(self, number: str) -> Any:
        token = self.token()
        if number != PAGE:
            raise missing(number)
        said = {"id": PAGE}
        if "access_token" in self.query.get("fields", "") and "pages_show_list" in self.server.tokens.rights:
            if self.server.owners[token] == PAGE:
                said["access_token"] = token
            else:
                said["access_token"] = self.server.tokens.new(lives=None, kind="EAApage")
                self.server.owners[said["access_token"]] = PAGE
        return said

    # --- Publishing -------------------------------------------------------------------------------
    def _photo(self, number: str) -> Any:
        self._as_the_page(number)
        self.server.tokens.needs("pages_manage_posts", "pages_read_engagement")
        parts = self.multipart()
        if set(parts) - {"source", "published", "alt_text_custom"}:
            raise Refusal(100, "(#100) Invalid parameter")
        source = parts["source"]
        content = source.get_payload(decode=True)
        if source.get_content_type() not in _KINDS or not content:
            raise Refusal(324, "(#324) Requires upload file")
        if len(content) >= 10_000_000:
            raise Refusal(1, "The photo is too large", 1366046)
        if parts["published"].get_payload() != "false":
            raise Refusal(100, "this stand-in's test would have published a photo by itself")
        number = self.server.new_id()
        alt = parts["alt_text_custom"].get_payload(decode=True).decode() if "alt_text_custom" in parts else ""
        self.server.photos[number] = {"content": content, "alt": alt, "used": False}
        return {"id": number}

    def _create(self, number: str) -> Any:
        self._as_the_page(number)
        self.server.tokens.needs("pages_manage_posts")
        form = self.json_form()
        if set(form) - {"message", "link", "attached_media"}:
            raise Refusal(100, "(#100) Invalid parameter")
        message, link = form.get("message", ""), form.get("link", "")
        ids = [one["media_fbid"] for one in form.get("attached_media", [])]
        if not (message or link or ids) or (link and ids) or not isinstance(message, str):
            raise Refusal(100, "(#100) Param message must be a non-empty string")
        if len(message.encode("utf-16-le")) // 2 > 63_206:
            raise Refusal(100, "(#100) The status you are trying to publish is too long")
        if any(one not in self.server.photos or self.server.photos[one]["used"] for one in ids):
            raise Refusal(100, "(#100) Param attached_media contains an invalid media_fbid", 1366051)
        last = next(reversed(self.server.posts.values()), None)
        if message and not ids and last and (last.get("message"), last["link"]) == (message, link):
            raise Refusal(
                506, "Duplicate status message", 1500, user_msg="Duplicate posts cannot be published"
            )
        post_id = f"{PAGE}_{self.server.new_id()}"
        for one in ids:
            self.server.photos[one]["used"] = True
        self.server.posts[post_id] = self._kept(post_id, message, link, ids)
        return {"id": post_id, "post_supports_client_mutation_id": True}

    def _kept(self, post_id: str, message: str, link: str, ids: list[str]) -> dict[str, Any]:
        post: dict[str, Any] = {"id": post_id, "link": link, "created_time": stamp(datetime.now(UTC))}
        post["is_published"] = True
        if message:
            post["message"] = message
        photos = [{"media_type": "photo", "target": {"id": one}} for one in ids]
        if len(photos) == 1:
            post["attachments"] = {"data": photos}
        elif photos:
            shown = photos[: self.server.shows_of_albums]
            post["attachments"] = {"data": [{"media_type": "album", "subattachments": {"data": shown}}]}
        elif link:
            target = "https://elsewhere.example/" if self.server.links_lead_elsewhere else link
            shim = "https://l.facebook.com/l.php?u=x"
            post["attachments"] = {"data": [{"media_type": "link", "unshimmed_url": target, "url": shim}]}
        return post

    # --- What is out ------------------------------------------------------------------------------
    def _post(self, post_id: str) -> dict[str, Any]:
        self._as_the_page(PAGE)
        if post_id not in self.server.posts:
            raise missing(post_id)
        return self.server.posts[post_id]

    def _get(self, post_id: str) -> Any:
        self.server.tokens.needs("pages_read_engagement")
        post = self._post(post_id)
        return {name: post[name] for name in ("id", "message") if name in post}

    def _update(self, post_id: str) -> Any:
        self.server.tokens.needs("pages_manage_posts")
        post, form = self._post(post_id), self.json_form()
        if set(form) != {"message"}:
            raise Refusal(100, "(#100) Invalid parameter")
        post["message"] = form["message"]
        return {"success": True}

    def _delete(self, post_id: str) -> Any:
        self.server.tokens.needs("pages_manage_posts")
        self._post(post_id)
        del self.server.posts[post_id]
        return {"success": True}

    def _list(self, number: str) -> Any:
        self._as_the_page(number)
        self.server.tokens.needs("pages_read_engagement")
        return self.paged(list(reversed(self.server.posts.values())), _FIELDS)

    routes = (
        ("GET", r"/oauth/access_token", _trade),
        ("GET", r"/debug_token", GraphHandler.debug_token),
        ("GET", r"/me", _me),
        ("GET", r"/(\d+)", _read_page),
        ("POST", r"/(\d+)/photos", _photo),
        ("POST", r"/(\d+)/feed", _create),
        ("GET", r"/(\d+)/published_posts", _list),
        ("GET", r"/(\d+_\d+)", _get),
        ("POST", r"/(\d+_\d+)", _update),
        ("DELETE", r"/(\d+_\d+)", _delete),
    )
