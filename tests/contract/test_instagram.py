"""What is Instagram's own, against the strict stand-in."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from adapters.base import (
    AdapterError,
    Ambiguous,
    AuthFailed,
    CannotTell,
    Content,
    Duplicate,
    Expired,
    MediaItem,
    NotFound,
    NotSent,
    Payload,
    RateLimited,
    Receipt,
    Rejected,
    Unavailable,
    nowhere,
)
from adapters.graph import DAY_IS_FULL, NOT_FETCHED, RESTRICTED, STILL_WORKING, SUSPECTED, Session
from adapters.graph_containers import LOOKS
from adapters.instagram import NO_DELETE, NO_PICTURE, Instagram
from tests.contract.far_instagram import as_jpeg
from tests.contract.far_instagram import far as instagram_far
from tests.contract.farside import CHANNEL, Far, a_moment_ago, image, permit_for
from tests.contract.stand_ins.faulty_front import Fault
from tests.contract.stand_ins.public_door import PublicDoor
from tests.contract.stand_ins.serving import serving
from tests.contract.stand_ins.strict_graph import CLIENT, CLIENT_SECRET
from tests.contract.stand_ins.strict_instagram import ACCOUNT, NAME, TOKEN

pytestmark = [pytest.mark.contract, pytest.mark.pure]

MEDIA, PUBLISH = f"/v26.0/{ACCOUNT}/media", f"/v26.0/{ACCOUNT}/media_publish"


@pytest.fixture
def far(client: httpx.Client, tmp_path: Path) -> Iterator[Far]:
    with instagram_far(client, tmp_path) as made:
        yield made


def jpeg(width: int, height: int, kind: str = "JPEG") -> tuple[MediaItem, bytes]:
    file = io.BytesIO()
    Image.new("RGB", (width, height), (width % 256, height % 256, 90)).save(file, kind)
    content = file.getvalue()
    sha256 = hashlib.sha256(content).hexdigest()
    return MediaItem(sha256, "image/jpeg", f"{width} sur {height}", width, height, len(content)), content


def codes(content: Content) -> list[str]:
    return [problem.code for problem in Instagram.validate(content, {})]


def with_picture(text: str, **changes: Any) -> Content:
    values = {"sha256": "a" * 64, "mime": "image/jpeg", "alt": "a", "width": 1080, "height": 1080, "size": 9}
    return Content(text, (MediaItem(**{**values, **changes}),))


def graph_error(code: int, subcode: int = 0, **more: Any) -> bytes:
    said = {"message": "No.", "type": "OAuthException", "code": code, "error_subcode": subcode}
    return json.dumps({"error": {**said, **more}}).encode()


def meant(far: Far, path: str, fault: Fault, method: str = "POST") -> AdapterError:
    payload = far.render(far.content("Aurore"))
    far.front.disarm()
    far.front.arm(method, path, fault)
    with pytest.raises(AdapterError) as caught:
        far.adapter().publish(payload, permit_for(payload), "key", a_moment_ago())
    assert far.shown(str(vars(caught.value))) == []
    return caught.value


def lose_the_answer(far: Far, content: Content) -> datetime:
    since = a_moment_ago()
    far.front.arm("POST", PUBLISH, Fault(cut="after accepting"))
    with pytest.raises(Ambiguous):
        far.publish(content, "key", since)
    return since


# --- What goes out --------------------------------------------------------------------------------
def test_one_picture_and_its_caption(far: Far):
    receipt = far.publish(far.content("Aurore"), "key")
    form = json.loads(far.front.requests("POST", MEDIA)[0].body)
    assert {name: form[name] for name in ("caption", "alt_text")} == {
        "caption": "Aurore",
        "alt_text": image().alt,
    }
    assert set(form) == {"caption", "alt_text", "image_url"}
    container = next(iter(far.server.containers))
    assert json.loads(far.front.requests("POST", PUBLISH)[0].body) == {"creation_id": container}
    assert receipt.url == far.server.posts[receipt.remote_id]["permalink"]
    assert receipt.parts == (receipt.remote_id,)


def test_several_are_a_carousel_whose_parent_alone_has_the_caption(far: Far):
    items = tuple(as_jpeg(image(f"Vue {place}")) for place in range(10))
    receipt = far.publish(Content("Dix vues", items), "key")
    forms = [json.loads(seen.body) for seen in far.front.requests("POST", MEDIA)]
    assert len(forms) == 11
    assert [form["alt_text"] for form in forms[:10]] == [item.alt for item in items]
    assert all(form["is_carousel_item"] is True and "caption" not in form for form in forms[:10])
    assert forms[10] == {
        "media_type": "CAROUSEL",
        "children": ",".join(list(far.server.containers)[:10]),
        "caption": "Dix vues",
    }
    assert len(far.server.posts[receipt.remote_id]["children"]["data"]) == 10
    # One post, however many pictures.
    assert len(far.front.requests("POST", PUBLISH)) == 1


@pytest.mark.parametrize(("width", "height"), [(1080, 1080), (1080, 1350), (1337, 700), (320, 400)])
def test_real_jpegs_are_fetched_at_the_public_address(far: Far, width: int, height: int):
    item, content = jpeg(width, height)
    far.server.strict_files = True
    with serving(door := PublicDoor({item.sha256: content}.__getitem__)):
        far.public_url = door.address
        payload = far.render(Content("Aurore", (item,)))
        adapter = far.adapter(read_media={item.sha256: content}.__getitem__)
        adapter.publish(payload, permit_for(payload), "key", a_moment_ago())
        assert far.server.fetches == [content]
        assert door.told == [item.sha256]
    assert door.base_url not in json.dumps(payload.as_json())
    assert payload.slots == ("image_url", "children", "creation_id")


@pytest.mark.parametrize(("width", "height"), [(1080, 1351), (1338, 700)])
def test_a_shape_that_instagram_refuses_is_objected_to_and_refused(far: Far, width: int, height: int):
    item, content = jpeg(width, height)
    assert codes(Content("Aurore", (item,))) == ["media_too_narrow"]
    far.server.strict_files = True
    with serving(door := PublicDoor({item.sha256: content}.__getitem__)):
        far.public_url = door.address
        payload = far.render(Content("Aurore", (item,)))
        adapter = far.adapter(read_media={item.sha256: content}.__getitem__)
        with pytest.raises(Rejected) as caught:
            adapter.publish(payload, permit_for(payload), "key", a_moment_ago())
    assert "aspect ratio" in caught.value.detail
    assert far.server.posts == {}


def test_without_a_public_address_nothing_is_sent(far: Far):
    far.public_url = nowhere
    with pytest.raises(NotSent):
        far.publish(far.content("Aurore"), "key")
    assert far.front.seen == []


def test_without_a_picture_nothing_is_sent(far: Far):
    with pytest.raises(Rejected) as caught:
        far.publish(Content("Aurore"), "key")
    assert caught.value.public == NO_PICTURE
    assert far.front.seen == []


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, []),
        ({"mime": "image/png"}, ["media_type"]),
        ({"size": 8_000_000}, []),
        ({"size": 8_000_001}, ["media_too_large"]),
        ({"width": 319, "height": 319}, ["media_too_small"]),
        ({"width": 320, "height": 320}, []),
        ({"width": 1440, "height": 1440}, []),
        ({"width": 1441, "height": 1440}, ["media_too_many_pixels"]),
        ({"width": 800, "height": 1000}, []),
        ({"width": 800, "height": 1001}, ["media_too_narrow"]),
        ({"width": 1337, "height": 700}, []),
        ({"width": 1338, "height": 700}, ["media_too_narrow"]),
        ({"width": 0, "height": 0}, []),
        ({"alt": "x" * 1000}, []),
        ({"alt": "x" * 1001}, ["alt_too_long"]),
        ({"alt": ""}, ["alt_missing"]),
    ],
)
def test_what_a_picture_may_be(changes: dict[str, Any], found: list[str]):
    content = with_picture("Texte", **changes)
    assert codes(content) == found
    assert all(one.message % one.params for one in Instagram.validate(content, {}))
    # What is fitted says no more than what is objected to.
    rules = Instagram.media_rules({})
    shaped = [one for one in found if one.startswith("media")]
    assert rules.takes(content.media[0]) is (not shaped or shaped == ["media_too_small"])


@pytest.mark.parametrize("off", [-1, 0, 1])
@pytest.mark.parametrize("sign", ["x", "é", "𝔘", "👨‍👩‍👧‍👦"])
def test_2200_characters_in_utf16_units(far: Far, sign: str, off: int):
    size = len(sign.encode("utf-16-le")) // 2
    text = sign * ((2200 + off) // size) + "x" * ((2200 + off) % size)
    assert codes(with_picture(text)) == (["too_long"] if off > 0 else [])
    if off > 0:
        with pytest.raises(Rejected):
            far.publish(far.content(text), "key")
    else:
        far.publish(far.content(text), "key")
        assert far.server.texts() == [{"text": text}]


def test_hashtags_names_and_what_instagram_does_not_take():
    assert codes(with_picture(" ".join(f"#mot{place}" for place in range(30)))) == []
    assert codes(with_picture(" ".join(f"#mot{place}" for place in range(31)))) == ["hashtags"]
    assert codes(with_picture("#été2026" * 1 + " a#b https://x.fr/#haut &#39; # " + "#أورورا " * 29)) == []
    assert codes(with_picture(" ".join(f"@nom.{place}" for place in range(20)) + " a@b.fr")) == []
    assert codes(with_picture(" ".join(f"@nom.{place}" for place in range(21)))) == ["mentions"]
    assert codes(Content("Texte")) == ["media_missing"]
    assert codes(Content("")) == ["empty", "media_missing"]
    assert codes(with_picture("")) == []
    items = with_picture("a").media
    assert codes(Content("a", items * 10)) == []
    assert codes(Content("a", items * 11)) == ["media_too_many"]
    assert codes(Content("a", items, thread=("b",))) == ["thread_not_offered"]
    assert codes(Content("a", items, reply_to="1")) == ["reply_not_offered"]


# --- Containers take time -------------------------------------------------------------------------
@pytest.mark.parametrize("pictures", [1, 3])
def test_a_container_is_looked_at_until_it_is_ready(far: Far, pictures: int):
    far.server.looks_needed = 3
    content = Content("Aurore", tuple(as_jpeg(image(f"Vue {place}")) for place in range(pictures)))
    assert far.publish(content, "key").remote_id
    assert far.count("Aurore") == 1


def test_a_container_that_takes_too_long_is_harmless(far: Far):
    far.server.looks_needed = LOOKS + 1
    with pytest.raises(Unavailable) as caught:
        far.publish(far.content("Aurore"), "key")
    assert caught.value.public == STILL_WORKING
    container = next(iter(far.server.containers))
    assert len(far.front.requests("GET", f"/v26.0/{container}")) == LOOKS + 1
    assert far.server.posts == {}
    far.server.looks_needed = LOOKS
    assert far.publish(far.content("Aurore"), "key").remote_id


@pytest.mark.parametrize(
    ("state", "status", "meaning", "sentence"),
    [
        ("ERROR", "Error: 2207052", Unavailable, NOT_FETCHED),
        ("ERROR", "Error: 2207001", Unavailable, ""),
        ("ERROR", "Error: 2207026", Rejected, ""),
        ("EXPIRED", "", Unavailable, ""),
        ("PUBLISHED", "", Duplicate, ""),
        ("SOMETHING", "", Unavailable, ""),
    ],
)
def test_each_state_of_a_container(
    far: Far, state: str, status: str, meaning: type[AdapterError], sentence: str
):
    far.server.trouble = (state, status)
    with pytest.raises(AdapterError) as caught:
        far.publish(far.content("Aurore"), "key")
    assert type(caught.value) is meaning
    assert not sentence or caught.value.public == sentence
    assert far.server.posts == {}


@pytest.mark.parametrize(
    ("path", "code", "subcode", "meaning", "sentence"),
    [
        (MEDIA, 36003, 2207009, Rejected, ""),
        (MEDIA, 9004, 2207052, Unavailable, NOT_FETCHED),
        (MEDIA, -2, 2207003, Unavailable, NOT_FETCHED),
        (MEDIA, -1, 2207032, Unavailable, ""),
        (MEDIA, 100, 2207028, Rejected, ""),
        (PUBLISH, -1, 2207001, Ambiguous, ""),
        (PUBLISH, -2, 2207020, Unavailable, ""),
        (PUBLISH, 4, 2207051, Rejected, SUSPECTED),
        (PUBLISH, 9, 2207042, RateLimited, DAY_IS_FULL),
        (PUBLISH, 9007, 2207027, Unavailable, STILL_WORKING),
        (PUBLISH, 24, 2207008, Unavailable, STILL_WORKING),
        (PUBLISH, 25, 2207050, AuthFailed, RESTRICTED),
        (PUBLISH, 36004, 2207010, Rejected, ""),
    ],
)
def test_each_of_instagrams_codes(
    far: Far, path: str, code: int, subcode: int, meaning: type[AdapterError], sentence: str
):
    found = meant(far, path, Fault(400, graph_error(code, subcode)))
    assert type(found) is meaning
    assert not sentence or found.public == sentence
    assert f"#{code}/{subcode}" in found.detail


def test_a_full_day_waits_and_check_says_so(far: Far):
    far.server.per_day = far.server.used_today = 50
    with pytest.raises(RateLimited) as caught:
        far.publish(far.content("Aurore"), "key")
    assert caught.value.retry_after == 3600
    health = far.adapter().check()
    assert (health.ok, health.problem, health.limits["posts_per_day"]) == (False, DAY_IS_FULL, 50)
    far.server.used_today = 49
    assert far.adapter().check().ok


# --- Once, and only once --------------------------------------------------------------------------
@pytest.mark.parametrize("pictures", [1, 2])
def test_a_lost_publication_is_found_by_its_words_pictures_and_time(far: Far, pictures: int):
    items = tuple(as_jpeg(image(f"Vue {place}")) for place in range(pictures))
    content = Content("Aurore, chez @ami #été", items)
    since = lose_the_answer(far, content)
    found = far.look(content, "key", since)
    assert isinstance(found, Receipt)
    assert [found.remote_id] == list(far.server.posts)
    far.server.hides_signs = True
    assert far.look(content, "key", since) == found
    assert far.look(Content("Autre", items), "key", since) == NotFound()
    assert far.look(Content(content.text, (*items, *items)), "key", since) == NotFound()
    assert far.look(content, "key", since + timedelta(minutes=1)) == NotFound()


def test_names_whose_sign_is_not_shown_are_the_same_words(far: Far):
    far.server.hides_signs = True
    content = far.content("Avec @ami et @autre")
    since = lose_the_answer(far, content)
    assert isinstance(far.look(content, "key", since), Receipt)


def test_what_is_out_already_is_not_published_again(far: Far):
    """The answer was lost, nobody looked, and it is sent again with the same key."""
    content = far.content("Aurore")
    since = lose_the_answer(far, content)
    made = len(far.server.containers)
    receipt = far.publish(content, "key", since)
    assert [receipt.remote_id] == list(far.server.posts)
    assert len(far.server.containers) == made
    # Another delivery of the same words, begun later, is another post.
    assert far.publish(content, "other", datetime.now(UTC) + timedelta(minutes=1)).remote_id
    assert far.count("Aurore") == 2


def test_a_look_that_fails_before_anything_is_sent_sends_nothing(far: Far):
    for fault, meaning in (
        (Fault(500, b"<html>"), Unavailable),
        (Fault(cut="after reading"), NotSent),
        (Fault(400, graph_error(4)), RateLimited),
    ):
        assert type(meant(far, MEDIA, fault, "GET")) is meaning
    assert far.server.containers == {}


def test_an_account_that_publishes_too_much_is_a_persons_to_judge(far: Far):
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")
    for place in range(260):
        number = str(10**15 + place)
        far.server.posts[number] = {"id": number, "media_type": "IMAGE", "caption": "", "timestamp": now}
    assert isinstance(far.look(far.content("Autre"), "key", a_moment_ago()), CannotTell)
    with pytest.raises(Duplicate):
        far.publish(far.content("Autre"), "key")
    assert far.server.containers == {}


# --- What is out ----------------------------------------------------------------------------------
def test_nothing_can_be_edited_and_a_sign_in_with_instagram_deletes_nothing(far: Far):
    far.secret = TOKEN
    receipt = far.publish(far.content("Aurore"), "key")
    before = len(far.front.seen)
    with pytest.raises(Rejected) as caught:
        far.adapter().retract(receipt)
    assert caught.value.public == NO_DELETE
    assert isinstance(far.adapter().reread(receipt, far.render(far.content("b"))), CannotTell)
    assert len(far.front.seen) == before
    assert far.count("Aurore") == 1


def test_what_is_hidden_from_a_sign_in_is_not_called_deleted(far: Far):
    receipt = far.publish(far.content("Aurore"), "key")
    far.front.arm("DELETE", f"/v26.0/{receipt.remote_id}", Fault(400, graph_error(100, 33)))
    with pytest.raises(Rejected):
        far.adapter().retract(receipt)
    assert far.count("Aurore") == 1


# --- Who am I, and until when ---------------------------------------------------------------------
def test_whoever_signed_in_with_instagram_needs_no_number(far: Far):
    far.secret, far.settings["account"] = TOKEN, ""
    assert far.publish(far.content("Aurore"), "key").remote_id
    health = far.adapter().check()
    assert (health.ok, health.account) == (True, f"https://www.instagram.com#{ACCOUNT}")
    assert (health.handle, health.url) == (f"@{NAME}", f"https://www.instagram.com/{NAME}")
    known = far.adapter(limits=health.limits)
    assert known._account() == ACCOUNT  # type: ignore[attr-defined]
    assert {seen.path for seen in far.front.seen if seen.path.startswith("/v26.0/me")} == {
        "/v26.0/me",
        "/v26.0/me/media",
        "/v26.0/me/media_publish",
        "/v26.0/me/content_publishing_limit",
    }


def test_the_number_is_needed_for_a_sign_in_with_facebook(far: Far):
    for wrong in ("", "maison", "1/../2"):
        far.settings["account"] = wrong
        with pytest.raises(Rejected):
            far.publish(far.content("Aurore"), "key")
        assert not far.adapter().check().ok
    assert far.front.seen == []


def test_the_address_follows_the_token(far: Far):
    def address(secret: str, base_url: str = "") -> str:
        return str(far.adapter(secret=secret, settings={"base_url": base_url})._base_url)  # type: ignore[attr-defined]

    assert address("IGAAx") == "https://graph.instagram.com"
    assert address("EAAx") == "https://graph.facebook.com"
    assert address('{"access_token": "EAAx"}') == "https://graph.facebook.com"
    assert address("IGAAx", "https://graph.facebook.com/") == "https://graph.facebook.com/"


def test_check_names_the_rights_that_are_missing(far: Far):
    far.server.tokens.rights -= {"instagram_content_publish"}
    health = far.adapter().check()
    assert not health.ok
    assert health.params == {"rights": "instagram_content_publish"}
    # Instagram's own host tells of no rights: those that came with the sign-in were kept.
    kept = Session(access=TOKEN, scope="instagram_business_basic,instagram_business_manage_comments").dump()
    health = far.adapter(secret=kept).check()
    assert health.params == {"rights": "instagram_business_content_publish"}


def test_a_token_of_instagrams_is_refreshed_once_it_is_a_day_old(far: Far):
    now = datetime.now(UTC)
    held = Session(access=TOKEN, expires=now + timedelta(days=5), issued=now - timedelta(days=55))
    for secret in (TOKEN, held.dump()):
        renewal = far.adapter(secret=secret).renew()  # type: ignore[attr-defined]
        kept = Session.read(renewal.secret)
        assert kept.access not in {"", TOKEN}
        assert renewal.expires_at is not None
        assert renewal.expires_at - now > timedelta(days=59)
        assert far.adapter(secret=renewal.secret).check().expires_at == kept.expires
        # Not a day old: it stays, and nobody is asked.
        before = len(far.front.seen)
        again = far.adapter(secret=renewal.secret).renew()  # type: ignore[attr-defined]
        assert (again.secret, again.expires_at) == (renewal.secret, kept.expires)
        assert len(far.front.seen) == before


def test_a_token_too_young_to_be_refreshed_is_kept(far: Far):
    young = far.server.tokens.give("IGAAyoung", datetime.now(UTC), timedelta(days=60))
    renewal = far.adapter(secret=young).renew()  # type: ignore[attr-defined]
    assert renewal.secret == young


def test_a_token_of_an_hour_is_exchanged(far: Far):
    now = datetime.now(UTC)
    short = far.server.tokens.give("IGAAshort", now, timedelta(hours=1))
    held = Session(short, "", CLIENT, CLIENT_SECRET, now + timedelta(hours=1), now).dump()
    renewal = far.adapter(secret=held).renew()  # type: ignore[attr-defined]
    assert renewal.expires_at is not None
    assert renewal.expires_at - now > timedelta(days=59)
    typed = json.dumps({"access_token": short, "client_secret": CLIENT_SECRET})
    assert Session.read(far.adapter(secret=typed).renew().secret).access != short  # type: ignore[attr-defined]


def test_what_ran_out_is_a_persons(far: Far):
    ended = far.server.tokens.give("IGAAended", datetime.now(UTC) - timedelta(days=61), timedelta(days=60))
    payload: Payload = far.render(far.content("Aurore"))
    with pytest.raises(Expired):
        far.adapter(secret=ended).publish(payload, permit_for(payload), "key", a_moment_ago())
    with pytest.raises(AuthFailed) as caught:
        far.adapter(secret=ended).renew()  # type: ignore[attr-defined]
    assert type(caught.value) is AuthFailed
    assert payload.channel == CHANNEL
