"""What is Discord's own, against the strict stand-in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from adapters.base import (
    Ambiguous,
    AuthFailed,
    CannotTell,
    Content,
    MediaItem,
    NotFound,
    RateLimited,
    Receipt,
    Rejected,
)
from adapters.discord import Discord
from tests.contract.far_discord import PATH
from tests.contract.far_discord import far as discord
from tests.contract.farside import PIXEL_SHA256, Far, a_moment_ago, five_images, image, permit_for
from tests.contract.stand_ins.faulty_front import Fault
from tests.contract.stand_ins.strict_discord import CHANNEL, GUILD, NUMBER, SECRET, THREAD, TOKEN

pytestmark = [pytest.mark.contract, pytest.mark.pure]

FAMILY = "👨‍👩‍👧‍👦"


@pytest.fixture
def far(client: httpx.Client, tmp_path: Path) -> Iterator[Far]:
    with discord(client, tmp_path) as made:
        yield made


def codes(content: Content, **limits: object) -> list[str]:
    return [problem.code for problem in Discord.validate(content, limits)]


def refused(far: Far, status: int, code: int, said: str = "non", **more: object) -> Fault:
    return Fault(status, json.dumps({"message": said, "code": code, **more}).encode())


# --- Counting -------------------------------------------------------------------------------------
@pytest.mark.parametrize("off", [-1, 0, 1])
@pytest.mark.parametrize(
    ("char", "each"), [("x", 1), ("é", 1), ("😀", 1), ("e\u0301", 2), (FAMILY, 7), ("ש", 1), ("𝔘", 1)]
)
def test_the_limit_is_counted_in_code_points(far: Far, char: str, each: int, off: int):
    text = char * (1998 // each)
    text += "." * (2000 + off - len(text))
    assert codes(Content(text)) == (["too_long"] if off > 0 else [])
    assert Discord.count(Content(text), {})[0].used == 2000 + off
    if off > 0:
        with pytest.raises(Rejected, match="2000 or fewer"):
            far.publish(Content(text), "key")
    else:
        assert far.publish(Content(text), "key").remote_id


def test_a_link_counts_in_full():
    link = "https://maison-lumiere.example/" + "a" * 100
    assert Discord.count(Content("Aurore", link=link), {})[0].used == 6 + 2 + len(link)


@pytest.mark.parametrize("text", ["\u200b", "\u2060\u200d", "\u2800", "\u3164 \u00a0", "\u202e", "\ufe0f"])
def test_a_text_that_nobody_can_see_is_none(text: str):
    assert codes(Content(text)) == ["empty"]
    assert codes(Content(text, (image(),))) == []


# --- What goes out --------------------------------------------------------------------------------
@pytest.mark.parametrize("text", ["@everyone @here", "<@123> <@&456> <#789>", "@maison"])
@pytest.mark.parametrize("pictures", [0, 2])
def test_nobody_is_ever_pinged(far: Far, text: str, pictures: int):
    """The stand-in refuses whatever lets Discord ping somebody."""
    receipt = far.publish(Content(text, (image(),) * pictures), "key")
    far.adapter().correct(
        receipt, payload := far.render(Content(text, (image(),) * pictures)), permit_for(payload)
    )
    sent = [seen for seen in far.front.seen if seen.method in {"POST", "PATCH"}]
    assert len(sent) == 2
    assert all(b'"allowed_mentions":{"parse":[]}' in seen.body.replace(b": ", b":") for seen in sent)


def test_a_message_says_where_it_is(far: Far):
    receipt = far.publish(Content("Bonjour"), "key")
    assert receipt.url == f"https://discord.com/channels/{GUILD}/{CHANNEL}/{receipt.remote_id}"
    # Known from the last check, it is not asked for again.
    far.front.seen.clear()
    payload = far.render(Content("Bonjour"))
    limits = far.adapter().check().limits
    far.front.seen.clear()
    far.adapter(limits=limits).publish(payload, permit_for(payload), "key", a_moment_ago())
    assert [seen.method for seen in far.front.seen] == ["POST"]


def test_pictures_go_out_with_their_descriptions(far: Far):
    receipt = far.publish(Content("Cinq vues", five_images()), "key")
    attached = far.server.messages[receipt.remote_id]["attachments"]
    assert [one["description"] for one in attached] == [f"Vue numéro {place}" for place in range(1, 6)]
    assert len(set(far.server.files[receipt.remote_id])) == 5


@pytest.mark.parametrize(
    ("options", "flags"),
    [({}, 0), ({"silent": "1"}, 4096), ({"suppress_embeds": "1"}, 4), ({"silent": "0"}, 0)],
)
def test_options_are_flags_and_covered_by_the_digest(far: Far, options: dict[str, str], flags: int):
    receipt = far.publish(content := Content("a", options=options), "key")
    assert far.server.messages[receipt.remote_id]["flags"] == flags
    assert (far.render(content).sha256 == far.render(Content("a")).sha256) is (flags == 0)


def test_in_a_thread_it_is_published_read_corrected_and_taken_away(far: Far):
    content = Content("Dans le fil", options={"thread_id": f" {THREAD} "})
    assert codes(content) == []
    receipt = far.publish(content, "key")
    assert receipt.url == f"https://discord.com/channels/{GUILD}/{THREAD}/{receipt.remote_id.split('/')[1]}"
    payload = far.render(Content("Corrigé", options={"thread_id": THREAD}))
    assert far.adapter().correct(receipt, payload, permit_for(payload)) == receipt
    assert far.adapter().reread(receipt, payload) == receipt
    far.adapter().retract(receipt)
    assert far.server.messages == {}
    far.adapter().retract(receipt)


@pytest.mark.parametrize("thread", ["abc", "12 34", "https://discord.com/channels/1/2", "१२३"])
def test_a_thread_is_a_number(far: Far, thread: str):
    content = Content("a", options={"thread_id": thread})
    assert codes(content) == ["thread_unknown"]
    with pytest.raises(Rejected):
        far.publish(content, "key")
    assert far.front.seen == []


def test_a_forum_wants_a_thread_and_a_thread_must_be_there(far: Far):
    far.server.forum = True
    with pytest.raises(Rejected, match="forum"):
        far.publish(Content("a"), "key")
    with pytest.raises(Rejected, match="Unknown Channel"):
        far.publish(Content("a", options={"thread_id": "42"}), "key")
    assert far.server.messages == {}


# --- Media ----------------------------------------------------------------------------------------
def picture(**changes: object) -> MediaItem:
    values = {"sha256": PIXEL_SHA256, "mime": "image/png", "alt": "a", "width": 1, "height": 1, "size": 9}
    return MediaItem(**{**values, **changes})


@pytest.mark.parametrize(
    ("item", "found"),
    [
        (picture(), []),
        (picture(alt="x" * 1024), []),
        (picture(alt="x" * 1025), ["alt_too_long"]),
        (picture(alt=FAMILY * 146), []),
        (picture(alt=FAMILY * 147), ["alt_too_long"]),
        (picture(alt=" "), ["alt_missing"]),
        (picture(size=10_485_760), []),
        (picture(size=10_485_761), ["media_too_large"]),
        (picture(mime="image/gif"), []),
        (picture(mime="image/avif"), ["media_type"]),
    ],
)
def test_what_a_picture_may_be(item: MediaItem, found: list[str]):
    assert codes(Content("Texte", (item,))) == found


def test_ten_pictures_and_not_eleven():
    assert codes(Content("Texte", (picture(),) * 10)) == []
    assert codes(Content("Texte", (picture(),) * 11)) == ["media_too_many"]


def test_what_is_not_offered_is_said():
    content = Content("a", thread=("b",), reply_to="1", options={"content_warning": "c", "visibility": "x"})
    offered = ["thread_not_offered", "reply_not_offered", "warning_not_offered"]
    assert codes(content) == ["visibility_unknown", *offered]


# --- The webhook's address ------------------------------------------------------------------------
@pytest.mark.parametrize(
    "secret",
    [
        SECRET,
        f" {SECRET}/ ",
        SECRET.replace("discord.com", "discordapp.com"),
        SECRET.replace("discord.com/api", "canary.discord.com/api/v10"),
    ],
)
def test_a_webhook_may_be_pasted_as_discord_shows_it(far: Far, secret: str):
    assert far.adapter(secret=secret).check().ok


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "token",
        SECRET.replace("discord.com", "discord.com.evil.example"),
        SECRET.replace("https://", "https://evil.example/"),
        SECRET.replace("https", "http"),
        SECRET.replace("discord.com", "u:p@discord.com"),
        SECRET.replace("discord.com", "127.0.0.1"),
        SECRET + "/../../../users/@me",
        SECRET + "?thread_id=1",
        SECRET + "/slack",
        SECRET + "\n",
    ],
)
def test_what_is_no_webhook_is_never_called(far: Far, secret: str):
    adapter = far.adapter(secret=secret)
    health = adapter.check()
    if secret.strip() == SECRET:
        assert health.ok
        return
    assert (health.ok, far.front.seen) == (False, [])
    assert "webhooks" in health.problem
    assert TOKEN not in repr(health)


def test_the_host_cannot_be_filled_in():
    assert Discord.settings == ()


# --- What refusals mean ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("status", "code", "meaning"),
    [
        (404, 10015, AuthFailed),
        (401, 50027, AuthFailed),
        (403, 50013, AuthFailed),
        (403, 50001, AuthFailed),
        (403, 40333, Rejected),
        (400, 50006, Rejected),
        (400, 200000, Rejected),
        (404, 10003, Rejected),
    ],
)
def test_the_code_says_whose_fault_it_is(far: Far, status: int, code: int, meaning: type[Exception]):
    far.front.arm("POST", PATH, refused(far, status, code, f"mot {SECRET} {TOKEN}"))
    with pytest.raises(meaning) as caught:
        far.publish(Content("a"), "key")
    assert "mot" in str(caught.value)
    assert far.shown(str(caught.value)) == []


def test_a_refused_field_is_named_in_discords_words(far: Far):
    errors = {"embeds": {"0": {"title": {"_errors": [{"code": "X", "message": "Trop long."}]}}}}
    far.front.arm("POST", PATH, refused(far, 400, 50035, "Invalid Form Body", errors=errors))
    with pytest.raises(Rejected, match=r"Invalid Form Body: Trop long\."):
        far.publish(Content("a"), "key")


@pytest.mark.parametrize(
    ("body", "headers", "wait"),
    [
        ({"retry_after": 64.57, "global": False}, {"Retry-After": "65"}, 64.57),
        ({"retry_after": 0.2}, {}, 1.0),
        ({}, {"X-RateLimit-Reset-After": "12.5"}, 12.5),
        ({}, {"Retry-After": "30", "X-RateLimit-Reset-After": "12.5"}, 30),
        ({"retry_after": "soon"}, {}, None),
        ({"retry_after": -1}, {}, None),
        ({"retry_after": 10**9}, {}, 86_400),
    ],
)
def test_how_long_to_wait(far: Far, body: dict, headers: dict[str, str], wait: float | None):
    said = {"message": "You are being rate limited.", **body}
    far.front.arm("POST", PATH, Fault(429, json.dumps(said).encode(), headers=headers))
    with pytest.raises(RateLimited) as caught:
        far.publish(Content("a"), "key")
    assert caught.value.retry_after == wait


# --- Afterwards -----------------------------------------------------------------------------------
def test_after_a_lost_answer_a_person_is_asked(far: Far):
    far.front.arm("POST", PATH, Fault(cut="after accepting"))
    with pytest.raises(Ambiguous):
        far.publish(Content("a"), "key")
    found = far.adapter().reconcile(far.render(Content("a")), "key", a_moment_ago())
    assert isinstance(found, CannotTell)
    assert not found.again


def test_a_correction_replaces_words_pictures_and_the_preview(far: Far):
    receipt = far.publish(Content("Faute", five_images()[:2]), "key")
    content = Content("Corrigé", five_images()[2:3], options={"suppress_embeds": "1"})
    payload = far.render(content)
    assert far.adapter().correct(receipt, payload, permit_for(payload)) == receipt
    message = far.server.messages[receipt.remote_id]
    assert (message["content"], message["flags"]) == ("Corrigé", 4)
    assert [one["description"] for one in message["attachments"]] == ["Vue numéro 3"]
    payload = far.render(Content("Sans image"))
    far.adapter().correct(receipt, payload, permit_for(payload))
    assert far.server.messages[receipt.remote_id]["attachments"] == []
    assert far.adapter().reread(receipt, payload) == receipt
    assert far.adapter().reread(receipt, far.render(Content("Autre"))) == NotFound()


def test_where_the_webhook_is_gone_nothing_is_called_taken_away(far: Far):
    receipt = far.publish(Content("Encore là"), "key")
    far.server.gone = True
    with pytest.raises(AuthFailed):
        far.adapter().retract(receipt)
    payload = far.render(Content("Corrigé"))
    with pytest.raises(AuthFailed):
        far.adapter().correct(receipt, payload, permit_for(payload))
    assert isinstance(far.adapter().reread(receipt, payload), CannotTell)
    assert not far.adapter().check().ok
    assert len(far.server.messages) == 1


@pytest.mark.parametrize("remote_id", ["", "x", "1/2/3", "../1", "a/1", "१"])
def test_what_is_no_message_is_never_asked_for(far: Far, remote_id: str):
    payload = far.render(Content("a"))
    with pytest.raises(Rejected):
        far.adapter().retract(Receipt(remote_id))
    with pytest.raises(Rejected):
        far.adapter().correct(Receipt(remote_id), payload, permit_for(payload))
    assert far.front.seen == []


def test_who_it_is(far: Far):
    health = far.adapter().check()
    assert (health.account, health.handle) == (f"https://discord.com#{NUMBER}", "Maison Lumière")
    assert health.url == f"https://discord.com/channels/{GUILD}/{CHANNEL}"
    assert health.limits["guild_id"] == GUILD
