"""The brands' own feeds: what is out, in the approved words, and nothing else."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.db.models import F
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from accounts.refusals import Invalid
from approvals.correcting import correct
from approvals.reviewing import submit
from cm_queue import feeding
from posts.lifecycle import DeliveryState
from posts.models import Channel, Delivery, Media, Post
from posts.moves import move_claimed
from posts.uploading import upload
from publishing.claiming import claim
from publishing.connecting import add_channel, reconnect
from publishing.models import ChannelHealth, Retraction
from publishing.outcomes import record_results
from publishing.reconciling import BETWEEN_READS, reconcile
from publishing.releasing import send, start_sending
from publishing.retracting import retract, work_retractions
from tests.atom_rules import ATOM, checked, links, said
from tests.casting import Cast, cast, fresh, picture, work
from tests.desk.entering import enter

pytestmark = [pytest.mark.long, pytest.mark.django_db]
__all__ = ["cast"]
SITE = "https://maison-lumiere.example"
URL = "/feeds/maison-lumiere/fil.atom"
ALT = "Une lampe « Aurore » & son abat-jour <lin>"


@pytest.fixture
def fil(cast: Cast) -> Channel:
    cast.grant("nadia", "channel:atom", 2)
    return cast.channel("fil", "atom", settings={"site_url": SITE})


def out(cast: Cast, text: str = "Bonjour.", **fields: Any) -> Post:
    post = cast.approved(text, **{"channels": ["fil"], "slot": "on_approval", **fields})
    (result,) = work()
    assert result.outcome == "DELIVERED", result.answer
    return fresh(post)


def get(path: str = URL, **headers: str) -> HttpResponse:
    answer: Any = Client().get(path, headers=headers)
    return answer


def feed(path: str = URL) -> ET.Element:
    answer = get(path)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/atom+xml; charset=utf-8"
    return checked(answer.content)


def entries(root: ET.Element | None = None) -> list[ET.Element]:
    return (feed() if root is None else root).findall(ATOM + "entry")


def shown() -> list[str]:
    return [said(entry, "content") for entry in entries()]


def lamp(cast: Cast, colour: str = "#b08a3e") -> Media:
    return upload(cast.ines, cast.brand, picture(colour=colour), "lampe.png")


def with_picture(media: Media, alt: str = ALT) -> list[dict[str, Any]]:
    return [{"id": media.pk, "alt": alt}]


# --- What is there --------------------------------------------------------------------------------
def test_an_empty_feed_is_a_valid_one(fil: Channel) -> None:
    root = feed()
    assert entries(root) == []
    assert said(root, "id") == f"tag:maison-lumiere.example,{fil.created_at:%Y-%m-%d}:fil"
    assert said(root, "title") == fil.brand.name
    assert links(root, "alternate") == [SITE]
    (itself,) = links(root, "self")
    assert itself.endswith(URL)


def test_what_is_approved_and_out_is_on_the_feed_in_the_approved_words(cast: Cast, fil: Channel) -> None:
    text = (
        "Trois gestes <b>simples</b> & sûrs 👨‍👩‍👧‍👦 שלום\nhttps://maison-lumiere.example/a?b=1&c=2.\n\nFin."
    )
    post = cast.approved(
        text, channels=["fil"], slot="on_approval", link=f"{SITE}/lin", options={"fil": {"language": "fr"}}
    )
    assert entries() == [], "approved is not out"
    work()
    (entry,) = entries()
    row = post.deliveries.get()
    assert said(entry, "id") == row.remote_id
    assert re.fullmatch(r"tag:maison-lumiere\.example,\d{4}-\d\d-\d\d:fil/[0-9a-f]{32}", row.remote_id)
    link = '<a href="https://maison-lumiere.example/a?b=1&amp;c=2">https://maison-lumiere.example/a?b=1&amp;c=2</a>'
    assert said(entry, "content") == (
        "<p>Trois gestes &lt;b&gt;simples&lt;/b&gt; &amp; sûrs 👨‍👩‍👧‍👦 שלום<br>"
        + link
        + ".</p>\n<p>Fin.</p>\n"
        f'<p><a href="{SITE}/lin">{SITE}/lin</a></p>'
    )
    assert row.payload is not None
    assert said(entry, "content") == row.payload["body"]["content"]
    assert said(entry, "title") == "Trois gestes <b>simples</b> & sûrs 👨‍👩‍👧‍👦 שלום"
    assert links(entry, "related") == [f"{SITE}/lin"]
    assert said(entry, "published") == said(entry, "updated")


def test_a_title_is_the_one_that_was_given(cast: Cast, fil: Channel) -> None:
    out(cast, "Le texte.", options={"fil": {"title": " L’été\n arrive "}})
    assert said(entries()[0], "title") == "L’été arrive"


def test_pictures_are_enclosed_with_their_descriptions_and_do_not_expire(cast: Cast, fil: Channel) -> None:
    media = lamp(cast)
    out(cast, media=with_picture(media))
    (entry,) = entries()
    (link,) = (one for one in entry.findall(ATOM + "link") if one.get("rel") == "enclosure")
    assert link.attrib == {
        "rel": "enclosure",
        "href": link.attrib["href"],
        "type": "image/png",
        "length": str(media.size),
        "title": ALT,
    }
    assert 'alt="Une lampe « Aurore » &amp; son abat-jour &lt;lin&gt;"' in said(entry, "content")
    path = link.attrib["href"].removeprefix(settings.PUBLIC_URL or settings.BASE_URL)
    assert path == f"/feeds/maison-lumiere/fil/media/{media.sha256}.png"
    answer = get(path)
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/png")
    with media.file.open() as stored:
        assert answer.content == stored.read()
    assert get(path, if_none_match=answer["ETag"]).status_code == 304


def test_the_newest_comes_first_and_there_are_pages(
    cast: Cast, fil: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeding, "PAGE", 2)
    for number in range(5):
        out(cast, f"Numéro {number}")
    titles = []
    for page, rels in ((1, {"next": 2}), (2, {"previous": 1, "next": 3}), (3, {"previous": 2})):
        root = feed(f"{URL}?page={page}")
        for rel, number in {"first": 1, "last": 3, "self": page, **rels}.items():
            (address,) = links(root, rel)
            assert address.endswith(URL if number == 1 else f"{URL}?page={number}")
        assert [links(root, rel) for rel in {"previous", "next"} - set(rels)] == [[]] * (2 - len(rels))
        titles += [said(entry, "title") for entry in entries(root)]
    assert titles == [f"Numéro {number}" for number in (4, 3, 2, 1, 0)]
    assert [get(f"{URL}?page={wrong}").status_code for wrong in ("0", "4", "x", "-1", "")] == [404] * 5


# --- What is not ----------------------------------------------------------------------------------
@pytest.mark.parametrize("state", [one for one in DeliveryState if one is not DeliveryState.DELIVERED])
def test_nothing_is_there_that_is_not_out(cast: Cast, fil: Channel, state: DeliveryState) -> None:
    """Whatever else the row says: a state is what counts."""
    media = lamp(cast)
    post = out(cast, "Sorti, puis plus.", media=with_picture(media))
    path = f"/feeds/maison-lumiere/fil/media/{media.sha256}.png"
    assert (len(shown()), get(path).status_code) == (1, 200)
    Delivery.objects.filter(post=post).update(state=state.value, lease_until=F("delivered_at"))
    assert shown() == []
    assert b"puis plus" not in get().content
    assert get(path).status_code == 404


def test_nothing_is_there_before_the_outcome_is_recorded(cast: Cast, fil: Channel) -> None:
    cast.approved("En route.", channels=["fil"], slot="on_approval")
    (sending,) = start_sending(claim("w", 5), "w")
    assert shown() == []
    with httpx.Client() as line:
        result = send(sending, line)
    assert result.receipt is not None
    assert shown() == [], "the adapter puts nothing anywhere"
    record_results([result])
    assert len(shown()) == 1


def test_what_was_lost_on_the_way_is_not_out_and_goes_out_once(cast: Cast, fil: Channel) -> None:
    """A worker died between the permit and the record: looking finds nothing, the gate is asked again."""
    post = cast.approved("En route.", channels=["fil"], slot="on_approval")
    (sending,) = start_sending(claim("w", 5), "w")
    pk = sending.delivery.pk
    move_claimed({pk: sending.delivery.token}, DeliveryState.SENDING, DeliveryState.UNKNOWN)
    for _look in range(2):
        Delivery.objects.filter(pk=pk).update(next_at=F("due_at"))
        reconcile(Delivery.objects.get(pk=pk))
        Delivery.objects.filter(pk=pk).update(problem=_earlier(pk))
    assert post.deliveries.get().lifecycle is DeliveryState.PENDING
    assert shown() == []
    Delivery.objects.filter(pk=pk).update(next_at=F("due_at"))
    assert [one.outcome for one in work()] == ["DELIVERED"]
    assert len(shown()) == 1


def _earlier(pk: int) -> dict[str, Any]:
    """As if the first look had been long enough ago."""
    problem = dict(Delivery.objects.values_list("problem", flat=True).get(pk=pk))
    return {
        name: (
            (datetime.fromisoformat(value) - BETWEEN_READS - timedelta(seconds=5)).isoformat()
            if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\dT", value)
            else value
        )
        for name, value in problem.items()
    }


def test_bytes_that_are_not_the_sealed_ones_are_not_shown(cast: Cast, fil: Channel) -> None:
    post = out(cast, "Approuvé.")
    payload = post.deliveries.get().payload
    assert payload is not None
    payload["body"]["content"] = "<p>Autre chose.</p>"
    post.deliveries.update(payload=payload)
    assert shown() == []


def test_one_channel_shows_nothing_of_another_nor_one_brand_of_another(cast: Cast, fil: Channel) -> None:
    cast.channel("autre", "atom", settings={"site_url": SITE})
    cast.channel("console")
    theirs = Channel.objects.create(
        brand=cast.elsewhere,
        key="fil",
        name="Fil",
        network="atom",
        settings={"site_url": "https://v.example"},
    )
    media = lamp(cast)
    out(cast, "Le fil.", media=with_picture(media))
    name = f"{media.sha256}.png"
    for path in ("/feeds/maison-lumiere/autre", "/feeds/atelier-voisin/fil"):
        root = feed(f"{path}.atom")
        assert entries(root) == []
        assert b"Le fil." not in ET.tostring(root)
        assert get(f"{path}/media/{name}").status_code == 404
    # A row of one brand that names another brand's channel is shown by neither.
    Delivery.objects.update(channel=theirs)
    assert entries(feed("/feeds/atelier-voisin/fil.atom")) == []
    assert get(f"/feeds/atelier-voisin/fil/media/{name}").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/feeds/maison-lumiere/console.atom",
        "/feeds/maison-lumiere/nulle-part.atom",
        "/feeds/personne/fil.atom",
        "/feeds/maison-lumiere/fil/media/x.png",
        f"/feeds/maison-lumiere/fil/media/{'a' * 64}.png",
        f"/feeds/maison-lumiere/fil/media/{'%' * 64}.png",
    ],
)
def test_what_is_no_feed_does_not_exist(cast: Cast, fil: Channel, path: str) -> None:
    cast.channel("console")
    assert get(path.replace("%", "%25")).status_code == 404


def test_a_picture_has_one_name(cast: Cast, fil: Channel) -> None:
    media, unused = lamp(cast), lamp(cast, "#112233")
    out(cast, media=with_picture(media))
    for name in (f"{media.sha256}.jpg", media.sha256, f"{media.sha256[:16]}.png", f"{unused.sha256}.png"):
        assert get(f"/feeds/maison-lumiere/fil/media/{name}").status_code == 404


def test_a_channel_that_is_not_connected_any_more_has_no_feed(cast: Cast, fil: Channel) -> None:
    out(cast)
    Channel.objects.filter(pk=fil.pk).update(is_active=False)
    assert get().status_code == 404


def test_a_feed_is_only_read(fil: Channel) -> None:
    client = Client()
    assert [getattr(client, how)(URL).status_code for how in ("post", "put", "delete", "patch")] == [405] * 4
    assert client.head(URL).status_code == 200
    assert client.cookies == {}


# --- Taking back and correcting ---------------------------------------------------------------
def test_what_is_taken_back_is_gone_at_once(cast: Cast, fil: Channel) -> None:
    media = lamp(cast)
    post, path = (
        out(cast, "Retiré.", media=with_picture(media)),
        f"/feeds/maison-lumiere/fil/media/{media.sha256}.png",
    )
    other = out(cast, "Reste.")
    before = get()
    retract(cast.nadia, post.pk)
    assert [said(entry, "title") for entry in entries()] == ["Reste."], "from the moment it is asked for"
    assert get(path).status_code == 404
    assert work_retractions() == 1
    after = get()
    assert [said(entry, "title") for entry in entries(checked(after.content))] == ["Reste."]
    assert after["ETag"] != before["ETag"]
    assert other.deliveries.get().lifecycle is DeliveryState.DELIVERED
    # Whoever kept the feed of before is not told that nothing has changed.
    assert get(if_none_match=before["ETag"]).status_code == 200


def test_a_correction_replaces_the_words_keeps_the_id_and_raises_updated(cast: Cast, fil: Channel) -> None:
    old, new = lamp(cast), lamp(cast, "#112233")
    post = out(cast, "L’atelier ouvre samedi.", media=with_picture(old))
    (before,) = entries()
    made = correct(cast.ines, post.pk, {"text": "L’atelier ouvre dimanche.", "media": with_picture(new)})
    submit(cast.ines, made.pk)
    cast.say("nadia", made)
    assert [said(entry, "title") for entry in entries()] == ["L’atelier ouvre samedi."]
    assert [one.outcome for one in work()] == ["DELIVERED"]
    (after,) = entries()
    assert said(after, "title") == "L’atelier ouvre dimanche."
    assert "samedi" not in get().content.decode()
    for name in ("id", "published"):
        assert said(after, name) == said(before, name)
    assert said(after, "updated") > said(before, "updated")
    statuses = [get(f"/feeds/maison-lumiere/fil/media/{one.sha256}.png").status_code for one in (old, new)]
    assert statuses == [404, 200]
    retract(cast.nadia, post.pk)
    assert shown() == [], "the corrected one does not come back"
    work_retractions()
    assert shown() == []


# --- Asked again ----------------------------------------------------------------------------------
def an_hour_ago() -> None:
    """As if all that happened had happened an hour earlier."""
    hour = timedelta(hours=1)
    Channel.objects.update(created_at=F("created_at") - hour)
    Delivery.objects.update(delivered_at=F("delivered_at") - hour)
    Retraction.objects.update(asked_at=F("asked_at") - hour, done_at=F("done_at") - hour)


def test_whoever_has_it_already_is_told_so(cast: Cast, fil: Channel) -> None:
    out(cast, "Un.")
    assert "Last-Modified" not in get(), "something else may have happened in this very second"
    an_hour_ago()
    first = get()
    assert first["Cache-Control"] == "public, no-cache"
    for headers in ({"if_none_match": first["ETag"]}, {"if_modified_since": first["Last-Modified"]}):
        again = get(**headers)
        assert (again.status_code, again.content) == (304, b"")
        assert again["ETag"] == first["ETag"]
    out(cast, "Deux.")
    assert get(if_none_match=first["ETag"]).status_code == 200
    assert get(if_modified_since=first["Last-Modified"]).status_code == 200


def test_while_something_is_being_taken_back_no_moment_is_told(cast: Cast, fil: Channel) -> None:
    post = out(cast)
    an_hour_ago()
    first = get()
    retract(cast.nadia, post.pk)
    an_hour_ago()
    assert "Last-Modified" not in get()
    assert get(if_modified_since=first["Last-Modified"]).status_code == 200
    work_retractions()
    Retraction.objects.update(done_at=F("done_at") - timedelta(minutes=2))
    assert get()["Last-Modified"] > ""
    assert get(if_modified_since=first["Last-Modified"]).status_code == 200


# --- Connecting one ---------------------------------------------------------------------------
def test_an_owner_connects_a_feed_and_the_page_says_where_it_is(cast: Cast) -> None:
    made = add_channel(cast.olga, cast.brand, "Le fil", "atom", {"site_url": f"{SITE}/"})
    assert ChannelHealth.objects.get(channel=made).ok
    made.refresh_from_db()
    assert (made.account, made.handle) == ("https://maison-lumiere.example#le-fil", "maison-lumiere.example")
    assert entries(feed("/feeds/maison-lumiere/le-fil.atom")) == []
    page = enter(cast, "ines").get(reverse("channels")).content.decode()
    assert f'href="{feeding.address_of(made)}"' in page


def test_a_site_that_cannot_be_one_is_trouble_and_there_is_no_feed(cast: Cast) -> None:
    made = add_channel(cast.olga, cast.brand, "Fil", "atom", {"site_url": "ftp://x"})
    assert not ChannelHealth.objects.get(channel=made).ok
    assert get().status_code == 404


def test_the_site_that_names_the_entries_cannot_become_another(cast: Cast) -> None:
    made = add_channel(cast.olga, cast.brand, "Fil", "atom", {"site_url": SITE})
    before = said(feed(), "id")
    with pytest.raises(Invalid):
        reconnect(cast.olga, made, {"site_url": "https://ailleurs.example"})
    assert said(feed(), "id") == before
    reconnect(cast.olga, made, {"site_url": f"{SITE}/fr"})
    assert (said(feed(), "id"), links(feed(), "alternate")) == (before, [f"{SITE}/fr"])
