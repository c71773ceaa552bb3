"""The page for whoever posts by hand: the approved bytes and nothing else, and only while the gate is open."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.core import mail
from django.urls import reverse

from approvals.incidents import declare
from journal.mailing import mail_notices
from posts.lifecycle import DeliveryState, PostState
from posts.models import Channel, Delivery, Post
from publishing.claiming import claim
from publishing.connecting import pause_channel
from publishing.reconciling import settle, sweep
from publishing.releasing import start_sending
from tests.casting import Cast, fresh, in_hours, media, work
from tests.casting import cast as cast  # noqa: PLC0414
from tests.desk.entering import enter
from tests.staging import age_deliveries

LINK = "https://www.tiktok.com/@maison-lumiere/video/7"
TEXT = "L’atelier\u00a0: « ouvert »\u202f!\n\n<b>Samedi</b> & dimanche."
ALT = "Une lampe allumée, sur une table."
AT = {"place": "TikTok", "account": "@maison-lumiere", "open_url": "https://www.tiktok.com/upload"}
WHOLE = {"brand": True, "channels": [], "products": []}


@pytest.fixture
def tiktok(cast: Cast) -> Channel:
    return cast.channel("tiktok", "manual", settings=AT)


@pytest.fixture
def handed(cast: Cast, tiktok: Channel) -> Post:
    pictures = [{"id": media(cast).pk, "alt": ALT}]
    options = {"tiktok": {"how": "Musique douce."}}
    post = cast.approved(
        TEXT, channels=["tiktok"], slot="on_approval", media=pictures, options=options, thread=["La suite."]
    )
    work()
    Delivery.objects.filter(post=post).update(expires_at=in_hours(1))
    return fresh(post)


def row(post: Post) -> Delivery:
    return post.deliveries.get(channel__network="manual")


def at(post: Post, name: str = "by_hand") -> str:
    return reverse(name, args=[row(post).pk])


def shown(cast: Cast, post: Post, who: str = "marc") -> str:
    answer = enter(cast, who).get(at(post))
    assert answer.status_code == 200
    return answer.content.decode()


def fields(html: str) -> list[str]:
    """What stands in the fields that are copied from, to the letter: a line end after the tag is none."""
    found = re.findall(r"<textarea[^>]* readonly>\n(.*?)</textarea>", html, re.DOTALL)
    return [unescape(one) for one in found]


# --- What is shown -----------------------------------------------------------------------------------
def test_exactly_the_approved_bytes(cast: Cast, handed: Post):
    html = shown(cast, handed)
    payload = row(handed).payload
    assert payload is not None
    first, second = payload["body"]["parts"]
    assert fields(html) == [first["text"], ALT, second["text"]] == [TEXT, ALT, "La suite."]
    src = reverse("media_file", args=[first["media"][0]["sha256"]])
    assert f'href="{src}" download="image-1-1.png"' in html
    assert b"\x89PNG" in enter(cast, "marc").get(src).content
    assert 'href="https://www.tiktok.com/upload"' in html
    for words in ("Post this on TikTok, word for word", "as @maison-lumiere", "Musique douce.", "until"):
        assert words in unescape(html)


def test_it_works_without_a_script_and_asks_for_nothing_inline(cast: Cast, handed: Post):
    html = shown(cast, handed)
    assert not re.search(r"<script(?![^>]*\bsrc=)|\bon[a-z]+=\"|\bstyle=\"", html)
    assert all(" hidden>" in tag for tag in re.findall(r"<button[^>]*data-copy[^>]*>", html))
    assert html.count(f'action="{at(handed, "settle_by_hand")}"') == 2
    assert not re.search(r"<textarea[^>]*disabled", html), "a disabled field cannot be selected from"


def test_a_page_that_was_open_for_an_hour_is_not_taken_from_a_cache(cast: Cast, handed: Post):
    assert enter(cast, "marc").get(at(handed))["Cache-Control"] == "no-store"


def test_an_address_that_is_none_opens_nothing(cast: Cast, handed: Post):
    Channel.objects.filter(key="tiktok").update(settings={**AT, "open_url": "javascript:alert(1)"})
    assert "javascript:" not in shown(cast, handed)


# --- While it may not go out -------------------------------------------------------------------------
def test_an_incident_after_the_hand_over_hides_the_bytes(cast: Cast, handed: Post):
    declare(cast.victor, cast.brand, WHOLE, "Une lampe a pris feu.")
    html = shown(cast, handed)
    assert fields(html) == []
    assert "Do not post this on TikTok" in html
    assert (
        "Samedi" not in html.replace("<title>", "").partition("<main")[2].partition('<div class="hand">')[2]
    )
    assert "/media/" not in html.partition('<div class="hand">')[2]
    assert 'href="https://www.tiktok.com/upload"' not in html
    assert "I did not post it" in html
    assert "It is out" in html, "who was quicker must still be able to say so"


@pytest.mark.parametrize(
    ("close", "why"),
    [
        (
            lambda cast, post: pause_channel(cast.ines, row(post).channel, "Compte en panne."),
            "Compte en panne.",
        ),
        (lambda cast, post: Post.objects.filter(pk=post.pk).update(held_by=cast.marc), "Marc"),
        (
            lambda _cast, post: Delivery.objects.filter(post=post).update(
                expires_at=in_hours(0) - timedelta(hours=1)
            ),
            "Its time is over: it could go out until",
        ),
        (lambda cast, _post: cast.credentials("nadia", "craft").update(ended_at=in_hours(-1)), "lacks"),
    ],
)
def test_it_says_plainly_why_not(cast: Cast, handed: Post, close: Any, why: str):
    close(cast, handed)
    html = shown(cast, handed)
    assert fields(html) == []
    assert "Do not post this on TikTok" in html
    assert why in unescape(html)


def test_before_it_is_handed_over_there_is_nothing_to_post(cast: Cast, tiktok: Channel):
    post = cast.approved(TEXT, channels=["tiktok"])
    html = shown(cast, post)
    assert fields(html) == []
    assert "Nothing to post on TikTok now" in html
    assert at(post, "settle_by_hand") not in html


def test_a_worker_killed_over_it_leaves_the_page_to_post_from(cast: Cast, tiktok: Channel):
    post = cast.approved(TEXT, channels=["tiktok"], slot="on_approval")
    start_sending(claim("worker-that-died", 10), "worker-that-died")
    assert fields(shown(cast, post)) == []
    age_deliveries([post], lease_until=timedelta(hours=1))
    sweep()
    assert fields(shown(cast, post)) == [TEXT]


# --- Who may see it ----------------------------------------------------------------------------------
def test_for_another_brand_it_does_not_exist(cast: Cast, handed: Post):
    stranger = enter(cast, "stranger")
    assert stranger.get(at(handed)).status_code == 404
    assert stranger.post(at(handed, "settle_by_hand"), {"went_out": "yes", "url": LINK}).status_code == 404
    assert row(handed).lifecycle is DeliveryState.UNKNOWN


def test_a_network_that_sends_by_itself_has_no_such_page(cast: Cast):
    cast.channel("log")
    post = cast.approved(channels=["log"], slot="on_approval")
    pk = post.deliveries.get().pk
    assert enter(cast, "marc").get(reverse("by_hand", args=[pk])).status_code == 404
    assert enter(cast, "marc").post(reverse("settle_by_hand", args=[pk])).status_code == 404


def test_nobody_outside_sees_it(cast: Cast, handed: Post, client: Any):
    assert client.get(at(handed)).status_code == 302


# --- Saying so ---------------------------------------------------------------------------------------
def test_it_is_out_with_its_address(cast: Cast, handed: Post):
    marc = enter(cast, "marc")
    answer = marc.post(at(handed, "settle_by_hand"), {"went_out": "yes", "url": LINK}, follow=True)
    assert answer.redirect_chain == [(reverse("post", args=[handed.pk]), 302)]
    assert "Thank you: it is out." in answer.content.decode()
    assert (row(handed).lifecycle, row(handed).url) == (DeliveryState.DELIVERED, LINK)
    assert fresh(handed).lifecycle is PostState.PUBLISHED
    html = shown(cast, handed)
    assert "It is out on TikTok" in html
    assert f'href="{LINK}"' in html
    assert fields(html) == []


def test_a_story_has_no_address(cast: Cast, handed: Post):
    enter(cast, "marc").post(at(handed, "settle_by_hand"), {"went_out": "yes", "url": ""})
    assert fresh(handed).lifecycle is PostState.PUBLISHED


def test_not_posted_it_says_what_comes_next(cast: Cast, handed: Post):
    answer = enter(cast, "marc").post(at(handed, "settle_by_hand"), {"went_out": "no"}, follow=True)
    html = unescape(answer.content.decode())
    assert "Noted: it is not out. In 15 minutes the gate is asked again" in html
    assert "Nobody has posted it on Tiktok yet: it is handed over again" in html
    assert row(handed).lifecycle is DeliveryState.PENDING


@pytest.mark.parametrize("url", ["javascript:alert(1)", "pas une adresse", "https://[cassé"])
def test_a_bad_address_comes_back_with_what_was_typed(cast: Cast, handed: Post, url: str):
    answer = enter(cast, "marc").post(at(handed, "settle_by_hand"), {"went_out": "yes", "url": url})
    html = answer.content.decode()
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in html
    assert f'value="{url}"' in html
    assert fields(html)[0] == TEXT, "the bytes are still there"
    assert row(handed).lifecycle is DeliveryState.UNKNOWN


def test_two_people_said_so_at_once(cast: Cast, handed: Post):
    enter(cast, "marc").post(at(handed, "settle_by_hand"), {"went_out": "yes", "url": LINK})
    answer = enter(cast, "nadia").post(at(handed, "settle_by_hand"), {"went_out": "no"})
    assert answer.status_code == 409
    assert "already known" in answer.content.decode()
    assert row(handed).url == LINK


# --- How one gets there ------------------------------------------------------------------------------
def test_the_post_leads_there_instead_of_asking_whether_it_went_out(cast: Cast, handed: Post):
    html = unescape(enter(cast, "ines").get(reverse("post", args=[handed.pk])).content.decode())
    assert f'href="{at(handed)}"' in html
    assert "Did this go out?" not in html
    assert "It waits for somebody to post it by hand on Tiktok" in html
    assert "The network's answer" not in html


def test_the_desk_and_the_mail_lead_there(cast: Cast, handed: Post):
    html = unescape(enter(cast, "marc").get(reverse("desk")).content.decode())
    assert f'<a href="{at(handed)}"><b>Post this by hand on Tiktok' in html
    assert "One post waits to be posted by hand." in html
    mail_notices()
    (letter,) = [one for one in mail.outbox if one.to == [cast.marc.email] and at(handed) in str(one.body)]
    assert "Tiktok" in letter.subject


def test_such_a_channel_is_connected_like_any_other(cast: Cast):
    olga = enter(cast, "olga")
    path = reverse("add_channel", args=["manual"])
    html = olga.get(path).content.decode()
    assert "Where it is posted" in html
    data = {"name": "Stories", re.findall(r'name="([^"]*place)"', html)[0]: "Instagram"}
    assert olga.post(path, data).status_code == 302
    made = Channel.objects.get(key="stories")
    assert (made.settings["place"], made.handle, made.account) == ("Instagram", "Instagram", "")
    assert made.health.ok


def test_an_address_that_a_browser_could_not_read_shows_no_link_and_no_fault(cast: Cast, handed: Post):
    """As a network may answer: the post's page broke over it."""
    settle(cast.marc, row(handed).pk, went_out=True, url="https://there.example")
    Delivery.objects.filter(post=handed).update(url="https://[broken")
    assert enter(cast, "marc").get(reverse("post", args=[handed.pk])).status_code == 200
    assert 'href="https://[broken"' not in shown(cast, handed)


# --- The post's own page --------------------------------------------------------------------------------
def test_the_posts_page_says_that_it_waits_for_a_person_and_who_was_told(cast: Cast, handed: Post):
    text = unescape(enter(cast, "ines").get(reverse("post", args=[handed.pk])).content.decode())
    assert "waits for a person to post it" in text
    assert "unknown outcome" not in text.split('id="h-story"')[0]
    told = re.search(r"Told to post it: ([^<]*)", text)
    assert told
    for name in ("Inès", "Marc", "Nadia", "Olga"):
        assert name in told[1]
    assert "Sofia" not in told[1]


def test_it_is_held_and_resumed_from_its_page_and_its_own_page_closes_at_once(cast: Cast, handed: Post):
    sofia, marc = enter(cast, "sofia"), enter(cast, "marc")
    assert fields(shown(cast, handed))
    page = unescape(sofia.get(reverse("post", args=[handed.pk])).content.decode())
    assert reverse("hold_post", args=[handed.pk]) in page
    assert sofia.post(reverse("hold_post", args=[handed.pk]), {"reason": "Pas ce soir."}).status_code == 302
    assert fields(shown(cast, handed)) == []
    page = unescape(marc.get(reverse("post", args=[handed.pk])).content.decode())
    assert "Sofia put it on hold: nobody may post it on" in page
    assert reverse("hold_post", args=[handed.pk]) not in page
    assert reverse("resume_post", args=[handed.pk]) in page
    assert marc.post(reverse("resume_post", args=[handed.pk])).status_code == 302
    assert fields(shown(cast, handed))
