"""What is Telegram's own, against the strict stand-in (and `telegram-test-api`, where it is installed)."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from adapters.base import (
    Ambiguous,
    Content,
    MediaItem,
    NotFound,
    NotSent,
    Permit,
    PermitRefused,
    Receipt,
    Rejected,
)
from adapters.telegram import Telegram
from adapters.telegram_text import chat_id, link_to
from tests.contract.far_telegram import far as telegram
from tests.contract.farside import CHANNEL, PIXEL_SHA256, Far, a_moment_ago, image, permit_for
from tests.contract.stand_ins.faulty_front import Fault
from tests.contract.stand_ins.strict_telegram import CHAT, TOKEN

pytestmark = [pytest.mark.contract, pytest.mark.pure]

ALBUM, EDIT, DELETE = (f"/bot{TOKEN}/{one}" for one in ("sendMediaGroup", "editMessageText", "deleteMessage"))
FAMILY = "👨‍👩‍👧‍👦"


@pytest.fixture
def far(client: httpx.Client, tmp_path: Path) -> Iterator[Far]:
    with telegram(client, tmp_path) as made:
        yield made


def codes(content: Content, **limits: object) -> list[str]:
    return [problem.code for problem in Telegram.validate(content, limits)]


# --- Counting -------------------------------------------------------------------------------------
@pytest.mark.parametrize("off", [-1, 0, 1])
@pytest.mark.parametrize(
    ("char", "each"), [("x", 1), ("é", 1), ("😀", 1), ("e\u0301", 2), (FAMILY, 7), ("ש", 1)]
)
@pytest.mark.parametrize("captioned", [False, True])
def test_the_limit_is_counted_in_code_points(far: Far, char: str, each: int, captioned: bool, off: int):
    limit = 1024 if captioned else 4096
    text = char * ((limit - 2) // each)
    text += "." * (limit + off - len(text))
    content = Content(text, (image(),) if captioned else ())
    assert codes(content) == (["too_long"] if off > 0 else [])
    assert Telegram.count(content, {})[0].used == limit + off
    if off > 0:
        with pytest.raises(Rejected, match="too long"):
            far.publish(content, "key")
    else:
        assert far.publish(content, "key").remote_id


def test_the_title_and_the_link_count():
    content = Content("x" * 4080, link="https://a.example/b", options={"title": "Aurore"})
    assert Telegram.count(content, {})[0].used == 4080 + 2 + 19 + 2 + 6
    assert codes(content) == ["too_long"]


@pytest.mark.parametrize("text", ["\u200b", "\u2060\u200d", "\u2800", "\u3164 \u00a0", "\u202e"])
def test_a_text_that_nobody_can_see_is_none(text: str):
    assert codes(Content(text)) == ["empty"]
    assert codes(Content(text, (image(),))) == []


# --- What goes out ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "text",
    [
        "*gras* _souligné_ [lien](https://x.example) `code` <b>a</b> & \\ ~ ||caché||",
        f"famille {FAMILY} drapeau 🇫🇷 العربية עברית",
        "e\u0301 et é, zéro\u200bchasse",
    ],
)
def test_nothing_is_parsed_as_markup(far: Far, text: str):
    receipt = far.publish(Content(text), "key")
    assert far.server.messages[int(receipt.remote_id)]["text"] == text
    assert far.server.messages[int(receipt.remote_id)]["entities"] == []


@pytest.mark.parametrize(("head", "units"), [("Aurore", 6), ("Été 😀", 6), (FAMILY, 11)])
@pytest.mark.parametrize("captioned", [False, True])
def test_a_title_is_bold_by_utf16_units(far: Far, head: str, units: int, captioned: bool):
    content = Content("Le texte", (image(),) if captioned else (), options={"title": f"  {head}\n"})
    message = far.server.messages[int(far.publish(content, "key").remote_id)]
    assert message["caption" if captioned else "text"] == f"{head}\n\nLe texte"
    assert message["entities"] == [{"type": "bold", "offset": 0, "length": units}]


@pytest.mark.parametrize(
    ("chosen", "sent"),
    [("", None), ("none", {"is_disabled": True}), ("large", {"prefer_large_media": True})],
)
def test_the_preview_of_a_link_is_the_approved_one(far: Far, chosen: str, sent: object):
    content = Content("https://maison-lumiere.example/", options={"link_preview": chosen})
    message = far.server.messages[int(far.publish(content, "key").remote_id)]
    assert message["preview"] == sent


def test_without_a_sound(far: Far):
    loud, quiet = Content("a"), Content("a", options={"disable_notification": "1"})
    assert far.render(loud).sha256 != far.render(quiet).sha256
    ids = [int(far.publish(content, "key").remote_id) for content in (loud, quiet)]
    assert [far.server.messages[number]["silent"] for number in ids] == [False, True]


def test_an_album_goes_out_in_one_request_with_its_text_under_the_first(far: Far):
    receipt = far.publish(Content("Trois lampes", (image(), image(), image())), "key")
    assert len(receipt.parts) == 3
    assert receipt.remote_id == receipt.parts[0]
    captions = [far.server.messages[int(number)]["caption"] for number in receipt.parts]
    assert captions == ["Trois lampes", "", ""]
    assert [seen.path for seen in far.front.seen] == [ALBUM]


@pytest.mark.parametrize(
    ("chat", "url"),
    [
        ({"id": CHAT, "username": "maison_lumiere"}, "https://t.me/maison_lumiere/7"),
        ({"id": CHAT}, "https://t.me/c/1234567890/7"),
        ({"id": -42}, ""),
        ({"id": CHAT, "username": "../evil"}, "https://t.me/c/1234567890/7"),
    ],
)
def test_the_address_of_a_message(chat: dict, url: str):
    assert link_to(chat, "7") == url


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("@maison_lumiere", "@maison_lumiere"),
        (" maison_lumiere ", "@maison_lumiere"),
        ("https://t.me/maison_lumiere/", "@maison_lumiere"),
        ("-1001234567890", CHAT),
        ("@a b", None),
        ("", None),
        ("https://x.example/maison", None),
    ],
)
def test_how_a_chat_may_be_written(far: Far, written: str, meant: object):
    assert chat_id(written) == meant
    if meant is None:
        with pytest.raises(Rejected):
            far.adapter(settings={"base_url": far.front.base_url, "chat": written})


# --- Replies --------------------------------------------------------------------------------------
def test_a_reply_by_number_and_by_address(far: Far):
    first = far.publish(Content("Premier"), "key").remote_id
    for reference in (first, f"https://t.me/maison_lumiere/{first}", f"https://t.me/c/1234567890/{first}"):
        content = Content("Réponse", reply_to=reference)
        assert codes(content, chat_id=str(CHAT), username="Maison_Lumiere") == []
        assert far.server.messages[int(far.publish(content, "key").remote_id)]["reply"] == int(first)


def test_a_reply_to_nothing_or_elsewhere(far: Far):
    assert codes(Content("a", reply_to="https://t.me/autre/3"), chat_id=str(CHAT)) == ["reply_elsewhere"]
    for reference in ("two words", "https://[broken", "https://x.example/1", "0", "https://t.me/maison"):
        assert codes(Content("a", reply_to=reference)) == ["reply_unknown"], reference
    with pytest.raises(Rejected, match="replied not found"):
        far.publish(Content("a", reply_to="999"), "key")
    assert far.server.messages == {}


# --- Media ----------------------------------------------------------------------------------------
def picture(**changes: object) -> MediaItem:
    values = {"sha256": PIXEL_SHA256, "mime": "image/png", "width": 100, "height": 100, "size": 1000}
    return MediaItem(**{**values, **changes})


@pytest.mark.parametrize(
    ("item", "found"),
    [
        (picture(), []),
        (picture(alt=""), []),
        (picture(alt="x" * 5000), []),
        (picture(size=10_485_760), []),
        (picture(size=10_485_761), ["media_too_large"]),
        (picture(width=5000, height=5000), []),
        (picture(width=5001, height=5000), ["media_too_many_pixels"]),
        (picture(width=2000, height=100), []),
        (picture(width=2001, height=100), ["media_too_narrow"]),
        (picture(mime="image/gif"), ["media_type"]),
    ],
)
def test_what_a_picture_may_be(item: MediaItem, found: list[str]):
    assert codes(Content("Texte", (item,))) == found


def test_ten_pictures_and_not_eleven():
    assert codes(Content("Texte", (picture(),) * 10)) == []
    assert codes(Content("Texte", (picture(),) * 11)) == ["media_too_many"]


def test_what_is_not_offered_is_said_and_never_sent_by_half(far: Far):
    content = Content("a", thread=("b",), options={"content_warning": "c"})
    assert codes(content) == ["thread_not_offered", "warning_not_offered"]
    assert codes(Content("a", options={"link_preview": "huge"})) == ["link_preview_unknown"]
    with pytest.raises(Rejected):
        far.publish(content, "key")
    assert far.front.seen == []


# --- Afterwards -----------------------------------------------------------------------------------
def test_a_text_is_corrected_and_again_is_no_error(far: Far):
    receipt = far.publish(Content("Faute"), "key")
    payload = far.render(Content("Corrigé", options={"title": "Aurore"}))
    first = far.adapter().correct(receipt, payload, permit_for(payload))
    assert first == far.adapter().correct(receipt, payload, permit_for(payload)) == receipt
    assert far.server.texts() == [{"text": "Aurore\n\nCorrigé"}]
    assert far.adapter().reread(receipt, payload) == NotFound()


@pytest.mark.parametrize("number", [1, 3])
def test_pictures_are_corrected_with_their_text(far: Far, number: int):
    receipt = far.publish(Content("Faute", (image(),) * number), "key")
    payload = far.render(Content("Corrigé", (image(),) * number))
    assert far.adapter().correct(receipt, payload, permit_for(payload)).parts == receipt.parts
    assert [one["text"] for one in far.server.texts()] == ["Corrigé"] + [""] * (number - 1)


def test_half_a_corrected_album_is_never_called_harmless(far: Far):
    receipt = far.publish(Content("Faute", (image(), image())), "key")
    payload = far.render(Content("Corrigé", (image(), image())))
    far.front.arm("POST", f"/bot{TOKEN}/editMessageMedia", Fault(429), skip=1)
    with pytest.raises(Ambiguous):
        far.adapter().correct(receipt, payload, permit_for(payload))


def test_a_correction_keeps_the_number_of_pictures(far: Far):
    receipt = far.publish(Content("Une", (image(),)), "key")
    for content in (Content("Deux", (image(), image())), Content("a", thread=("b",))):
        payload = far.render(content)
        with pytest.raises(Rejected):
            far.adapter().correct(receipt, payload, permit_for(payload))
    assert len(far.front.seen) == 1
    payload = far.render(Content("Aucune"))
    with pytest.raises(Rejected, match="no text"):
        far.adapter().correct(receipt, payload, permit_for(payload))


def test_a_correction_whose_answer_is_lost_may_be_public(far: Far):
    receipt = far.publish(Content("Faute"), "key")
    payload = far.render(Content("Corrigé"))
    far.front.arm("POST", EDIT, Fault(cut="after accepting"))
    with pytest.raises(Ambiguous):
        far.adapter().correct(receipt, payload, permit_for(payload))
    assert far.adapter().correct(receipt, payload, permit_for(payload)) == receipt


def test_what_is_gone_cannot_be_corrected(far: Far):
    payload = far.render(Content("Corrigé"))
    with pytest.raises(Rejected):
        far.adapter().correct(Receipt("999"), payload, permit_for(payload))


@pytest.mark.parametrize("media", [0, 2])
def test_retracting_takes_all_of_it_away_and_again_is_no_error(far: Far, media: int):
    receipt = far.publish(Content("Retiré", (image(),) * media), "key")
    far.front.arm("POST", DELETE, Fault(cut="after accepting"))
    with pytest.raises(NotSent):
        far.adapter().retract(receipt)
    far.adapter().retract(receipt)
    assert far.server.messages == {}
    far.adapter().retract(receipt)


def test_what_is_too_old_must_be_deleted_by_hand(far: Far):
    receipt = far.publish(Content("Vieux"), "key")
    far.server.too_old.add(int(receipt.remote_id))
    with pytest.raises(Rejected, match="48 hours"):
        far.adapter().retract(receipt)


def test_a_wrong_permit_is_refused_before_any_byte(far: Far):
    payload, other = far.render(Content("Approuvé", (image(),))), far.render(Content("Autre"))
    for permit in (permit_for(other), Permit(1, 1, "other/channel", "d", payload.sha256)):
        with pytest.raises(PermitRefused):
            far.adapter().publish(payload, permit, "key", a_moment_ago())
        with pytest.raises(PermitRefused):
            far.adapter().correct(Receipt("1"), payload, permit)
    assert far.front.seen == []


# --- The third party's server ---------------------------------------------------------------------
@pytest.fixture
def test_api(tmp_path: Path) -> Iterator[str]:
    """npm's telegram-test-api 4.2, which `make test` installs where there is npm (.ci/prepare tools)."""
    folder = Path(__file__).resolve().parents[2] / ".venv" / "node"
    if not shutil.which("node") or not (folder / "node_modules" / "telegram-test-api").is_dir():
        pytest.skip("NOT RUN: npm's telegram-test-api is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    script = (
        "const Server = require('telegram-test-api'); const port = Number(process.argv[1]);"
        "new Server({port, host: '127.0.0.1'}).start().then(() => console.log('up'));"
    )
    process = subprocess.Popen(
        ["node", "-e", script, str(port)], cwd=folder, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "up"
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout:
            process.stdout.close()


def test_against_telegram_test_api(far: Far, test_api: str):
    """It knows sendMessage, deleteMessage and getMe; it checks nothing and answers numbers for chats only."""
    adapter = far.adapter(settings={"base_url": test_api, "chat": "4711"})
    payload = Telegram.render(Content("Bonjour 😀", options={"title": "Aurore"}), CHANNEL, {})
    receipt = adapter.publish(payload, permit_for(payload), "key", a_moment_ago())
    history = httpx.post(f"{test_api}/getUpdatesHistory", json={"token": TOKEN}, timeout=5).json()["result"]
    assert [one["message"]["text"] for one in history] == ["Aurore\n\nBonjour 😀"]
    adapter.retract(receipt)
