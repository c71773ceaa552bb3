"""The demonstration network that `make run` brings up: everything a network can offer, on loopback.

It keeps keys for good and finds a post by its key, so an outcome never stays unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import quote

from adapters import validating
from adapters.base import (
    AdapterError,
    Ambiguous,
    CannotTell,
    Capabilities,
    Connection,
    Content,
    Count,
    Health,
    NotFound,
    Option,
    Payload,
    Permit,
    Problem,
    Receipt,
    Rejected,
    Setting,
    gettext_noop,
)
from adapters.http import Answer, Line, cannot_tell
from adapters.media import approved_bytes, rules_of

_VISIBILITIES = ("public", "unlisted")
PARTLY_OUT = gettext_noop("Only the first parts of the thread went out. The rest is missing.")
PARTLY_CORRECTED = gettext_noop("Only the first parts of the thread were corrected.")


class Demo:
    """One account of the demonstration network."""

    network: ClassVar[str] = "demo"
    label: ClassVar[str] = gettext_noop("Demonstration network")
    capabilities: ClassVar[Capabilities] = Capabilities(
        threads=True,
        edit=True,
        edit_keeps=("reply_to",),
        delete=True,
        read_back=True,
        idempotency_s=365 * 86_400,
        content_warning=True,
        visibilities=_VISIBILITIES,
        reply=True,
        posts_per_minute=6000,
        deletes_per_minute=600,
    )
    settings: ClassVar[Sequence[Setting]] = (
        Setting("base_url", gettext_noop("Address of the demonstration network"), kind="url"),
        Setting("account", gettext_noop("Account name"), help=gettext_noop("For example maison-lumiere.")),
    )
    secret_label: ClassVar[str] = ""
    options: ClassVar[Sequence[Option]] = ()
    default_limits: ClassVar[Mapping[str, Any]] = {
        "max_characters": 500,
        "characters_reserved_per_url": 23,
        "max_media_attachments": 4,
        "supported_mime_types": ["image/jpeg", "image/png", "image/gif", "image/webp"],
        "image_size_limit": 16_777_216,
        "image_matrix_limit": 50_000_000,
        "description_limit": 1500,
    }

    @classmethod
    def validate(cls, content: Content, limits: Mapping[str, Any]) -> list[Problem]:
        return validating.problems(content, {**cls.default_limits, **limits}, _VISIBILITIES)

    media_rules = classmethod(rules_of)

    @classmethod
    def count(cls, content: Content, limits: Mapping[str, Any]) -> list[Count]:
        return validating.counts(content, {**cls.default_limits, **limits})

    @classmethod
    def render(cls, content: Content, channel: str, limits: Mapping[str, Any]) -> Payload:
        body = {
            "parts": validating.parts(content),
            "visibility": content.options.get("visibility") or "public",
            "language": content.options.get("language", ""),
            "content_warning": validating.warning(content),
            # The id out of an address of this network; anything else names nothing here and is said so.
            "reply_to": content.reply_to.strip().rstrip("/").rsplit("/", 1)[-1],
        }
        return Payload(cls.network, channel, body, ("media_ids", "idempotency_key"))

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._line = Line(connection.client, str(connection.settings.get("base_url", "")), connection.secret)
        self._account = str(connection.settings.get("account", ""))

    def publish(self, payload: Payload, permit: Permit, key: str, begun: datetime) -> Receipt:
        permit.demand(payload)
        self._line.begin()
        forms = [self._form(payload.body, part) for part in payload.body["parts"]]
        out: list[Mapping[str, Any]] = []
        for place, form in enumerate(forms):
            form["reply_to"] = out[-1]["id"] if out else payload.body["reply_to"]
            own_key = f"{key}-{place}" if place else key
            try:
                answer = self._line.ask(
                    "POST", "/api/posts", creates=True, json=form, headers={"Idempotency-Key": own_key}
                )
                out.append(_post_of(answer))
            except AdapterError as error:
                if not out:
                    raise
                raise Ambiguous(
                    PARTLY_OUT, status=error.status, detail=error.detail or error.public
                ) from None
        return _receipt(out)

    def reconcile(self, payload: Payload, key: str, begun: datetime) -> Receipt | NotFound | CannotTell:
        """By the key alone. A thread of which only the beginning is out counts as not found: its
        keys never expire, so sending again repeats nothing and adds the rest."""
        self._line.begin()
        out: list[Mapping[str, Any]] = []
        try:
            for place in range(len(payload.body["parts"])):
                own_key = f"{key}-{place}" if place else key
                query = {"key": own_key, "account": self._account}
                found = self._line.ask("GET", "/api/posts", params=query).mappings()
                if not found or not found[0].get("id"):
                    return NotFound()
                out.append(found[0])
        except AdapterError as error:
            return cannot_tell(error)
        return _receipt(out)

    def retract(self, receipt: Receipt) -> None:
        self._line.begin()
        for post_id in reversed(receipt.parts or (receipt.remote_id,)):
            self._line.ask("DELETE", f"/api/posts/{quote(post_id, safe='')}", accept={404, 410})

    def correct(self, receipt: Receipt, payload: Payload, permit: Permit) -> Receipt:
        permit.demand(payload)
        self._line.begin()
        out = receipt.parts or (receipt.remote_id,)
        if len(out) != len(payload.body["parts"]):
            raise Rejected(gettext_noop("A correction must have as many parts as the thread that is out."))
        forms = [self._form(payload.body, part) for part in payload.body["parts"]]
        changed: list[Mapping[str, Any]] = []
        for post_id, form in zip(out, forms, strict=True):
            path = f"/api/posts/{quote(post_id, safe='')}"
            try:
                changed.append(_post_of(self._line.ask("PUT", path, creates=True, json=form)))
            except AdapterError as error:
                if not changed:
                    raise
                detail = error.detail or error.public
                raise Ambiguous(PARTLY_CORRECTED, status=error.status, detail=detail) from None
        return _receipt(changed)

    def reread(self, receipt: Receipt, payload: Payload) -> Receipt | NotFound | CannotTell:
        self._line.begin()
        ids, parts = receipt.parts or (receipt.remote_id,), payload.body["parts"]
        if len(ids) != len(parts):
            return NotFound()
        found: list[Mapping[str, Any]] = []
        try:
            for post_id, part in zip(ids, parts, strict=True):
                answer = self._line.ask("GET", f"/api/posts/{quote(post_id, safe='')}", accept={404, 410})
                if answer.status != 200 or not _says(_post_of(answer), payload.body, part):
                    return NotFound()
                found.append(_post_of(answer))
        except AdapterError as error:
            return cannot_tell(error)
        return _receipt(found)

    def check(self) -> Health:
        self._line.begin()
        try:
            me = self._line.ask("GET", "/api/me", params={"account": self._account})
            account, url = me.text("account"), me.text("url")
        except AdapterError as error:
            return Health(False, problem=error.public)
        return Health(
            True,
            account=f"{self._line.base_url}#{account}",
            handle=f"@{account}",
            url=url,
            limits=dict(self.default_limits),
        )

    def _form(self, body: Mapping[str, Any], part: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "account": self._account,
            "text": part["text"],
            "media": [{"id": self._upload(item), "alt": item["alt"]} for item in part["media"]],
            "visibility": body["visibility"],
            "language": body["language"],
            "content_warning": body["content_warning"],
        }

    def _upload(self, item: Mapping[str, Any]) -> str:
        content = approved_bytes(self._connection, item)
        answer = self._line.ask("POST", "/api/media", content=content, headers={"Content-Type": item["mime"]})
        return answer.text("id")


def _post_of(answer: Answer) -> Mapping[str, Any]:
    post = answer.mapping()
    if not isinstance(post.get("id"), str) or not post["id"]:
        raise answer.unclear()
    return post


def _says(post: Mapping[str, Any], body: Mapping[str, Any], part: Mapping[str, Any]) -> bool:
    """Whether a post out there says this part. One with a picture never does: it cannot be told from
    another with the same description."""
    said = (post.get("text"), post.get("visibility"), post.get("language"), post.get("content_warning"))
    wanted = (part["text"], body["visibility"], body["language"], body["content_warning"])
    return said == wanted and not post.get("media") and not part["media"]


def _receipt(posts: list[Mapping[str, Any]]) -> Receipt:
    first = posts[0]
    return Receipt(
        remote_id=first["id"],
        url=str(first.get("url", "")),
        parts=tuple(str(post["id"]) for post in posts),
        answer=f"id {first['id']}",
    )
