"""What is Discourse's own, against the strict stand-in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters import discourse_writing as writing
from adapters.base import (
    AdapterError,
    Ambiguous,
    AuthFailed,
    CannotTell,
    Content,
    Duplicate,
    NotFound,
    Permit,
    PermitRefused,
    RateLimited,
    Receipt,
    Rejected,
    Unavailable,
)
from adapters.discourse import Discourse
from tests.contract import far_discourse
from tests.contract.farside import CHANNEL, Far, a_moment_ago, image, permit_for
from tests.contract.stand_ins.faulty_front import Fault
from tests.contract.stand_ins.strict_discourse import USERNAME

pytestmark = [pytest.mark.contract, pytest.mark.pure]

POSTS = "/posts.json"
TEXT = "Voici la lampe, elle éclaire bien."
TITLE = {"title": "La lampe Aurore est arrivée"}


@pytest.fixture
def far(client: httpx.Client, tmp_path: Path) -> Iterator[Far]:
    with far_discourse.far(client, tmp_path) as made:
        yield made


def topic(text: str = TEXT, *media: Any, **options: str) -> Content:
    return Content(text, media, options={**TITLE, **options})


def reply(to: object, text: str = TEXT, *media: Any) -> Content:
    return Content(text, media, reply_to=str(to))


def someones_topic(far: Far) -> dict[str, Any]:
    return far.server.add_topic(
        {"title": "Une question d’un client", "raw": "Quand arrive la lampe ?"}, "client"
    )


def sent(far: Far) -> dict[str, Any]:
    return json.loads(far.front.requests("POST", POSTS)[-1].body)


def says(error: str, kind: str = "", **extras: Any) -> bytes:
    return json.dumps({"errors": [error], "error_type": kind, "extras": extras}).encode()


# --- Topics ---------------------------------------------------------------------------------------
def test_a_topic_arrives_whole(far: Far):
    content = topic(category="nouveautés", tags="Aurore, lampe")
    assert Discourse.validate(content, far.adapter().check().limits) == []
    receipt = far.publish(content, "abc-1")
    made = far.server.posts[int(receipt.remote_id)]
    assert sent(far) == {
        "title": "La lampe Aurore est arrivée",
        "raw": TEXT,
        "external_id": "cmq-abc-1",
        "category": 4,
        "tags": [{"id": 31, "name": "aurore"}, {"id": 32, "name": "lampe"}],
    }
    assert receipt.url == f"{far.front.base_url}/t/{made['topic_slug']}/{made['topic_id']}"


def test_a_forum_from_before_tags_had_numbers(far: Far):
    far.server.tag_ids = False
    far.publish(topic(tags="Aurore"), "key")
    assert sent(far)["tags"] == ["aurore"]


@pytest.mark.parametrize("options", [{"category": "Chaises"}, {"tags": "aur"}, {"tags": "aurore, inconnu"}])
def test_what_the_forum_does_not_have_is_not_made_there(far: Far, options: dict[str, str]):
    with pytest.raises(Rejected):
        far.publish(topic(**options), "key")
    assert {seen.method for seen in far.front.seen} == {"GET"}


@pytest.mark.parametrize(
    "key", ["0123456789abcdef0123456789abcdef", "k", "é", "x" * 46, "x" * 47, "with space", "a/b"]
)
def test_the_external_id_is_one_that_discourse_takes(far: Far, key: str):
    assert far.publish(topic(), key).remote_id
    assert writing.external_id(key) != writing.external_id(key + "x")


# --- Replies --------------------------------------------------------------------------------------
def test_a_reply_by_number_and_by_address(far: Far):
    asked = someones_topic(far)
    limits = far.adapter().check().limits
    number, base = asked["topic_id"], far.front.base_url
    for place, (reference, answers) in enumerate(
        [
            (number, None),
            (f"{number}/1", 1),
            (f"{base}/t/une-question/{number}", None),
            (f"{base}/t/{number}/1?u=ines#x", 1),
        ]
    ):
        content = reply(reference, f"{TEXT} ({place})")
        assert Discourse.validate(content, limits) == []
        payload = Discourse.render(content, CHANNEL, limits)
        receipt = far.adapter().publish(payload, permit_for(payload), f"key-{place}", a_moment_ago())
        post = far.server.posts[int(receipt.remote_id)]
        assert (post["topic_id"], post["reply_to_post_number"]) == (number, answers)
        assert receipt.url.endswith(f"/{number}/{post['post_number']}")
        assert far.adapter().reconcile(payload, f"key-{place}", a_moment_ago()) == receipt


def test_an_address_is_understood_also_before_the_forum_was_read(far: Far):
    number = someones_topic(far)["topic_id"]
    content = reply(f"{far.front.base_url}/t/une-question/{number}")
    assert far.render(content).body["reply_to"].startswith("http")
    assert far.publish(content, "key").remote_id
    with pytest.raises(Rejected):
        far.publish(reply(f"https://elsewhere.example/t/x/{number}"), "key")


def test_a_reply_to_nothing_is_refused_before_anything_is_public(far: Far):
    with pytest.raises(Rejected):
        far.publish(reply(99999), "key")
    assert far.server.posts == {}


@pytest.mark.parametrize(
    "reference",
    ["two words", "0", "https://[broken", "https://forum.example/c/4", "ftp://forum.example/t/1", "é"],
)
def test_what_names_no_topic_is_a_problem(reference: str):
    found = Discourse.validate(reply(reference), {"domain": "forum.example"})
    assert [(one.code, one.field) for one in found] == [("reply_unknown", "reply_to")]


def test_a_topic_of_another_forum_is_a_problem():
    found = Discourse.validate(reply("https://elsewhere.example/t/x/12"), {"domain": "forum.example"})
    assert [one.code for one in found] == ["reply_unknown"]


# --- What is wrong with it ------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("content", "found"),
    [
        (Content(TEXT), ("title_missing", "title")),
        (topic("trop court"), ("too_short", "text")),
        (topic("<!-- " + "x" * 30 + " --> court"), ("too_short", "text")),
        (topic(":" + "smile" * 9 + ": court"), ("too_short", "text")),
        (topic(title="a\x07" + "b" * 20), ("control_character", "title")),
        (topic(category="Chaises"), ("category_unknown", "category")),
        (topic(tags="a,b,c,d,e,f"), ("tags_too_many", "tags")),
        (replace(reply(12), options={"title": "Un titre"}), ("only_for_topics", "title")),
        (replace(topic(), thread=("suite",)), ("thread_not_offered", "thread")),
        (topic(content_warning="Rappel"), ("warning_not_offered", "content_warning")),
        (topic(TEXT, replace(image(), alt="une | deux")), ("alt_unreadable", "alt")),
        (topic(TEXT, replace(image(), mime="image/avif")), ("media_type", "media")),
        (topic(TEXT, replace(image(), size=5_000_000)), ("media_too_large", "media")),
    ],
)
def test_what_is_refused_before_review(content: Content, found: tuple[str, str]):
    limits = {**Discourse.default_limits, "categories": ["Nouveautés"]}
    assert [(one.code, one.field) for one in Discourse.validate(content, limits)] == [found]


@pytest.mark.parametrize("off", [-1, 0, 1])
def test_the_longest_text_in_code_points(far: Far, off: int):
    far.server.settings["max_post_length"] = 100
    limits = far.adapter().check().limits
    content = topic("👨‍👩‍👧‍👦e\u0301" + "x" * (91 + off))
    assert Discourse.count(content, limits)[0].used == 100 + off
    assert [one.code for one in Discourse.validate(content, limits)] == (["too_long"] if off > 0 else [])
    if off > 0:
        with pytest.raises(Rejected) as caught:
            far.publish(content, "key")
        assert "limited to 100" in caught.value.detail
    else:
        assert far.publish(content, "key").remote_id


@pytest.mark.parametrize("off", [-1, 0, 1])
@pytest.mark.parametrize("answering", [False, True])
def test_the_shortest_text(far: Far, off: int, answering: bool):
    far.server.settings |= {"min_first_post_length": 30, "min_post_length": 10}
    limits, number = far.adapter().check().limits, someones_topic(far)["topic_id"]
    text = "x" * ((10 if answering else 30) + off)
    content = reply(number, text) if answering else topic(text)
    assert [one.code for one in Discourse.validate(content, limits)] == (["too_short"] if off < 0 else [])
    if off < 0:
        with pytest.raises(Rejected):
            far.publish(content, "key")
    else:
        assert far.publish(content, "key").remote_id


@pytest.mark.parametrize(
    ("length", "code"), [(14, "title_too_short"), (15, ""), (255, ""), (256, "title_too_long")]
)
def test_titles_at_their_limits(far: Far, length: int, code: str):
    content = topic(title="é" * length)
    assert [one.code for one in Discourse.validate(content, {})] == ([code] if code else [])
    if code:
        with pytest.raises(Rejected):
            far.publish(content, "key")
    else:
        assert far.publish(content, "key").remote_id


def test_a_forum_that_wants_a_category(far: Far):
    far.server.settings["allow_uncategorized_topics"] = False
    limits = far.adapter().check().limits
    assert [one.code for one in Discourse.validate(topic(), limits)] == ["category_missing"]
    assert Discourse.validate(topic(category="general"), limits) == []


@pytest.mark.parametrize("name", ["title", "category", "tags"])
def test_every_option_is_covered_by_the_digest(name: str):
    other = Discourse.render(topic(**{name: "autre"}), CHANNEL, {}).sha256
    assert other != Discourse.render(topic(), CHANNEL, {}).sha256


# --- Pictures -------------------------------------------------------------------------------------
def test_pictures_follow_the_text_with_their_description(far: Far):
    receipt = far.publish(topic(TEXT, image("Une *lampe* [bleue]\nallumée")), "key")
    short = next(iter(far.server.uploads))
    raw = far.server.posts[int(receipt.remote_id)]["raw"]
    assert raw == f"{TEXT}\n\n![Une \\*lampe\\* \\[bleue\\] allumée|1x1]({short})"


@pytest.mark.parametrize(
    ("fault", "meaning"),
    [
        (Fault(422, says("The file is too big.")), Rejected),
        (Fault(200, says("The file is not authorized.")), Rejected),
        (Fault(413), Rejected),
        (Fault(500), Unavailable),
        (Fault(200, b'{"short_url": "upload://a) evil"}'), Unavailable),
        (Fault(200, b'{"id": 1}'), Unavailable),
    ],
)
def test_what_an_answer_to_an_upload_means(far: Far, fault: Fault, meaning: type[AdapterError]):
    far.front.arm("POST", "/uploads.json", fault)
    with pytest.raises(AdapterError) as caught:
        far.publish(topic(TEXT, image()), "key")
    assert type(caught.value) is meaning
    assert far.front.requests("POST", POSTS) == []


# --- Once, and only once --------------------------------------------------------------------------
def test_a_second_publish_makes_nothing_new(far: Far):
    number = someones_topic(far)["topic_id"]
    for content in (topic(), reply(number)):
        assert far.publish(content, "key") == far.publish(content, "key")
    assert len(far.front.requests("POST", POSTS)) == 2


@pytest.mark.parametrize("answering", [False, True])
@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        "famille 👨‍👩‍👧‍👦 drapeau 🇫🇷 ton 👍🏽 العربية עברית",
        "espace\u00a0insécable\u202f: zéro\u200bchasse, e\u0301 décomposé  ",
        "# Titre\n\n- **gras** & <b>balises</b>\n- https://maison.example/a?b=1&c=2",
    ],
)
def test_a_lost_answer_is_settled_by_looking(far: Far, answering: bool, text: str):
    number = someones_topic(far)["topic_id"]
    content = reply(number, text, image()) if answering else topic(text, image())
    since = a_moment_ago()
    far.front.arm("POST", POSTS, Fault(cut="after accepting"))
    with pytest.raises(Ambiguous):
        far.publish(content, "key")
    found = far.adapter().reconcile(far.render(content), "key", since)
    assert isinstance(found, Receipt)
    assert far.publish(content, "key", since) == found
    assert len(far.server.posts) == 2


@pytest.mark.parametrize("answering", [False, True])
def test_what_never_went_out_is_not_found(far: Far, answering: bool):
    content = reply(someones_topic(far)["topic_id"]) if answering else topic()
    far.front.arm("POST", POSTS, Fault(cut="after reading"))
    with pytest.raises(Ambiguous):
        far.publish(content, "key")
    assert far.adapter().reconcile(far.render(content), "key", a_moment_ago()) == NotFound()


def test_what_is_nearly_the_same_is_another_reply(far: Far):
    number = someones_topic(far)["topic_id"]
    payload = far.render(reply(f"{number}/1"))
    far.server.add_post(number, TEXT, None, "client")
    far.server.add_post(number, TEXT + "!", 1)
    far.server.add_post(number, TEXT, 2)
    assert far.adapter().reconcile(payload, "key", a_moment_ago()) == NotFound()
    far.server.add_post(number, TEXT, 1)
    later = datetime.now(UTC) + timedelta(minutes=1)
    assert far.adapter().reconcile(payload, "key", later) == NotFound()
    assert isinstance(far.adapter().reconcile(payload, "key", a_moment_ago()), Receipt)


def test_a_reply_on_a_later_page_is_found_and_too_many_are_said(far: Far):
    number = someones_topic(far)["topic_id"]
    since = a_moment_ago()
    payload = far.render(reply(number))
    far.server.add_post(number, TEXT, None)
    for _ in range(60):
        far.server.add_post(number, "Merci de votre réponse.", None, "client")
    assert isinstance(far.adapter().reconcile(payload, "key", since), Receipt)
    for _ in range(60):
        far.server.add_post(number, "Merci de votre réponse.", None, "client")
    assert isinstance(far.adapter().reconcile(payload, "key", since), CannotTell)
    with pytest.raises(Rejected):
        far.adapter().publish(payload, permit_for(payload), "key", since)
    assert far.front.requests("POST", POSTS) == []


@pytest.mark.parametrize(("status", "again"), [(503, True), (403, False)])
def test_a_forum_that_cannot_be_read_cannot_tell(far: Far, status: int, again: bool):
    far.front.arm("GET", "/t/external_id/cmq-key.json", Fault(status))
    found = far.adapter().reconcile(far.render(topic()), "key", a_moment_ago())
    assert isinstance(found, CannotTell)
    assert found.again is again


# --- The moderators' queue ------------------------------------------------------------------------
@pytest.mark.parametrize("answering", [False, True])
def test_what_moderators_keep_is_neither_out_nor_refused(far: Far, answering: bool):
    content = reply(someones_topic(far)["topic_id"]) if answering else topic()
    far.server.queue = True
    since = a_moment_ago()
    with pytest.raises(Ambiguous, match="moderators"):
        far.publish(content, "key")
    waiting = far.adapter().reconcile(far.render(content), "key", since)
    assert isinstance(waiting, CannotTell)
    assert "moderators" in waiting.why
    assert not waiting.again, "a person is asked: nobody knows how long they take"
    far.server.let_through()
    assert isinstance(far.adapter().reconcile(far.render(content), "key", since), Receipt)


def test_a_key_that_may_not_read_the_queue_never_says_that_nothing_is_there(far: Far):
    far.server.readable_queue = False
    assert isinstance(far.adapter().reconcile(far.render(topic()), "key", a_moment_ago()), CannotTell)


# --- The permit -----------------------------------------------------------------------------------
def test_other_bytes_than_the_permitted_are_refused_before_any_byte(far: Far):
    payload, other = far.render(topic()), far.render(topic("Autre chose, tout à fait autre."))
    for permit in (permit_for(other), Permit(1, 1, "other/channel", "d", payload.sha256)):
        with pytest.raises(PermitRefused):
            far.adapter().publish(payload, permit, "key", a_moment_ago())
        with pytest.raises(PermitRefused):
            far.adapter().correct(Receipt("1"), payload, permit)
    with pytest.raises(Rejected):
        far.publish(replace(topic(), thread=("suite",)), "key")
    assert far.front.seen == []


# --- Afterwards -----------------------------------------------------------------------------------
@pytest.mark.parametrize("answering", [False, True])
def test_retracting_takes_it_away_and_again_is_no_error(far: Far, answering: bool):
    content = reply(someones_topic(far)["topic_id"]) if answering else topic()
    receipt = far.publish(content, "key")
    for _ in range(2):
        far.adapter().retract(receipt)
    assert far.count(TEXT) == 0
    assert len([seen for seen in far.front.seen if seen.method == "DELETE"]) == 1
    far.adapter().retract(Receipt("99999"))


def test_a_topic_that_may_not_be_deleted_is_said(far: Far):
    receipt = far.publish(topic(), "key")
    topic_id = far.server.posts[int(receipt.remote_id)]["topic_id"]
    body = says("You are not permitted to view the requested resource.", "invalid_access")
    far.front.arm("DELETE", f"/t/{topic_id}.json", Fault(403, body))
    with pytest.raises(Rejected):
        far.adapter().retract(receipt)


@pytest.mark.parametrize("answering", [False, True])
def test_a_correction_replaces_the_words(far: Far, answering: bool):
    number = someones_topic(far)["topic_id"]
    receipt = far.publish(reply(number) if answering else topic(category="general"), "key")
    corrected = "Corrigé : elle éclaire mieux."
    changed = reply(number, corrected) if answering else topic(corrected, title="la lampe Aurore, corrigée.")
    payload = far.render(changed)
    assert far.adapter().reread(receipt, payload) == NotFound()
    again = [far.adapter().correct(receipt, payload, permit_for(payload)) for _ in range(2)]
    assert again == [receipt, receipt]
    assert far.server.posts[int(receipt.remote_id)]["raw"] == corrected
    assert far.adapter().reread(receipt, payload) == receipt
    far.adapter().retract(receipt)
    assert far.adapter().reread(receipt, payload) == NotFound()
    with pytest.raises(Rejected):
        far.adapter().correct(receipt, payload, permit_for(payload))


def test_a_picture_cannot_be_compared(far: Far):
    receipt = far.publish(topic(TEXT, image()), "key")
    assert far.adapter().reread(receipt, far.render(topic(TEXT, image()))) == NotFound()


def test_a_correction_whose_answer_was_lost_may_be_public(far: Far):
    receipt, payload = far.publish(topic(), "key"), far.render(topic("Corrigé : elle éclaire mieux."))
    far.front.arm("PUT", f"/posts/{receipt.remote_id}.json", Fault(cut="after accepting"))
    with pytest.raises(Ambiguous):
        far.adapter().correct(receipt, payload, permit_for(payload))
    assert far.adapter().reread(receipt, payload) == receipt


# --- What each refusal means ----------------------------------------------------------------------
_BAD_KEY = "You are not permitted to view the requested resource. The API username or key is invalid."


@pytest.mark.parametrize(
    ("fault", "meaning"),
    [
        (Fault(403, says(_BAD_KEY, "invalid_access")), AuthFailed),
        (
            Fault(403, says("Le nom d’utilisateur ou la clé API est invalide.", "invalid_access")),
            AuthFailed,
        ),
        (Fault(403, says("You need to be logged in to do that.", "not_logged_in")), AuthFailed),
        (
            Fault(403, says("You are not permitted to view the requested resource.", "invalid_access")),
            Rejected,
        ),
        (Fault(422, says("Body is too similar to what you recently posted")), Rejected),
        (Fault(422, says("External has already been taken")), Duplicate),
        (Fault(429, headers={"Retry-After": "30"}), RateLimited),
        (Fault(500), Ambiguous),
        (Fault(503), Unavailable),
        (Fault(200, b'{"action": "enqueued", "success": true}'), Ambiguous),
        (Fault(200, says("Title can't be blank")), Rejected),
        (Fault(200, b'{"id": 12}'), Ambiguous),
        (Fault(200, b'{"id": "12", "topic_id": 1}'), Ambiguous),
        (Fault(200, b"null"), Ambiguous),
    ],
)
def test_what_an_answer_to_a_post_means(far: Far, fault: Fault, meaning: type[AdapterError]):
    far.front.arm("POST", POSTS, fault)
    with pytest.raises(AdapterError) as caught:
        far.publish(topic(), "key")
    assert type(caught.value) is meaning
    assert caught.value.public
    assert far.secret not in f"{caught.value}{vars(caught.value)}"


@pytest.mark.parametrize(
    ("extras", "wait"),
    [
        ({"wait_seconds": 18, "time_left": "18 seconds"}, 18),
        ({"wait_seconds": 0}, 1),
        ({"wait_seconds": "x"}, None),
    ],
)
def test_how_long_to_wait_is_in_the_body_too(far: Far, extras: dict[str, Any], wait: float | None):
    far.front.arm("POST", POSTS, Fault(429, says("Too many times.", "rate_limit", **extras)))
    with pytest.raises(RateLimited) as caught:
        far.publish(topic(), "key")
    assert caught.value.retry_after == wait


def test_the_forums_words_are_told_and_the_key_is_not(far: Far):
    far.front.arm("POST", POSTS, Fault(422, says(f"Title is odd {far.secret}")))
    with pytest.raises(Rejected) as caught:
        far.publish(topic(), "key")
    assert caught.value.detail == "Title is odd …"


# --- Who am I -------------------------------------------------------------------------------------
def test_check_says_who_and_what(far: Far):
    health = far.adapter().check()
    domain = far.front.base_url.removeprefix("http://")
    assert (health.ok, health.account, health.handle) == (True, f"{domain}#9", f"@maison@{domain}")
    assert health.limits["categories"] == ["Général", "Nouveautés", "general", "nouveautes"]
    assert set(health.limits) == set(far.limits)
    assert {seen.method for seen in far.front.seen} == {"GET"}
    assert {seen.headers["api-username"] for seen in far.front.seen} == {USERNAME}


def test_a_forum_that_says_its_limits_badly_has_the_default_ones(far: Far):
    body = json.dumps(
        {"max_post_length": "many", "min_post_length": True, "authorized_extensions": 3}
    ).encode()
    far.front.arm("GET", "/site/settings.json", Fault(200, body))
    far.front.arm("GET", "/site.json", Fault(403))
    limits = far.adapter().check().limits
    assert limits["max_characters"] == 32_000
    assert limits["supported_mime_types"] == Discourse.default_limits["supported_mime_types"]
    assert limits["categories"] == []


def test_a_forum_that_takes_fewer_kinds_of_picture(far: Far):
    far.server.settings["authorized_extensions"] = "jpg|jpeg|pdf"
    assert far.adapter().check().limits["supported_mime_types"] == ["image/jpeg"]


@pytest.mark.parametrize("changes", [{"secret": "wrong"}, {"settings": {"username": "nobody"}}])
def test_a_wrong_key_or_name(far: Far, changes: dict[str, Any]):
    settings = {"base_url": far.front.base_url, "username": USERNAME, **changes.get("settings", {})}
    health = far.adapter(**{**changes, "settings": settings}).check()
    assert not health.ok
    assert "Reconnect" in health.problem


@pytest.mark.parametrize(
    "changes", [{"secret": ""}, {"secret": "with space"}, {"secret": "é"}, {"settings": {"username": "\n"}}]
)
def test_what_nobody_can_sign_in_with_is_refused_before_any_byte(far: Far, changes: dict[str, Any]):
    settings = {"base_url": far.front.base_url, "username": USERNAME, **changes.get("settings", {})}
    payload = far.render(topic())
    with pytest.raises(AuthFailed):
        far.adapter(**{**changes, "settings": settings}).publish(
            payload, permit_for(payload), "key", a_moment_ago()
        )
    assert far.front.seen == []


def test_a_forum_behind_a_redirect_is_refused_and_its_address_named(far: Far):
    far.server.moved_to = "https://forum.maison.example"
    health = far.adapter().check()
    assert not health.ok
    assert str(health.params["address"]).startswith("https://forum.maison.example")
    with pytest.raises(Rejected):
        far.publish(topic(), "key")
