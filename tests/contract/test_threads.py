"""What is Threads' own, against the strict stand-in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from adapters.base import (
    AdapterError,
    Ambiguous,
    AuthFailed,
    CannotTell,
    Content,
    Duplicate,
    MediaItem,
    NotFound,
    NotSent,
    RateLimited,
    Receipt,
    Rejected,
    Unavailable,
    nowhere,
)
from adapters.graph import NOT_FETCHED, RESTRICTED, STILL_WORKING, Session
from adapters.graph_containers import LOOKS
from adapters.threads import PARTLY_OUT, Threads
from adapters.threads_posts import length, links_in
from tests.contract.far_threads import far as threads_far
from tests.contract.far_threads import session
from tests.contract.farside import PIXEL_SHA256, Far, a_moment_ago, image, permit_for
from tests.contract.stand_ins.faulty_front import Fault
from tests.contract.stand_ins.strict_threads import NAME, TOKEN, USER, counted

pytestmark = [pytest.mark.contract, pytest.mark.pure]

MAKE, PUBLISH, LIST = "/v1.0/me/threads", "/v1.0/me/threads_publish", "/v1.0/me/threads"
LINK = "https://maison-lumiere.example/aurore?a=1&b=2"


@pytest.fixture
def far(client: httpx.Client, tmp_path: Path) -> Iterator[Far]:
    with threads_far(client, tmp_path) as made:
        yield made


def codes(content: Content) -> list[str]:
    return [problem.code for problem in Threads.validate(content, {})]


def forms(far: Far) -> list[dict[str, str]]:
    """What the containers were made of."""
    return [
        {name: values[0] for name, values in parse_qs(seen.body.decode()).items()}
        for seen in far.front.requests("POST", MAKE)
    ]


def graph_error(code: int, subcode: int = 0) -> bytes:
    said = {"message": "No.", "type": "OAuthException", "code": code, "error_subcode": subcode}
    return json.dumps({"error": said}).encode()


def lose_the_answer(far: Far, content: Content, skip: int = 0) -> datetime:
    since = a_moment_ago()
    far.front.arm("POST", PUBLISH, Fault(cut="after accepting"), skip=skip)
    with pytest.raises(Ambiguous):
        far.publish(content, "key", since)
    return since


# --- Counting -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "used"),
    [
        ("Aurore", 6),
        ("é", 1),
        ("e\u0301", 2),
        ("日本語", 3),
        ("العربية", 7),
        ("𝔘𝔫", 2),
        ("a\u200bb", 3),
        ("😀", 4),
        ("👍🏽", 8),
        ("👨‍👩‍👧‍👦", 25),
        ("🇫🇷", 8),
        ("🏳️‍🌈", 14),
        ("1️⃣", 7),
        ("❤️", 6),
        ("☀", 3),
        ("1 # *", 5),
        (LINK, len(LINK)),
    ],
)
def test_an_emoji_counts_its_bytes_and_all_else_its_characters(text: str, used: int):
    assert length(text) == used
    assert counted(text) == used


@pytest.mark.parametrize("off", [-1, 0, 1])
@pytest.mark.parametrize("sign", ["x", "é", "😀", "👨‍👩‍👧‍👦", "ש"])
def test_five_hundred(far: Far, sign: str, off: int):
    size = length(sign)
    text = sign * ((500 + off) // size) + "x" * ((500 + off) % size)
    assert Threads.count(Content(text), {})[0].used == 500 + off
    assert codes(Content(text)) == (["too_long"] if off > 0 else [])
    if off > 0:
        with pytest.raises(Rejected):
            far.publish(Content(text), "key")
    else:
        far.publish(Content(text), "key")
        assert far.server.texts() == [{"text": text}]


def test_five_links_each_once_and_the_card_is_one(far: Far):
    five = " ".join(f"https://x.example/{place}" for place in range(5))
    assert codes(Content(five)) == []
    assert codes(Content(f"{five}, {five}. www.autre.example")) == ["links"]
    assert codes(Content(five, link="https://x.example/4")) == []
    assert codes(Content(five, link=LINK)) == ["links"]
    assert codes(Content("a", thread=(f"{five} {LINK}",))) == ["links"]
    assert links_in("(https://x.example/a), www.b.example! a.b c@d.example") == {
        "https://x.example/a",
        "www.b.example",
    }
    with pytest.raises(Rejected) as caught:
        far.publish(Content(f"{five} {LINK}"), "key")
    assert "LINK_LIMIT" in caught.value.detail


# --- What goes out --------------------------------------------------------------------------------
def test_words_alone_with_a_card_a_topic_and_who_may_reply(far: Far):
    options = {"topic_tag": " # Lampes  françaises ", "reply_control": "followers_only"}
    content = Content("À voir & à lire", link=LINK, options=options)
    assert codes(content) == []
    receipt = far.publish(content, "key")
    assert forms(far) == [
        {
            "media_type": "TEXT",
            "text": "À voir & à lire",
            "link_attachment": LINK,
            "topic_tag": "Lampes françaises",
            "reply_control": "followers_only",
        }
    ]
    body = far.render(content).body
    assert (body["link"], body["topic_tag"]) == (LINK, "Lampes françaises")
    assert receipt.url == far.server.posts[receipt.remote_id]["permalink"]


def test_a_link_stands_in_the_text_beside_pictures_or_without_words(far: Far):
    far.publish(Content("À voir", (image(),), link=LINK), "key")
    assert forms(far)[-1]["text"] == f"À voir\n\n{LINK}"
    assert "link_attachment" not in forms(far)[-1]
    assert codes(Content("", link=LINK)) == []
    far.publish(Content("", link=LINK), "other")
    assert forms(far)[-1] == {"media_type": "TEXT", "text": LINK}


def test_one_picture_and_a_carousel(far: Far):
    far.publish(Content("Une", (image("Une lampe."),)), "key")
    assert {name: forms(far)[0][name] for name in ("media_type", "text", "alt_text")} == {
        "media_type": "IMAGE",
        "text": "Une",
        "alt_text": "Une lampe.",
    }
    far.front.seen.clear()
    receipt = far.publish(Content("", tuple(image(f"Vue {place}") for place in range(20))), "other")
    made = forms(far)
    assert [form.get("alt_text") for form in made] == [f"Vue {place}" for place in range(20)] + [None]
    assert all(form["is_carousel_item"] == "true" for form in made[:20])
    assert made[20]["media_type"] == "CAROUSEL"
    assert len(made[20]["children"].split(",")) == 20
    assert len(far.server.posts[receipt.remote_id]["children"]["data"]) == 20


def test_a_thread_is_a_chain_of_replies_to_oneself(far: Far):
    far.server.unseen_for = 2
    content = Content("Un", (image(),), thread=("Deux", "Trois"), options={"topic_tag": "Lampes"})
    receipt = far.publish(content, "key")
    first, second, third = receipt.parts
    out = far.server.posts
    assert [out[one]["form"].get("reply_to_id") for one in receipt.parts] == [None, first, second]
    assert [out[one]["form"].get("topic_tag") for one in receipt.parts] == ["Lampes", None, None]
    assert [out[one]["text"] for one in (first, second, third)] == ["Un", "Deux", "Trois"]
    far.adapter().retract(receipt)
    assert far.server.posts == {}
    gone = [seen.path for seen in far.front.seen if seen.method == "DELETE"]
    assert gone == [f"/v1.0/{one}" for one in (third, second, first)]


def test_a_part_that_cannot_follow_leaves_the_beginning_and_says_so(far: Far):
    far.server.unseen_for = LOOKS + 1
    content, since = Content("Un", thread=("Deux",)), a_moment_ago()
    with pytest.raises(Ambiguous) as caught:
        far.publish(content, "key", since)
    assert caught.value.public == PARTLY_OUT
    found = far.look(content, "key", since)
    assert isinstance(found, CannotTell)
    assert not found.again
    # Nobody repeats the beginning, not even when asked to.
    with pytest.raises(Ambiguous):
        far.publish(content, "key", since)
    assert far.count("Un") == 1


def test_a_reply_is_found_among_the_replies(far: Far):
    first, other = (far.publish(Content(text), text).remote_id for text in ("Un", "Autre"))
    since = a_moment_ago()
    content = Content("Réponse", reply_to=first)
    assert codes(content) == []
    receipt = far.publish(content, "key", since)
    assert far.look(content, "key", since) == receipt
    assert far.look(Content("Réponse", reply_to=other), "key", since) == NotFound()
    assert far.look(Content("Réponse"), "key", since) == NotFound()
    assert codes(Content("a", reply_to="https://www.threads.com/@x/post/abc")) == ["reply_unknown"]


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, []),
        ({"mime": "image/jpeg"}, []),
        ({"mime": "image/webp"}, ["media_type"]),
        ({"mime": "image/gif"}, ["media_type"]),
        ({"size": 8_000_001}, ["media_too_large"]),
        ({"width": 1440, "height": 144}, []),
        ({"width": 1440, "height": 143}, ["media_too_narrow"]),
        ({"width": 144, "height": 1440}, []),
        ({"width": 143, "height": 1440}, ["media_too_narrow"]),
        ({"width": 1441, "height": 1000}, ["media_too_many_pixels"]),
        ({"alt": "x" * 1001}, ["alt_too_long"]),
        ({"alt": ""}, ["alt_missing"]),
    ],
)
def test_what_a_picture_may_be(changes: dict[str, Any], found: list[str]):
    values = {"sha256": PIXEL_SHA256, "mime": "image/png", "alt": "a", "width": 9, "height": 9, "size": 9}
    item = MediaItem(**{**values, **changes})
    problems = Threads.validate(Content("Texte", (item,)), {})
    assert [one.code for one in problems] == found
    assert all(one.message % one.params for one in problems)
    assert Threads.media_rules({}).takes(item) is not any(one.startswith("media") for one in found)


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"topic_tag": "x" * 50}, []),
        ({"topic_tag": "x" * 51}, ["topic_tag_invalid"]),
        ({"topic_tag": "a.b"}, ["topic_tag_invalid"]),
        ({"topic_tag": "a&b"}, ["topic_tag_invalid"]),
        ({"topic_tag": "a\x07"}, ["topic_tag_invalid"]),
        ({"reply_control": "mentioned_only"}, []),
        ({"reply_control": "nobody"}, ["reply_control_unknown"]),
    ],
)
def test_what_an_option_may_be(options: dict[str, str], found: list[str]):
    assert codes(Content("Texte", options=options)) == found


def test_what_threads_does_not_take():
    assert codes(Content("a", (image(),) * 20)) == []
    assert codes(Content("a", (image(),) * 21)) == ["media_too_many"]
    assert codes(Content("a", options={"content_warning": "b"})) == ["warning_not_offered"]


def test_without_a_public_address_pictures_stay_and_words_go(far: Far):
    far.public_url = nowhere
    with pytest.raises(NotSent):
        far.publish(Content("Aurore", (image(),)), "key")
    assert far.front.seen == []
    assert far.publish(Content("Aurore"), "key").remote_id


# --- Containers, and errors -----------------------------------------------------------------------
def test_a_container_is_waited_for_and_what_takes_too_long_is_harmless(far: Far):
    far.server.looks_needed = 4
    assert far.publish(Content("Aurore"), "key").remote_id
    far.server.looks_needed = LOOKS + 1
    with pytest.raises(Unavailable) as caught:
        far.publish(Content("Autre"), "other")
    assert caught.value.public == STILL_WORKING
    assert far.count("Autre") == 0


@pytest.mark.parametrize("pictures", [2, 4])
def test_a_carousel_waits_for_its_pictures(far: Far, pictures: int):
    far.server.looks_needed = 2
    assert far.publish(Content("Aurore", tuple(image(f"Vue {n}") for n in range(pictures))), "key").remote_id
    assert far.count("Aurore") == 1


@pytest.mark.parametrize(
    ("state", "why", "meaning"),
    [
        ("ERROR", "FAILED_DOWNLOADING_VIDEO", Unavailable),
        ("ERROR", "UNKNOWN", Unavailable),
        ("ERROR", "INVALID_ASPEC_RATIO", Rejected),
        ("EXPIRED", "", Unavailable),
        ("PUBLISHED", "", Duplicate),
    ],
)
def test_each_state_of_a_container(far: Far, state: str, why: str, meaning: type[AdapterError]):
    far.server.trouble = (state, why)
    with pytest.raises(AdapterError) as caught:
        far.publish(Content("Aurore", (image(),)), "key")
    assert type(caught.value) is meaning
    assert (caught.value.public == NOT_FETCHED) is ("DOWNLOADING" in why)


@pytest.mark.parametrize(
    ("path", "code", "subcode", "meaning"),
    [
        (MAKE, 100, 0, Rejected),
        (MAKE, 24, 4279009, Unavailable),
        (MAKE, 10, 0, AuthFailed),
        (PUBLISH, 24, 4279009, Unavailable),
        (PUBLISH, 1, 0, Ambiguous),
        (PUBLISH, 2, 0, Ambiguous),
        (PUBLISH, 613, 0, RateLimited),
        (PUBLISH, 100, 4279013, AuthFailed),
    ],
)
def test_each_of_threads_codes(far: Far, path: str, code: int, subcode: int, meaning: type[AdapterError]):
    payload = far.render(Content("Aurore"))
    far.front.arm("POST", path, Fault(400, graph_error(code, subcode)))
    with pytest.raises(AdapterError) as caught:
        far.adapter().publish(payload, permit_for(payload), "key", a_moment_ago())
    assert type(caught.value) is meaning
    assert subcode != 4279013 or caught.value.public == RESTRICTED
    assert far.server.posts == {}


# --- Once, and only once --------------------------------------------------------------------------
@pytest.mark.parametrize(
    "content",
    [
        Content("Avec @ami et #été 👨‍👩‍👧‍👦"),
        Content("Une image", (image(),)),
        Content("", (image(), image("Deux"))),
        Content("Une carte", link=LINK),
    ],
    ids=["text", "picture", "pictures alone", "card"],
)
def test_a_lost_publication_is_found_and_not_repeated(far: Far, content: Content):
    far.server.hides_signs = True
    since = lose_the_answer(far, content)
    found = far.look(content, "key", since)
    assert isinstance(found, Receipt)
    assert [found.remote_id] == list(far.server.posts)
    made = len(far.server.containers)
    assert far.publish(content, "key", since) == found
    assert len(far.server.containers) == made
    assert far.look(Content(content.text + " et plus", content.media), "key", since) == NotFound()
    more = Content(content.text, (*content.media, image("Une de plus")))
    assert far.look(more, "key", since) == NotFound()


def test_a_lost_last_part_of_a_thread_is_found(far: Far):
    content = Content("Même", thread=("Même", "Même"))
    since = lose_the_answer(far, content, skip=2)
    found = far.look(content, "key", since)
    assert isinstance(found, Receipt)
    assert list(found.parts) == list(far.server.posts)


def test_an_account_that_publishes_too_much_is_a_persons_to_judge(far: Far):
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")
    for place in range(260):
        number = str(10**15 + place)
        far.server.posts[number] = {"id": number, "media_type": "TEXT_POST", "text": "x", "timestamp": now}
    assert isinstance(far.look(Content("Autre"), "key", a_moment_ago()), CannotTell)
    with pytest.raises(Duplicate):
        far.publish(Content("Autre"), "key")
    assert far.server.containers == {}


# --- What is out, who am I ------------------------------------------------------------------------
def test_what_is_hidden_from_a_sign_in_is_not_called_deleted(far: Far):
    receipt = far.publish(Content("Aurore"), "key")
    path = f"/v1.0/{receipt.remote_id}"
    for fault in (Fault(400, graph_error(100, 33)), Fault(404, graph_error(24, 4279009))):
        far.front.arm("DELETE", path, fault)
        with pytest.raises(Rejected):
            far.adapter().retract(receipt)
    far.server.tokens.rights.discard("threads_delete")
    with pytest.raises(AuthFailed):
        far.adapter().retract(receipt)
    assert far.count("Aurore") == 1


def test_check_says_who_until_when_and_which_rights_are_missing(far: Far):
    health = far.adapter().check()
    assert (health.ok, health.account) == (True, f"https://www.threads.com#{USER}")
    assert (health.handle, health.url) == (f"@{NAME}", f"https://www.threads.com/@{NAME}")
    ends = far.server.tokens.good[TOKEN][1]
    assert health.expires_at == ends.replace(microsecond=0)
    far.server.tokens.rights -= {"threads_delete", "threads_read_replies"}
    health = far.adapter().check()
    assert not health.ok
    assert health.params == {"rights": "threads_delete, threads_read_replies"}
    # Who may not look at tokens learns nothing of them.
    far.front.arm("GET", "/v1.0/debug_token", Fault(400, graph_error(100)))
    health = far.adapter().check()
    assert health.ok
    assert health.expires_at == Session.read(far.secret).expires


def test_a_token_is_refreshed_before_it_ends_and_kept_with_its_app(far: Far):
    renewal = far.adapter().renew()  # type: ignore[attr-defined]
    kept = Session.read(renewal.secret)
    assert kept.access not in {"", TOKEN}
    assert kept.client_secret == session().client_secret
    assert renewal.expires_at - datetime.now(UTC) > timedelta(days=59)
    ended = far.server.tokens.give("THAAended", datetime.now(UTC) - timedelta(days=61), timedelta(days=60))
    with pytest.raises(AuthFailed):
        far.adapter(secret=ended).renew()  # type: ignore[attr-defined]
