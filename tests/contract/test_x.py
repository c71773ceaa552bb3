"""What is X's own, against the strict stand-in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import time_machine

from adapters.base import (
    Ambiguous,
    CannotTell,
    Content,
    Duplicate,
    MediaItem,
    NotFound,
    NotSent,
    Permit,
    PermitRefused,
    Receipt,
    Rejected,
    Unavailable,
)
from adapters.x import X
from tests.contract.far_x import far as x_far
from tests.contract.far_x import session
from tests.contract.farside import PIXEL_SHA256, Far, a_moment_ago, image, permit_for
from tests.contract.stand_ins.faulty_front import Fault
from tests.contract.stand_ins.strict_x import USER

pytestmark = [pytest.mark.contract, pytest.mark.pure]

CREATE, UPLOAD = "/2/tweets", "/2/media/upload"
TIMELINE = f"/2/users/{USER}/tweets"


@pytest.fixture
def far(client: httpx.Client, tmp_path: Path) -> Iterator[Far]:
    with x_far(client, tmp_path) as made:
        yield made


def codes(content: Content) -> list[str]:
    return [problem.code for problem in X.validate(content, {})]


def lose_the_answer(far: Far, content: Content) -> datetime:
    since = a_moment_ago()
    far.front.arm("POST", CREATE, Fault(cut="after accepting"))
    with pytest.raises(Ambiguous):
        far.publish(content, "key", since)
    return since


# --- What goes out --------------------------------------------------------------------------------
def test_a_post_with_a_described_picture(far: Far):
    receipt = far.publish(Content("Aurore", (image("Une lampe."),)), "key")
    post = far.server.posts[receipt.remote_id]
    assert [far.server.media[one]["alt_text"] for one in post["ids"]] == ["Une lampe."]
    assert receipt.parts == (receipt.remote_id,)
    assert receipt.url == f"https://x.com/i/status/{receipt.remote_id}"
    assert [seen.path for seen in far.front.seen] == [UPLOAD, "/2/media/metadata", CREATE]


def test_a_picture_alone_has_no_text(far: Far):
    receipt = far.publish(Content("", (image(),)), "key")
    assert far.server.posts[receipt.remote_id]["source"] == ""
    assert "text" not in json.loads(far.front.requests("POST", CREATE)[0].body)


def test_a_description_that_is_refused_publishes_nothing(far: Far):
    far.front.arm("POST", "/2/media/metadata", Fault(400))
    with pytest.raises(Rejected):
        far.publish(Content("Aurore", (image(),)), "key")
    assert far.server.posts == {}


@pytest.mark.parametrize(("needed", "well"), [(3, True), (1000, False)])
def test_a_file_that_takes_time(far: Far, needed: int, well: bool):
    far.server.polls_needed = needed
    if well:
        assert far.publish(Content("Aurore", (image(),)), "key").remote_id
    else:
        with pytest.raises(Unavailable):
            far.publish(Content("Aurore", (image(),)), "key")
        assert len(far.front.requests("GET", UPLOAD)) == 10


def test_a_thread_answers_itself(far: Far):
    receipt = far.publish(
        Content("Un", thread=("Deux", "Trois"), options={"reply_settings": "following"}), "key"
    )
    posts = [far.server.posts[one] for one in receipt.parts]
    answered = [post.get("referenced_tweets", [{"id": ""}])[0]["id"] for post in posts]
    assert answered == ["", receipt.parts[0], receipt.parts[1]]
    assert [post["settings"] for post in posts] == ["following", "", ""]


@pytest.mark.parametrize(
    "address", ["{}", "https://x.com/ami/status/{}", "https://twitter.com/ami/status/{}?s=20", " {} "]
)
def test_a_reply_by_number_and_by_address(far: Far, address: str):
    first = far.publish(Content("Premier"), "key").remote_id
    content = Content("Réponse", reply_to=address.format(first))
    assert codes(content) == []
    receipt = far.publish(content, "key")
    assert far.server.posts[receipt.remote_id]["referenced_tweets"] == [{"type": "replied_to", "id": first}]


@pytest.mark.parametrize(
    "address", ["a b", "https://x.com/ami", "https://mastodon.example/1", "https://[x", "1" * 20]
)
def test_what_names_no_post(address: str):
    assert codes(Content("Réponse", reply_to=address)) == ["reply_unknown"]


def test_what_x_does_not_take():
    assert codes(Content("Achetez $ABC et $XYZ")) == ["cashtags"]
    assert codes(Content("Achetez $ABC, 60 $ ou 5$")) == []
    assert codes(Content("a\ufeffb")) == ["control_character"]
    assert codes(Content("a", options={"content_warning": "b"})) == ["warning_not_offered"]
    assert codes(Content("a", options={"reply_settings": "nobody"})) == ["reply_settings_unknown"]
    reply = Content("a", reply_to="12", options={"reply_settings": "verified"})
    assert codes(reply) == ["reply_settings_of_a_reply"]


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, []),
        ({"size": 5_242_880}, []),
        ({"size": 5_242_881}, ["media_too_large"]),
        ({"mime": "image/gif"}, ["media_type"]),
        ({"alt": "x" * 1000}, []),
        ({"alt": "x" * 1001}, ["alt_too_long"]),
        ({"alt": ""}, ["alt_missing"]),
    ],
)
def test_what_a_picture_may_be(changes: dict, found: list[str]):
    values = {"sha256": PIXEL_SHA256, "mime": "image/png", "alt": "a", "width": 9, "height": 9, "size": 9}
    assert codes(Content("Texte", (MediaItem(**{**values, **changes}),))) == found


def test_four_pictures_and_not_five():
    assert codes(Content("Texte", (image(),) * 4)) == []
    assert codes(Content("Texte", (image(),) * 5)) == ["media_too_many"]


# --- Reading back ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "content",
    [
        Content("Bonjour & bienvenue <ici> &amp; là"),
        Content(
            "La page https://maison-lumiere.com/été?a=1&b=2 et http://maison.fr/ #Aurore @ami", (image(),)
        ),
        Content("famille 👨‍👩‍👧‍👦 العربية e\u0301 zéro\u200bchasse\n\ndeux lignes"),
        Content("", (image(), image("Autre"))),
        Content("Un", thread=("Deux https://maison.fr/x", "Trois")),
    ],
)
def test_a_lost_answer_is_found_and_nothing_is_doubled(far: Far, content: Content):
    if content.thread:
        since = a_moment_ago()
        receipt = far.publish(content, "key", since)
    else:
        since = lose_the_answer(far, content)
        receipt = None
    before = len(far.server.posts)
    found = far.adapter().reconcile(far.render(content), "key", since)
    assert isinstance(found, Receipt)
    assert found.parts == tuple(far.server.posts)
    assert receipt is None or found == receipt
    assert len(far.server.posts) == before


def test_what_never_went_out_is_not_claimed(far: Far):
    far.publish(Content("Autre chose"), "key")
    far.front.arm("POST", CREATE, Fault(cut="after reading"))
    since = a_moment_ago()
    with pytest.raises(Ambiguous):
        far.publish(Content("Perdu"), "key")
    assert far.adapter().reconcile(far.render(Content("Perdu")), "key", since) == NotFound()


def test_a_duplicate_is_told_apart_and_found(far: Far):
    content, since = Content("Bonjour"), a_moment_ago()
    receipt = far.publish(content, "key", since)
    with pytest.raises(Duplicate):
        far.publish(content, "key", since)
    assert far.adapter().reconcile(far.render(content), "key", since) == receipt


@pytest.mark.parametrize(
    "other",
    [
        Content("Aurore", (image("Autre description."),)),
        Content("Aurore"),
        Content("aurore", (image(),)),
        Content("Aurore", (image(), image())),
        Content("Aurore", (image(),), link="https://maison.fr/"),
    ],
)
def test_a_post_that_is_nearly_the_same_is_another_one(far: Far, other: Content):
    since = a_moment_ago()
    far.publish(other, "key")
    assert far.adapter().reconcile(far.render(Content("Aurore", (image(),))), "key", since) == NotFound()


def test_a_description_that_x_does_not_show_is_not_held_against_it(far: Far):
    far.server.show_alt = False
    content = Content("Aurore", (image(),))
    since = lose_the_answer(far, content)
    assert isinstance(far.adapter().reconcile(far.render(content), "key", since), Receipt)


def test_links_that_lead_elsewhere_need_a_person(far: Far):
    far.server.links_lead_elsewhere = True
    content = Content("La page https://maison.fr/a")
    since = lose_the_answer(far, content)
    assert isinstance(far.adapter().reconcile(far.render(content), "key", since), CannotTell)


def test_the_names_that_x_puts_before_a_reply(far: Far):
    first = far.publish(Content("Premier"), "key").remote_id
    content = Content("Réponse à tous", reply_to=first)
    since = lose_the_answer(far, content)
    reply = next(post for post in far.server.posts.values() if post["source"] == "Réponse à tous")
    reply["text"] = "@ami @autre Réponse à tous"
    assert isinstance(far.adapter().reconcile(far.render(content), "key", since), Receipt)


def test_a_post_from_before_the_send_is_not_taken_for_it(far: Far):
    far.publish(Content("Bonjour"), "yesterday")
    later = datetime.now(UTC) + timedelta(minutes=1)
    assert far.adapter().reconcile(far.render(Content("Bonjour")), "key", later) == NotFound()


def test_a_clock_that_is_wrong_here_does_not_hide_the_post(far: Far):
    """Our clock is an hour ahead of X's, which says so in its Date header."""
    content = Content("Bonjour")
    lose_the_answer(far, content)
    secret = session(expires=None).dump()
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=1)):
        page = {"data": list(far.server.posts.values()), "meta": {"result_count": 1}}
        theirs = (datetime.now(UTC) - timedelta(hours=1)).strftime("%a, %d %b %Y %H:%M:%S GMT")
        far.front.arm("GET", TIMELINE, Fault(200, json.dumps(page).encode(), headers={"Date": theirs}))
        found = far.adapter(secret=secret).reconcile(far.render(content), "key", datetime.now(UTC))
    assert isinstance(found, Receipt)


def test_a_post_on_a_later_page_is_found_and_too_many_pages_need_a_person(far: Far):
    since = lose_the_answer(far, Content("Le premier"))
    example = next(iter(far.server.posts.values()))
    for extra, kind in ((150, Receipt), (600, CannotTell)):
        for number in range(extra):
            post_id = str(1_950_000_000_000_000_000 + number)
            far.server.posts[post_id] = {**example, "id": post_id, "text": post_id, "source": post_id}
        found = far.adapter().reconcile(far.render(Content("Le premier")), "key", since)
        assert isinstance(found, kind)


def test_half_a_thread_needs_a_person(far: Far):
    content, since = Content("Un", thread=("Deux",)), a_moment_ago()
    far.front.arm("POST", CREATE, Fault(429), skip=1)
    with pytest.raises(Ambiguous):
        far.publish(content, "key", since)
    found = far.adapter().reconcile(far.render(content), "key", since)
    assert isinstance(found, CannotTell)
    assert not found.again


@pytest.mark.parametrize(
    ("fault", "again"),
    [
        (Fault(503), True),
        (Fault(429), True),
        (Fault(200, b"{}"), True),
        (Fault(200, b'{"meta": {}, "data": 3}'), True),
        (Fault(200, b'{"meta": {}, "data": [{"id": "x"}]}'), True),
        (Fault(401), True),
        (Fault(402), False),
    ],
)
def test_an_account_that_cannot_be_read(far: Far, fault: Fault, again: bool):
    far.front.arm("GET", TIMELINE, fault)
    found = far.adapter().reconcile(far.render(Content("x")), "key", a_moment_ago())
    assert isinstance(found, CannotTell)
    assert found.again is again


# --- Afterwards -----------------------------------------------------------------------------------
def test_retracting_takes_it_away_from_its_end_and_again_is_no_error(far: Far):
    receipt = far.publish(Content("Un", thread=("Deux", "Trois")), "key")
    far.front.arm("DELETE", f"{CREATE}/{receipt.parts[2]}", Fault(cut="after accepting"))
    with pytest.raises(NotSent):
        far.adapter().retract(receipt)
    far.adapter().retract(receipt)
    assert far.server.posts == {}
    far.adapter().retract(receipt)
    deleted = [seen.path.rsplit("/", 1)[1] for seen in far.front.seen if seen.method == "DELETE"]
    assert deleted[1:4] == list(reversed(receipt.parts))


@pytest.mark.parametrize(
    ("body", "well"),
    [
        (b'{"data": {"deleted": true}}', True),
        (b'{"errors": [{"type": "https://api.x.com/2/problems/resource-not-found"}]}', True),
        (b'{"data": {"deleted": false}}', False),
        (b"{}", False),
    ],
)
def test_what_an_answer_to_a_deletion_means(far: Far, body: bytes, well: bool):
    far.front.arm("DELETE", f"{CREATE}/12", Fault(200, body))
    if well:
        far.adapter().retract(Receipt("12"))
    else:
        with pytest.raises(Unavailable):
            far.adapter().retract(Receipt("12"))


def test_a_post_is_not_edited_and_a_wrong_permit_is_refused_before_any_byte(far: Far):
    payload, other = far.render(Content("Approuvé", (image(),))), far.render(Content("Autre"))
    assert not X.capabilities.edit
    with pytest.raises(Rejected):
        far.adapter().correct(Receipt("1"), payload, permit_for(payload))
    for permit in (permit_for(other), Permit(1, 1, "other/channel", "d", payload.sha256)):
        with pytest.raises(PermitRefused):
            far.adapter().publish(payload, permit, "key", a_moment_ago())
        with pytest.raises(PermitRefused):
            far.adapter().correct(Receipt("1"), payload, permit)
    assert far.front.seen == []
