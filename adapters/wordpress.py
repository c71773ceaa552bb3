"""WordPress, through its REST API (`wp/v2`) and an application password.

WordPress knows no idempotency key, and posting a slug again makes `slug-2`. So every post has a slug made of
its title and its key, which is looked up before anything is sent: sending again finds what is there, and so
does `reconcile`. The files of a post have such slugs too. Categories and tags are looked up by name and never
made: a typing error would otherwise stand on the site for good.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import urlsplit

from adapters import validating
from adapters import wordpress_writing as writing
from adapters.base import (
    AdapterError,
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
from adapters.counting import graphemes
from adapters.http import Answer, cannot_tell
from adapters.media import approved_bytes, file_name, rules_of
from adapters.reading import folded, text_of
from adapters.wordpress_line import MOVED, WordPressLine, code_of

TRASHED = gettext_noop("The post is in the site's trash: somebody removed it there.")
ONE_PART = gettext_noop("This network has no threads. Nothing was sent.")
NO_TERM = gettext_noop(
    "A category or tag is not on this site, or its name stands for several there. Nothing was sent."
)
NOT_THERE = gettext_noop("The post is no longer on this site.")
MAY_NOT_PUBLISH = gettext_noop(
    "The account may not publish on this site: give it the role of an author or an editor there."
)


class WordPress:
    """One account on one WordPress site."""

    network: ClassVar[str] = "wordpress"
    label: ClassVar[str] = "WordPress"
    capabilities: ClassVar[Capabilities] = Capabilities(
        threads=False,
        media=True,
        max_media=10,
        alt_text=True,
        edit=True,
        edit_keeps=("status",),
        delete=True,
        read_back=True,
        posts_per_minute=30,
        deletes_per_minute=30,
    )
    settings: ClassVar[Sequence[Setting]] = (
        Setting(
            "base_url",
            gettext_noop("Site's address"),
            kind="url",
            help=gettext_noop("The address that readers see, for example https://www.example.org."),
        ),
        Setting(
            "username",
            gettext_noop("User name"),
            help=gettext_noop("The account that publishes, as it signs in to the site."),
        ),
    )
    secret_label: ClassVar[str] = gettext_noop("Application password")
    options: ClassVar[Sequence[Option]] = (
        Option("title", gettext_noop("Headline"), required=True),
        Option("excerpt", gettext_noop("Excerpt"), help=gettext_noop("The short text that lists show.")),
        Option(
            "categories",
            gettext_noop("Categories"),
            help=gettext_noop("Names of categories that the site has, with commas between them."),
        ),
        Option(
            "tags",
            gettext_noop("Tags"),
            help=gettext_noop("Names of tags that the site has, with commas between them."),
        ),
        Option(
            "status",
            gettext_noop("On the site"),
            kind="choice",
            choices=(
                ("publish", gettext_noop("Published at once")),
                ("draft", gettext_noop("Left as a draft")),
            ),
        ),
    )
    default_limits: ClassVar[Mapping[str, Any]] = {
        # WordPress has no limits of its own for texts; these keep a slip of the keyboard off the site.
        "max_characters": 100_000,
        "max_title_characters": 300,
        "max_media_attachments": 10,
        "supported_mime_types": ["image/jpeg", "image/png", "image/gif", "image/webp"],
        # What a host takes is not told by the API: this is what most take.
        "image_size_limit": 8_388_608,
        "image_matrix_limit": 100_000_000,
        "description_limit": 1500,
        # Every link counts in full; see `count`.
        "characters_reserved_per_url": 23,
        "may_upload": True,
        "categories": [],
        "rest": "",
    }

    @classmethod
    def validate(cls, content: Content, limits: Mapping[str, Any]) -> list[Problem]:
        limits = {**cls.default_limits, **limits}
        # Its own counting: a link counts as long as it is.
        found = [one for one in validating.problems(content, limits, ()) if one.code != "too_long"]
        return [
            *found,
            *validating.too_long(cls.count(content, limits)),
            *validating.not_offered(content, cls.capabilities),
            *writing.problems(content, limits),
        ]

    media_rules = classmethod(rules_of)

    @classmethod
    def count(cls, content: Content, limits: Mapping[str, Any]) -> list[Count]:
        most = int({**cls.default_limits, **limits}["max_characters"])
        return [
            Count(graphemes(text), most, part=place) for place, text in enumerate(validating.texts(content))
        ]

    @classmethod
    def render(cls, content: Content, channel: str, limits: Mapping[str, Any]) -> Payload:
        return Payload(cls.network, channel, writing.body_of(content), ("slug", "media_ids", "media_urls"))

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._line = WordPressLine(
            connection.client,
            str(connection.settings.get("base_url", "")),
            str(connection.settings.get("username", "")),
            connection.secret,
            plain=connection.limits.get("rest") == "plain",
        )

    # --- Sending ----------------------------------------------------------------------------------
    def publish(self, payload: Payload, permit: Permit, key: str, begun: datetime) -> Receipt:
        permit.demand(payload)
        self._line.begin()
        body = _one_part(payload)
        slug = writing.slug_of(body["title"], key)
        there = self._find(slug)
        if there is not None:
            if there.get("status") == "trash":
                raise Rejected(TRASHED)
            return _receipt(there)
        form = {**self._form(body, slug), "status": body["status"], "slug": slug}
        if not form["featured_media"]:
            del form["featured_media"]
        return _receipt(_post_of(self._line.api("POST", "/wp/v2/posts", creates=True, json=form)))

    def correct(self, receipt: Receipt, payload: Payload, permit: Permit) -> Receipt:
        permit.demand(payload)
        self._line.begin()
        body = _one_part(payload)
        there = self._read(receipt.remote_id)
        if there is None:
            raise Rejected(NOT_THERE)
        if there.get("status") == "trash":
            raise Rejected(TRASHED)
        form = self._form(body, f"post-{receipt.remote_id}")
        path = f"/wp/v2/posts/{_number(receipt.remote_id)}"
        return _receipt(_post_of(self._line.api("POST", path, creates=True, json=form)))

    def retract(self, receipt: Receipt) -> None:
        """Into the trash, from where a person can bring it back; deleted where the site has no trash."""
        self._line.begin()
        path = f"/wp/v2/posts/{_number(receipt.remote_id)}"
        answer = self._line.api("DELETE", path, accept={404, 410, 501})
        if answer.status == 501:
            answer = self._line.api("DELETE", path, params={"force": "true"}, accept={404, 410})
        # A 404 of another kind says nothing about the post.
        if answer.status == 404 and code_of(answer.body) != "rest_post_invalid_id":
            raise Rejected(gettext_noop("The network refused this content."), status=404)

    def _form(self, body: Mapping[str, Any], owner: str) -> dict[str, Any]:
        """What WordPress is told. Looks up and uploads what that needs; nothing of it is public yet."""
        form: dict[str, Any] = {"title": writing.as_html(body["title"])}
        form["excerpt"] = writing.as_html(body["excerpt"])
        for taxonomy in ("categories", "tags"):
            if body[taxonomy]:
                form[taxonomy] = [self._term(taxonomy, name) for name in body[taxonomy]]
        items = body["parts"][0]["media"]
        files = self._files(items, owner)
        figures = [
            writing.figure(media_id, address, item["alt"])
            for item, (media_id, address) in zip(items[1:], files[1:], strict=True)
        ]
        form["content"] = "\n\n".join(filter(None, [body["content"], *figures]))
        form["featured_media"] = files[0][0] if files else 0
        return form

    def _term(self, taxonomy: str, name: str) -> int:
        """The id of the category or tag of this name (or slug)."""
        # WordPress keeps names with & and < written as HTML, and searches what it keeps.
        query = {"search": writing.as_html(name), "per_page": "100", "_fields": "id,name,slug"}
        found = self._line.api("GET", f"/wp/v2/{taxonomy}", params=query).mappings()
        by_slug = [one for one in found if one.get("slug") == name]
        by_name = [one for one in found if writing.same(str(one.get("name"))) == writing.same(name)]
        chosen = by_slug if len(by_slug) == 1 else by_name
        if len(chosen) != 1 or not isinstance(chosen[0].get("id"), int):
            raise Rejected(NO_TERM, detail=self._line.without_secret(name)[:200])
        return int(chosen[0]["id"])

    def _files(self, items: Sequence[Mapping[str, Any]], owner: str) -> list[tuple[int, str]]:
        """Id and address of each picture; one that an earlier attempt uploaded is taken as it is."""
        if not items:
            return []
        # Every file is looked at before the first leaves: a replaced one stops all of them.
        contents = [approved_bytes(self._connection, item) for item in items]
        slugs = [writing.media_slug(item, place, owner) for place, item in enumerate(items)]
        query = {"slug": ",".join(slugs), "per_page": "100", "_fields": "id,slug,source_url"}
        known = {
            str(one.get("slug")): _file_of(answer, one)
            for answer in [self._line.api("GET", "/wp/v2/media", params=query)]
            for one in answer.mappings()
        }
        return [
            known.get(slug) or self._upload(item, content, slug)
            for item, content, slug in zip(items, contents, slugs, strict=True)
        ]

    def _upload(self, item: Mapping[str, Any], content: bytes, slug: str) -> tuple[int, str]:
        answer = self._line.api(
            "POST",
            "/wp/v2/media",
            files={"file": (file_name(item), content, item["mime"])},
            data={"alt_text": writing.as_field(item["alt"]), "slug": slug},
        )
        return _file_of(answer, answer.mapping())

    # --- Looking ----------------------------------------------------------------------------------
    def reconcile(self, payload: Payload, key: str, begun: datetime) -> Receipt | NotFound | CannotTell:
        self._line.begin()
        try:
            there = self._find(writing.slug_of(payload.body["title"], key))
        except AdapterError as error:
            return cannot_tell(error)
        if there is None:
            return NotFound()
        return CannotTell(TRASHED) if there.get("status") == "trash" else _receipt(there)

    def reread(self, receipt: Receipt, payload: Payload) -> Receipt | NotFound | CannotTell:
        self._line.begin()
        try:
            there = self._read(receipt.remote_id)
            same = there is not None and self._says(there, payload.body)
        except AdapterError as error:
            return cannot_tell(error)
        return _receipt(there) if there is not None and same else NotFound()

    def _find(self, slug: str) -> Mapping[str, Any] | None:
        """The post of this slug in whatever state; one in the trash has a suffix of WordPress's own."""
        query = {
            "slug": f"{slug},{slug}__trashed",
            "status": "any,trash",
            "context": "edit",
            "per_page": "10",
        }
        answer = self._line.api("GET", "/wp/v2/posts", params=query)
        found = [one for one in answer.mappings() if one.get("slug") in {slug, f"{slug}__trashed"}]
        if any(not _is_id(one.get("id")) for one in found):
            raise answer.unclear()
        return min(found, key=lambda one: (one.get("status") == "trash", one["id"]), default=None)

    def _read(self, remote_id: str) -> Mapping[str, Any] | None:
        path = f"/wp/v2/posts/{_number(remote_id)}"
        answer = self._line.api("GET", path, params={"context": "edit"}, accept={404, 410})
        if answer.status == 404 and code_of(answer.body) != "rest_post_invalid_id":
            raise answer.unclear()
        return None if answer.status != 200 else _post_of(answer)

    def _says(self, post: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
        """Whether a post says this payload. One with a picture never does: it cannot be told from another."""
        if post.get("status") == "trash" or post.get("featured_media") or body["parts"][0]["media"]:
            return False
        shown = [text_of(_raw(post, name)) for name in ("title", "excerpt", "content")]
        meant = [body["title"], body["excerpt"], text_of(body["content"])]
        if [folded(text) for text in shown] != [folded(text) for text in meant]:
            return False
        return all(
            not body[taxonomy]
            or sorted(post.get(taxonomy) or ())
            == sorted(self._term(taxonomy, name) for name in body[taxonomy])
            for taxonomy in ("categories", "tags")
        )

    def check(self) -> Health:
        self._line.begin()
        try:
            return self._health()
        except AdapterError as error:
            if error.status is not None and 300 <= error.status < 400 and error.detail:
                return Health(False, problem=MOVED, params={"address": error.detail})
            return Health(False, problem=error.public)

    def _health(self) -> Health:
        site = self._line.api("GET", "/", params={"_fields": "name,home,url"}).mapping()
        me = self._line.api("GET", "/wp/v2/users/me", params={"context": "edit"})
        home = str(site.get("home") or site.get("url") or self._line.base_url).rstrip("/").lower()
        may = me.mapping().get("capabilities")
        may = may if isinstance(may, dict) else {}
        limits = {
            **self.default_limits,
            "may_upload": bool(may.get("upload_files")),
            "categories": self._categories(),
            "rest": "plain" if self._line.plain else "pretty",
        }
        name = str(me.mapping().get("username") or me.mapping().get("slug") or me.text("id"))
        return Health(
            bool(may.get("publish_posts")),
            # http and https are one site, not two accounts.
            account=f"{home.partition('://')[2]}#{me.text('id')}",
            handle=f"{name}@{urlsplit(home).hostname or ''}",
            url=home,
            problem="" if may.get("publish_posts") else MAY_NOT_PUBLISH,
            limits=limits,
        )

    def _categories(self) -> list[str]:
        """Names and slugs of the site's categories; none when there are more than one page of them."""
        query = {"per_page": "100", "_fields": "name,slug"}
        found = self._line.api("GET", "/wp/v2/categories", params=query).mappings()
        if len(found) == 100:
            return []
        return sorted({str(one.get(name) or "") for one in found for name in ("name", "slug")} - {""})


def _one_part(payload: Payload) -> Mapping[str, Any]:
    if len(payload.body["parts"]) != 1:
        raise Rejected(ONE_PART)
    return payload.body


def _is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _number(remote_id: str) -> str:
    if not remote_id.isascii() or not remote_id.isdigit():
        raise Rejected(NOT_THERE)
    return remote_id


def _post_of(answer: Answer) -> Mapping[str, Any]:
    post = answer.mapping()
    if not _is_id(post.get("id")):
        raise answer.unclear()
    return post


def _file_of(answer: Answer, file: Mapping[str, Any]) -> tuple[int, str]:
    media_id, address = file.get("id"), file.get("source_url")
    if not isinstance(media_id, int) or not _is_id(media_id) or not isinstance(address, str) or not address:
        raise answer.unclear()
    return media_id, address


def _raw(post: Mapping[str, Any], name: str) -> str:
    value = post.get(name)
    raw = value.get("raw") if isinstance(value, dict) else ""
    return raw if isinstance(raw, str) else ""


def _receipt(post: Mapping[str, Any]) -> Receipt:
    post_id = str(post["id"])
    return Receipt(
        remote_id=post_id,
        url=str(post.get("link") or ""),
        parts=(post_id,),
        answer=f"id {post_id}, {post.get('status', '')}, {post.get('slug', '')}"[:200],
    )
