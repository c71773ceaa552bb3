"""What Telegram's refusals and lost answers mean, and what a bot may do in its chat."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from adapters.base import (
    AdapterError,
    Ambiguous,
    AuthFailed,
    CannotTell,
    Content,
    RateLimited,
    Rejected,
    Unavailable,
)
from adapters.telegram import Telegram
from tests.contract.far_telegram import far as telegram
from tests.contract.farside import Far, a_moment_ago, image, permit_for
from tests.contract.stand_ins.faulty_front import Fault
from tests.contract.stand_ins.strict_telegram import CHAT, TOKEN

pytestmark = [pytest.mark.contract, pytest.mark.pure]

SEND, PHOTO, ALBUM = (f"/bot{TOKEN}/{one}" for one in ("sendMessage", "sendPhoto", "sendMediaGroup"))


@pytest.fixture
def far(client: httpx.Client, tmp_path: Path) -> Iterator[Far]:
    with telegram(client, tmp_path) as made:
        yield made


def said(code: int, description: str, **parameters: object) -> bytes:
    body = {"ok": False, "error_code": code, "description": description, "parameters": parameters}
    return json.dumps(body).encode()


# --- What refusals mean ---------------------------------------------------------------------------
REFUSALS = [
    (401, "Unauthorized", AuthFailed),
    (404, "Not Found", AuthFailed),
    (403, "Forbidden: bot was kicked from the channel chat", AuthFailed),
    (403, "Forbidden: bot is not a member of the channel chat", AuthFailed),
    (400, "Bad Request: chat not found", AuthFailed),
    (400, "Bad Request: need administrator rights in the channel chat", AuthFailed),
    (400, "Bad Request: not enough rights to send text messages to the chat", AuthFailed),
    (400, "Bad Request: CHAT_WRITE_FORBIDDEN", AuthFailed),
    (400, "Bad Request: message is too long", Rejected),
    (413, "Request Entity Too Large", Rejected),
    (429, "Too Many Requests: retry after 7", RateLimited),
    (500, "Internal Server Error", Ambiguous),
    (502, "Bad Gateway", Ambiguous),
    (503, "Service Unavailable", Unavailable),
    (420, "Enhance your calm", Ambiguous),
]


@pytest.mark.parametrize("as_200", [False, True])
@pytest.mark.parametrize(("code", "words", "meaning"), REFUSALS)
def test_what_a_refusal_means_whatever_the_status(
    far: Far, code: int, words: str, meaning: type[AdapterError], as_200: bool
):
    body = said(code, words, **({"retry_after": 7} if code == 429 else {}))
    far.front.arm("POST", SEND, Fault(200 if as_200 else code, body))
    with pytest.raises(AdapterError) as caught:
        far.publish(Content("x"), "key")
    assert type(caught.value) is meaning
    assert caught.value.public
    assert getattr(caught.value, "retry_after", 7) == 7


def test_a_body_does_not_make_trouble_of_the_server_harmless(far: Far):
    far.front.arm("POST", SEND, Fault(502, said(400, "Bad Request: message is too long")))
    with pytest.raises(Ambiguous):
        far.publish(Content("x"), "key")


def test_a_group_that_moved_is_named_and_not_followed(far: Far):
    far.server.moved_to = -100999
    with pytest.raises(Rejected) as caught:
        far.publish(Content("x"), "key")
    assert "-100999" in caught.value.detail
    assert len(far.front.seen) == 1
    assert not far.adapter().check().ok


@pytest.mark.parametrize(
    "body",
    [b"{}", b'{"ok": true}', b'{"ok": true, "result": true}', b'{"ok": "yes", "result": {"message_id": 1}}'],
)
def test_an_answer_of_the_wrong_shape_may_be_public(far: Far, body: bytes):
    far.front.arm("POST", SEND, Fault(200, body))
    with pytest.raises(Ambiguous):
        far.publish(Content("x"), "key")


def test_an_album_of_which_one_picture_is_missing_in_the_answer(far: Far):
    far.front.arm("POST", ALBUM, Fault(200, b'{"ok": true, "result": [{"message_id": 1}]}'))
    with pytest.raises(Ambiguous):
        far.publish(Content("x", (image(), image())), "key")


def test_the_token_stands_in_no_error_and_no_log(far: Far, caplog: pytest.LogCaptureFixture):
    """It is in the address: whatever quotes an address would show it."""
    faults = [
        Fault(400, said(400, f"Bad Request: /bot{TOKEN}/sendMessage")),
        Fault(cut="after reading"),
        Fault(302),
    ]
    faults += [Fault(200, b"<html>"), Fault(500), Fault(429), Fault(cut="before reading")]
    with caplog.at_level("WARNING"):
        for fault in faults:
            far.front.arm("POST", SEND, fault)
            with pytest.raises(AdapterError) as caught:
                far.publish(Content("x"), "key")
            shown = f"{caught.value}{caught.value!r}{vars(caught.value)}{caught.value.__cause__}"
            assert TOKEN not in shown
            assert TOKEN.split(":")[1] not in shown
    assert TOKEN not in caplog.text
    assert TOKEN not in repr(far.adapter().check())


@pytest.mark.parametrize("token", ["", "no-colon", "12:short", "1:" + "a/../getMe?x=" * 3, "12:" + "é" * 20])
def test_what_cannot_be_a_token_never_becomes_an_address(far: Far, token: str):
    payload = far.render(Content("x"))
    with pytest.raises(AuthFailed):
        far.adapter(secret=token).publish(payload, permit_for(payload), "key", a_moment_ago())
    assert far.front.seen == []


def test_another_bots_token(far: Far):
    payload = far.render(Content("x"))
    with pytest.raises(AuthFailed):
        far.adapter(secret="1" + TOKEN).publish(payload, permit_for(payload), "key", a_moment_ago())


# --- Unknown outcomes -----------------------------------------------------------------------------
@pytest.mark.parametrize(("path", "media"), [(SEND, 0), (PHOTO, 1), (ALBUM, 2)])
def test_a_lost_answer_needs_a_person(far: Far, path: str, media: int):
    content = Content("Perdu", (image(),) * media)
    far.front.arm("POST", path, Fault(cut="after accepting"))
    with pytest.raises(Ambiguous):
        far.publish(content, "key")
    before = len(far.server.messages)
    found = far.adapter().reconcile(far.render(content), "key", a_moment_ago())
    assert isinstance(found, CannotTell)
    assert not found.again
    assert not Telegram.capabilities.reconcilable
    assert len(far.server.messages) == before == max(1, media)


# --- Who am I -------------------------------------------------------------------------------------
def test_check_says_who_and_where_without_posting(far: Far):
    health = far.adapter().check()
    assert health.ok, health.problem
    assert (health.account, health.handle) == (f"https://t.me#{CHAT}", "@maison_lumiere")
    assert health.url == "https://t.me/maison_lumiere"
    assert set(health.limits) == set(Telegram.default_limits)
    assert {seen.path.rsplit("/", 1)[1] for seen in far.front.seen} == {"getMe", "getChat", "getChatMember"}


@pytest.mark.parametrize(
    ("kind", "member", "chat", "well"),
    [
        ("channel", {"status": "administrator", "can_post_messages": True}, {}, True),
        ("channel", {"status": "administrator", "can_post_messages": False}, {}, False),
        ("channel", {"status": "creator"}, {}, True),
        ("channel", {"status": "member"}, {}, False),
        ("supergroup", {"status": "administrator"}, {}, True),
        ("supergroup", {"status": "member"}, {"permissions": {"can_send_messages": True}}, True),
        ("supergroup", {"status": "member"}, {"permissions": {"can_send_messages": False}}, False),
        ("supergroup", {"status": "restricted", "can_send_messages": False}, {}, False),
        ("supergroup", {"status": "kicked"}, {}, False),
        ("group", {"status": "left"}, {}, False),
    ],
)
def test_lost_rights_show_before_a_release(far: Far, kind: str, member: dict, chat: dict, well: bool):
    far.server.member = member
    far.server.chat |= {"type": kind, **chat}
    health = far.adapter().check()
    assert (health.ok, bool(health.problem)) == (well, not well)


@pytest.mark.parametrize(
    "fault", [Fault(401), Fault(500), Fault(200, b"<html>"), Fault(302), Fault(200, b"{}")]
)
def test_check_turns_faults_into_a_sentence(far: Far, fault: Fault):
    far.front.arm("POST", f"/bot{TOKEN}/getChat", fault)
    health = far.adapter().check()
    assert not health.ok
    assert health.problem
    assert TOKEN not in health.problem
