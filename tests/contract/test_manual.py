"""By hand there is no far side: what matters is that nothing is sent, and that the bytes are the approved ones."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from adapters.base import (
    ByHand,
    CannotTell,
    Connection,
    Content,
    Permit,
    PermitRefused,
    Receipt,
    Rejected,
)
from adapters.manual import Manual
from tests.contract.farside import CHANNEL, PIXEL_SHA256, a_moment_ago, image, permit_for

pytestmark = [pytest.mark.contract, pytest.mark.pure]
LIMITS = Manual.default_limits
AT = {"place": "TikTok", "account": "@Maison-Lumiere", "open_url": "https://www.tiktok.com/upload"}


def _nobody(_request: httpx.Request) -> httpx.Response:
    raise AssertionError("something was sent")


def manual(**settings: str) -> Manual:
    def unread(_sha256: str) -> bytes:
        raise AssertionError("a file was read")

    client = httpx.Client(transport=httpx.MockTransport(_nobody))
    return Manual(Connection(CHANNEL, settings or AT, LIMITS, "", client, unread))


def codes(content: Content) -> set[tuple[str, str]]:
    return {(one.code, one.field) for one in Manual.validate(content, LIMITS)}


# --- Nothing is sent ---------------------------------------------------------------------------------
def test_with_its_permit_it_is_handed_over_and_nothing_is_sent():
    payload = Manual.render(Content("Approuvé", (image(),)), CHANNEL, LIMITS)
    with pytest.raises(ByHand, match="a person posts it"):
        manual().publish(payload, permit_for(payload), "key", a_moment_ago())


@pytest.mark.parametrize("act", ["publish", "correct"])
def test_without_the_permit_for_these_bytes_it_is_not_even_handed_over(act: str):
    payload = Manual.render(Content("Approuvé"), CHANNEL, LIMITS)
    permit = permit_for(Manual.render(Content("Autre chose"), CHANNEL, LIMITS))
    given = (payload, permit, "key", a_moment_ago()) if act == "publish" else (Receipt("1"), payload, permit)
    with pytest.raises(PermitRefused):
        getattr(manual(), act)(*given)
    elsewhere = Permit(1, 1, "other/channel", "d", payload.sha256)
    with pytest.raises(PermitRefused):
        manual().publish(payload, elsewhere, "key", a_moment_ago())


def test_only_a_person_can_tell_and_only_they_can_change_it():
    payload = Manual.render(Content("Approuvé"), CHANNEL, LIMITS)
    can = Manual.capabilities
    assert (can.reconcilable, can.edit, can.delete, can.by_hand) == (False, False, False, True)
    assert isinstance(manual().reconcile(payload, "key", a_moment_ago()), CannotTell)
    told = manual().reread(Receipt(""), payload)
    assert isinstance(told, CannotTell)
    assert not told.again, "looking later would tell no more"
    with pytest.raises(Rejected):
        manual().retract(Receipt("1"))
    with pytest.raises(Rejected):
        manual().correct(Receipt("1"), payload, permit_for(payload))


# --- The bytes ---------------------------------------------------------------------------------------
def test_everything_the_person_posts_is_in_the_payload():
    text = "Noël à l’atelier\u00a0: 60\u202f€ 👨‍👩‍👧‍👦\n\nعربية"
    content = Content(
        text,
        (image("Une lampe."), image("Une autre.")),
        link="https://maison.example/noel",
        reply_to=" https://www.tiktok.com/@x/video/1 ",
        thread=("La suite",),
        options={"how": "Musique douce, texte en bas."},
    )
    body = Manual.render(content, CHANNEL, LIMITS).body
    assert body["parts"][0]["text"] == f"{text}\n\nhttps://maison.example/noel"
    assert [item["alt"] for item in body["parts"][0]["media"]] == ["Une lampe.", "Une autre."]
    assert body["parts"][0]["media"][0]["sha256"] == PIXEL_SHA256
    assert body["parts"][1] == {"text": "La suite", "media": []}
    assert body["reply_to"] == "https://www.tiktok.com/@x/video/1"
    assert body["how"] == "Musique douce, texte en bas."


@pytest.mark.parametrize(
    "changes", [{"reply_to": "https://a.example/1"}, {"options": {"how": "Sans musique."}}]
)
def test_what_it_answers_and_how_it_is_posted_change_the_digest(changes: dict[str, Any]):
    plain = Manual.render(Content("Texte"), CHANNEL, LIMITS)
    assert Manual.render(Content("Texte", **changes), CHANNEL, LIMITS).sha256 != plain.sha256


# --- Limits ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "used"), [("e\u0301" * 3, 3), ("👨‍👩‍👧‍👦🇫🇷", 2), ("https://a.example/long", 22)]
)
def test_letters_and_links_are_counted_as_they_are_read(text: str, used: int):
    assert Manual.count(Content(text), LIMITS)[0].used == used


@pytest.mark.parametrize("off", [-1, 0, 1])
def test_the_limit_is_far_but_there_is_one(off: int):
    most = int(LIMITS["max_characters"])
    expected = {("too_long", "text")} if off > 0 else set()
    assert codes(Content("é" * (most + off))) == expected
    problems = Manual.validate(Content("ok", thread=("é" * (most + off),)), LIMITS)
    assert [(one.field, one.params["over"], one.params["part"]) for one in problems] == (
        [("thread", 1, 2)] if off > 0 else []
    )


def test_many_images_and_no_more_each_with_its_description():
    most = Manual.capabilities.max_media
    assert codes(Content("", (image(),) * most)) == set()
    assert codes(Content("x", (image(),) * (most + 1))) == {("media_too_many", "media")}
    assert codes(Content("x", (image(""),))) == {("alt_missing", "alt")}
    assert codes(Content("")) == {("empty", "text")}


def test_what_would_be_lost_is_refused():
    assert codes(Content("x", options={"content_warning": "Attention"})) == {
        ("warning_not_offered", "content_warning")
    }


# --- The channel -------------------------------------------------------------------------------------
def test_a_channel_is_well_when_its_settings_will_do():
    health = manual().check()
    assert (health.ok, health.account, health.handle) == (True, "tiktok#maison-lumiere", "@Maison-Lumiere")
    assert health.url == AT["open_url"]
    assert health.limits == LIMITS


def test_two_brands_may_both_have_a_place_of_that_name():
    """Without an account there is nothing that could belong to one of them only."""
    assert manual(place="TikTok").check().account == ""
    assert manual(place="TIKTOK", account="maison-lumiere").check().account == manual().check().account


@pytest.mark.parametrize(
    "settings",
    [
        {"place": "  "},
        {"place": "TikTok", "open_url": "http://www.tiktok.com/"},
        {"place": "TikTok", "open_url": "javascript:alert(1)"},
        {"place": "TikTok", "open_url": "https://"},
        {"place": "TikTok", "open_url": "https://[broken"},
    ],
)
def test_a_channel_with_useless_settings_says_so(settings: dict[str, str]):
    health = manual(**settings).check()
    assert not health.ok
    assert health.problem
