"""The brands' own Atom feeds (RFC 4287), served without sign-in: what is out on a channel of the network `atom`,
from the payloads that were approved, and nothing else.

An entry is there because its delivery is recorded as out, and goes as soon as somebody takes it back. A correction
has the id of what it corrects: of the two the feed shows the later one, and says when it came. A picture is served
under the feed's own address, for as long as an entry shows it.
"""

from __future__ import annotations

import hashlib
import html
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.paginator import InvalidPage, Page, Paginator
from django.db.models import Max, TextField
from django.db.models.functions import Cast
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.utils.http import http_date
from django.views.decorators.http import require_safe

from accounts.clock import database_now
from adapters.atom import Atom, authority, tag, writable
from adapters.base import AdapterError, Payload
from adapters.http import checked_base_url
from adapters.media import file_name
from posts.lifecycle import DeliveryState
from posts.models import Channel, Delivery, Media
from posts.uploading import MediaChanged, read_media
from publishing.models import Retraction

PAGE = 50
_ATOM = "http://www.w3.org/2005/Atom"
_TYPE = "application/atom+xml; charset=utf-8"
# Kept by whoever fetched it, and asked about each time: what was taken back is gone at the next look.
_CACHE = "public, no-cache"
# HTTP tells moments in whole seconds, and a row is seen some time after the moment it names.
_SETTLED = timedelta(minutes=1)
_PUBLIC_ONCE = (DeliveryState.DELIVERED, DeliveryState.RETRACTING, DeliveryState.RETRACTED)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: the delivery that says what is public now, and since when its first and its newest words are."""

    id: str
    delivery_id: int
    published: datetime
    updated: datetime


# --- What is out ----------------------------------------------------------------------------------
def entries_of(channel: Channel) -> list[Entry]:
    """The newest first. Of what is being taken back, or was, nothing. One query."""
    rows = (
        Delivery.objects.filter(
            channel=channel,
            brand_id=channel.brand_id,
            remote_id__startswith="tag:",
            delivered_at__isnull=False,
            state__in=[one.value for one in _PUBLIC_ONCE],
        )
        .order_by("delivered_at", "pk")
        .values_list("remote_id", "pk", "state", "delivered_at")
    )
    found: dict[str, Entry] = {}
    gone: set[str] = set()
    for remote_id, pk, state, at in rows:
        assert at is not None
        if DeliveryState(state) is not DeliveryState.DELIVERED:
            gone.add(remote_id)
        first = found[remote_id].published if remote_id in found else at
        found[remote_id] = Entry(remote_id, pk, first, at)
    there = [entry for entry in found.values() if entry.id not in gone]
    return sorted(there, key=lambda entry: (entry.published, entry.delivery_id), reverse=True)


def _payloads(ids: Sequence[int]) -> dict[int, Mapping[str, Any]]:
    """{delivery's id: the body of its payload}, of those whose bytes are still the sealed ones."""
    rows = Delivery.objects.filter(pk__in=ids, state=DeliveryState.DELIVERED.value).values_list(
        "pk", "payload", "payload_sha256"
    )
    sealed = {pk: (Payload.from_json(payload), sha256) for pk, payload, sha256 in rows if payload}
    return {pk: payload.body for pk, (payload, sha256) in sealed.items() if payload.sha256 == sha256}


def _changed(channel: Channel, entries: Sequence[Entry]) -> tuple[datetime, bool]:
    """When the feed last changed, by its entries and by what left it; and whether the next change is sure to have a
    later moment: nothing is on its way out, and nothing that a transaction still holds back is older than this."""
    asked = Retraction.objects.filter(delivery__channel=channel)
    left = asked.filter(done_at__isnull=False).aggregate(at=Max("done_at"))["at"]
    moments = [channel.created_at, *(entry.updated for entry in entries), *([left] if left else [])]
    last = max(moments)
    settled = database_now() - last > _SETTLED and not asked.filter(done_at__isnull=True).exists()
    return last, settled


# --- The feed -------------------------------------------------------------------------------------
def _channel(brand: str, channel: str) -> Channel:
    found = Channel.objects.filter(brand__slug=brand, key=channel, network=Atom.network, is_active=True)
    row = found.select_related("brand").first()
    if row is None:
        raise Http404
    try:
        authority(_site(row))
    except AdapterError as error:
        # Its settings are not right yet: nothing can have been published there.
        raise Http404 from error
    return row


def _site(channel: Channel) -> str:
    """Raises AdapterError for what is no web address."""
    return checked_base_url(str(channel.settings.get("site_url", "")))


def _absolute(path: str) -> str:
    return (settings.PUBLIC_URL or settings.BASE_URL) + path


def address_of(channel: Channel) -> str:
    """Where the feed of a channel is."""
    return _absolute(reverse("feed", args=[channel.brand.slug, channel.key]))


@require_safe
def feed(request: HttpRequest, brand: str, channel: str) -> HttpResponseBase:
    """One page of a feed. `If-None-Match` and `If-Modified-Since` are answered."""
    row = _channel(brand, channel)
    entries = entries_of(row)
    try:
        page = Paginator(entries, PAGE).page(request.GET.get("page", 1))
    except InvalidPage as error:
        raise Http404 from error
    changed, certain = _changed(row, entries)
    content = _written(row, page, changed)
    headers = {"Cache-Control": _CACHE, "ETag": f'"{hashlib.sha256(content).hexdigest()[:32]}"'}
    if certain:
        headers["Last-Modified"] = http_date(changed.timestamp())
    answer = HttpResponse(content, content_type=_TYPE, headers=headers)
    when = int(changed.timestamp()) if certain else None
    return get_conditional_response(request, headers["ETag"], when, answer) or answer


def _written(channel: Channel, page: Page[Entry], changed: datetime) -> bytes:
    site, here = _site(channel), address_of(channel)
    root = ET.Element("feed", {"xmlns": _ATOM, "xml:lang": channel.brand.language})
    _say(root, "id", tag(authority(site), channel.created_at, channel.key))
    _say(root, "title", channel.brand.name)
    _say(root, "subtitle", channel.name)
    _say(root, "updated", _moment(changed))
    author = ET.SubElement(root, "author")
    _say(author, "name", channel.brand.name)
    _say(author, "uri", site)
    _say(root, "generator", "CM Queue")
    _link(root, "alternate", site, type="text/html")
    for rel, number in _pages(page).items():
        query = f"?page={number}" if number > 1 else ""
        _link(root, rel, here + query, type="application/atom+xml")
    bodies = _payloads([entry.delivery_id for entry in page.object_list])
    sizes = _sizes(channel, bodies.values())
    for entry in page.object_list:
        # One that was taken back while this was being written is not there any more.
        if entry.delivery_id in bodies:
            _entry(root, channel, entry, bodies[entry.delivery_id], sizes)
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _pages(page: Page[Entry]) -> dict[str, int]:
    """RFC 5005, paged feeds: {relation: number of the page}."""
    rels = {"self": page.number}
    if page.paginator.num_pages > 1:
        rels |= {"first": 1, "last": page.paginator.num_pages}
    if page.has_previous():
        rels["previous"] = page.previous_page_number()
    if page.has_next():
        rels["next"] = page.next_page_number()
    return rels


def _entry(
    root: ET.Element, channel: Channel, entry: Entry, body: Mapping[str, Any], sizes: Mapping[str, int]
) -> None:
    language = {"xml:lang": body["language"]} if body["language"] else {}
    node = ET.SubElement(root, "entry", language)
    _say(node, "id", entry.id)
    _say(node, "title", body["title"])
    _say(node, "published", _moment(entry.published))
    _say(node, "updated", _moment(entry.updated))
    if body["link"]:
        _link(node, "related", body["link"])
    written = [body["content"]]
    for item in body["parts"][0]["media"]:
        where = _absolute(reverse("feed_media", args=[channel.brand.slug, channel.key, _named(item)]))
        length = {"length": str(sizes[item["sha256"]])} if item["sha256"] in sizes else {}
        _link(node, "enclosure", where, type=item["mime"], title=item["alt"], **length)
        shown = {"src": where, "alt": item["alt"], "width": item["width"], "height": item["height"]}
        said = "".join(f' {name}="{html.escape(str(value))}"' for name, value in shown.items())
        written.append(f"<p><img{said}></p>")
    _say(node, "content", "\n".join(filter(None, written)), type="html")


def _say(parent: ET.Element, name: str, text: str, **attributes: str) -> None:
    ET.SubElement(parent, name, attributes).text = writable(text)


def _link(parent: ET.Element, rel: str, href: str, **attributes: str) -> None:
    said = {name: writable(value) for name, value in attributes.items() if value}
    ET.SubElement(parent, "link", {"rel": rel, "href": writable(href), **said})


def _moment(at: datetime) -> str:
    """RFC 3339, in UTC."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# --- Its pictures ---------------------------------------------------------------------------------
def _named(item: Mapping[str, Any]) -> str:
    return str(item["sha256"]) + "." + file_name(item).rpartition(".")[2]


def _sizes(channel: Channel, bodies: Any) -> dict[str, int]:
    shown = {item["sha256"] for body in bodies for item in body["parts"][0]["media"]}
    rows = Media.objects.filter(brand_id=channel.brand_id, sha256__in=shown)
    return dict(rows.values_list("sha256", "size"))


@require_safe
def feed_media(request: HttpRequest, brand: str, channel: str, name: str) -> HttpResponseBase:
    """A picture, while an entry of this feed shows it; else it does not exist."""
    row, sha256 = _channel(brand, channel), name.partition(".")[0]
    item = _shown(row, sha256) if len(sha256) == 64 else None
    if item is None or name != _named(item):
        raise Http404
    try:
        data = read_media(row.brand_id, sha256)
    except MediaChanged as error:
        raise Http404 from error
    headers = {
        "Cache-Control": _CACHE,
        "ETag": f'"{sha256}"',
        "X-Content-Type-Options": "nosniff",
        "Content-Disposition": "inline",
    }
    answer = HttpResponse(data, content_type=item["mime"], headers=headers)
    return get_conditional_response(request, headers["ETag"], None, answer) or answer


def _shown(channel: Channel, sha256: str) -> Mapping[str, Any] | None:
    """What an entry of the feed says of this picture."""
    current = {entry.delivery_id for entry in entries_of(channel)}
    # Found by its text, which both databases can do, and then looked at.
    rows = Delivery.objects.filter(channel=channel, state=DeliveryState.DELIVERED.value)
    holding = rows.annotate(said=Cast("payload", TextField())).filter(said__contains=sha256)
    for body in _payloads([pk for pk in holding.values_list("pk", flat=True) if pk in current]).values():
        for item in body["parts"][0]["media"]:
            if item["sha256"] == sha256:
                found: Mapping[str, Any] = item
                return found
    return None
