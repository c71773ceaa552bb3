"""What is WordPress's own, against the strict stand-in."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters import wordpress_writing as writing
from adapters.base import (
    AdapterError,
    Ambiguous,
    AuthFailed,
    CannotTell,
    Content,
    NotFound,
    Permit,
    PermitRefused,
    RateLimited,
    Receipt,
    Rejected,
    Unavailable,
)
from adapters.reading import text_of
from adapters.wordpress import WordPress
from tests.contract import far_wordpress
from tests.contract.farside import CHANNEL, Far, a_moment_ago, image, permit_for
from tests.contract.stand_ins.faulty_front import Fault
from tests.contract.stand_ins.strict_wordpress import PASSWORD, USERNAME

pytestmark = [pytest.mark.contract, pytest.mark.pure]

POSTS, MEDIA = "/wp-json/wp/v2/posts", "/wp-json/wp/v2/media"
TITLE = {"title": "La lampe Aurore"}


@pytest.fixture
def far(client: httpx.Client, tmp_path: Path) -> Iterator[Far]:
    with far_wordpress.far(client, tmp_path) as made:
        yield made


def said(text: str = "Voici la lampe.", *media: Any, **options: str) -> Content:
    return Content(text, media, options={**TITLE, **options})


def sent(far: Far) -> dict[str, Any]:
    return json.loads(far.front.requests("POST", POSTS)[-1].body)


def says(code: str, message: str = "No.", status: int = 403) -> bytes:
    return json.dumps({"code": code, "message": message, "data": {"status": status}}).encode()


# --- What is written ------------------------------------------------------------------------------
def test_a_post_arrives_whole(far: Far):
    content = said(
        "Bonjour à tous.\n\nDeux lignes\nd’un paragraphe : https://maison.example/a?b=1&c=2.",
        excerpt="Une lampe & une lumière",
        categories="lampes & lumière, Non classé",
        tags="Aurore",
    )
    assert WordPress.validate(content, far.limits) == []
    receipt = far.publish(content, "key-1")
    post = far.server.posts[int(receipt.remote_id)]
    assert (post["status"], post["categories"], post["tags"]) == ("publish", [7, 1], [21])
    assert post["slug"].startswith("la-lampe-aurore-")
    assert receipt.url == f"https://maison.example/{post['slug']}/"
    assert "status" in sent(far)
    assert "date" not in sent(far), "the queue schedules, not the site"
    assert sent(far)["excerpt"] == "Une lampe &amp; une lumière"
    assert post["content"]["raw"] == (
        "<!-- wp:paragraph -->\n<p>Bonjour à tous.</p>\n<!-- /wp:paragraph -->\n\n"
        "<!-- wp:paragraph -->\n<p>Deux lignes<br>d’un paragraphe : "
        '<a href="https://maison.example/a?b=1&amp;c=2">https://maison.example/a?b=1&amp;c=2</a>.</p>\n'
        "<!-- /wp:paragraph -->"
    )


@pytest.mark.parametrize(
    ("text", "markup"),
    [
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("[gallery ids=1]", "&#91;gallery ids=1&#93;"),
        ("<!-- wp:html -->", "&lt;!-- wp:html --&gt;"),
        ("javascript:alert(1)", "javascript:alert(1)"),
        ("https://a.example/x[y]", '<a href="https://a.example/x%5By%5D">https://a.example/x&#91;y&#93;</a>'),
        ('https://a.example/"onload=1', '<a href="https://a.example/">https://a.example/</a>"onload=1'),
        ("(https://a.example/b)", '(<a href="https://a.example/b">https://a.example/b</a>)'),
        (
            "https://a.example/wiki/Lampe_(objet)!",
            '<a href="https://a.example/wiki/Lampe_(objet)">https://a.example/wiki/Lampe_(objet)</a>!',
        ),
    ],
)
def test_nothing_that_was_typed_is_markup(text: str, markup: str):
    made = writing.paragraphs(text).replace("&quot;", '"')
    assert made == f"<!-- wp:paragraph -->\n<p>{markup}</p>\n<!-- /wp:paragraph -->"


@pytest.mark.parametrize(
    "text",
    [
        "famille 👨‍👩‍👧‍👦 drapeau 🇫🇷 ton 👍🏽",
        "العربية עברית 日本語 한국어",
        "balises <b>gras</b> & \"guillemets\" 'simples' \\ / %s {x} &amp; &#91;",
        "e\u0301 décomposé et é composé",
        "espace\u00a0insécable, trait\u2011d’union, zéro\u200bchasse",
    ],
)
def test_every_character_is_read_again_as_it_was_written(far: Far, text: str):
    content = said(text, title=f"À propos de {text}")
    receipt = far.publish(content, "key")
    assert text_of(far.server.posts[int(receipt.remote_id)]["content"]["raw"]).strip() == text
    assert far.adapter().reread(receipt, far.render(content)) == receipt


def test_a_draft_stays_one(far: Far):
    receipt = far.publish(said(status="draft"), "key")
    assert far.server.posts[int(receipt.remote_id)]["status"] == "draft"
    assert far.adapter().reconcile(far.render(said(status="draft")), "key", a_moment_ago()) == receipt


# --- What is wrong with it ------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("content", "found"),
    [
        (Content("Texte"), ("title_missing", "title")),
        (said(title=" \n "), ("title_missing", "title")),
        (said(title="é" * 301), ("title_too_long", "title")),
        (said(title="a\x07b"), ("control_character", "title")),
        (said(status="future"), ("status_unknown", "status")),
        (said(categories="Chaises"), ("category_unknown", "categories")),
        (replace(said(), thread=("suite",)), ("thread_not_offered", "thread")),
        (replace(said(), reply_to="12"), ("reply_not_offered", "reply_to")),
        (said(content_warning="Rappel"), ("warning_not_offered", "content_warning")),
        (said(visibility="public"), ("visibility_unknown", "visibility")),
        (said("Texte", *[image()] * 11), ("media_too_many", "media")),
        (said("Texte", replace(image(), mime="image/tiff")), ("media_type", "media")),
        (said("Texte", replace(image(), alt="")), ("alt_missing", "alt")),
    ],
)
def test_what_is_refused_before_review(content: Content, found: tuple[str, str]):
    limits = {**WordPress.default_limits, "categories": ["Lampes &amp; lumière", "lampes", "Non classé"]}
    assert [(one.code, one.field) for one in WordPress.validate(content, limits)] == [found]


@pytest.mark.parametrize("off", [-1, 0, 1])
def test_a_title_at_its_limit_in_characters_that_a_reader_sees(off: int):
    title = "👨‍👩‍👧‍👦" * 10 + "e\u0301" * (290 + off)
    found = WordPress.validate(said(title=title), {})
    assert [one.params for one in found] == ([{"used": 301, "limit": 300, "over": 1}] if off > 0 else [])


@pytest.mark.parametrize("off", [-1, 0, 1])
def test_a_link_counts_as_long_as_it_is(off: int):
    text = "https://maison.example/ " + "x" * (100_000 - 24 + off)
    assert WordPress.count(said(text), {})[0].used == 100_000 + off
    assert [one.code for one in WordPress.validate(said(text), {})] == (["too_long"] if off > 0 else [])


def test_without_a_title_the_preview_has_the_beginning_of_the_text():
    assert WordPress.render(Content("Une lampe.\nSuite"), CHANNEL, {}).body["title"] == "Une lampe."
    long = WordPress.render(Content("mot " * 40), CHANNEL, {}).body["title"]
    assert long.endswith("mot…")
    assert len(long) <= 81


@pytest.mark.parametrize("name", ["title", "excerpt", "categories", "tags", "status"])
def test_every_option_is_covered_by_the_digest(name: str):
    assert (
        WordPress.render(said(**{name: "autre"}), CHANNEL, {}).sha256
        != WordPress.render(said(), CHANNEL, {}).sha256
    )


# --- Categories and tags --------------------------------------------------------------------------
@pytest.mark.parametrize("options", [{"categories": "Chaises"}, {"tags": "aur"}, {"tags": "Aurore, inconnu"}])
def test_what_the_site_does_not_have_is_not_made_there(far: Far, options: dict[str, str]):
    with pytest.raises(Rejected):
        far.publish(said(**options), "key")
    assert {seen.method for seen in far.front.seen} == {"GET"}


def test_a_name_that_stands_for_two_is_settled_by_its_slug(far: Far):
    far.server.categories[8] = ("Non classé", "autre")
    with pytest.raises(Rejected):
        far.publish(said(categories="Non classé"), "key")
    receipt = far.publish(said(categories="autre"), "key")
    assert far.server.posts[int(receipt.remote_id)]["categories"] == [8]


# --- Pictures -------------------------------------------------------------------------------------
def test_the_first_picture_is_the_featured_one_and_the_others_stand_in_the_text(far: Far):
    receipt = far.publish(
        said("Texte", image("Une « lampe » & [toit] <b> à 20%de"), image('Une "autre" <b>')), "key"
    )
    post = far.server.posts[int(receipt.remote_id)]
    first, second = far.server.media.values()
    assert post["featured_media"] == first["id"]
    assert html.unescape(first["alt_text"]) == "Une « lampe » & [toit] <b> à 20%de"
    assert f'"id":{second["id"]},' in post["content"]["raw"]
    assert 'alt="Une &quot;autre&quot; &lt;b&gt;"' in post["content"]["raw"]
    assert f"{first['id']}" not in post["content"]["raw"]


def test_a_file_that_an_attempt_uploaded_is_not_uploaded_again(far: Far):
    content = said("Texte", image("une"), image("deux"))
    far.front.arm("POST", POSTS, Fault(503))
    with pytest.raises(Unavailable):
        far.publish(content, "key")
    far.publish(content, "key")
    assert len(far.server.media) == 2
    far.publish(content, "another key")
    assert len(far.server.media) == 4


def test_a_file_that_was_replaced_stops_all_of_them(far: Far):
    payload = far.render(said("Texte", image(), image("deux")))
    far_read = iter([far_wordpress.__name__.encode()] * 2)
    with pytest.raises(Rejected):
        far.adapter(read_media=lambda _sha256: next(far_read)).publish(
            payload, permit_for(payload), "key", a_moment_ago()
        )
    assert not [seen for seen in far.front.seen if seen.method == "POST"]


def test_an_account_that_may_not_upload_is_known_before_review(far: Far):
    far.server.capabilities["upload_files"] = False
    limits = far.adapter().check().limits
    assert [one.code for one in WordPress.validate(said("Texte", image()), limits)] == ["media_not_allowed"]


# --- Once, and only once --------------------------------------------------------------------------
def test_a_second_publish_makes_nothing_new(far: Far):
    first = far.publish(said(), "key")
    assert far.publish(said(), "key") == first
    assert far.publish(said(), "another") != first
    assert len(far.server.posts) == 2


def test_a_lost_answer_is_settled_by_the_slug(far: Far):
    content, since = said("Texte", image()), a_moment_ago()
    far.front.arm("POST", POSTS, Fault(cut="after accepting"))
    with pytest.raises(Ambiguous):
        far.publish(content, "key")
    found = far.adapter().reconcile(far.render(content), "key", since)
    assert isinstance(found, Receipt)
    assert far.publish(content, "key") == found
    assert len(far.server.posts) == 1
    assert len(far.front.requests("POST", POSTS)) == 1


def test_what_never_went_out_is_not_found(far: Far):
    far.front.arm("POST", POSTS, Fault(cut="after reading"))
    with pytest.raises(Ambiguous):
        far.publish(said(), "key")
    assert far.adapter().reconcile(far.render(said()), "key", a_moment_ago()) == NotFound()
    assert far.server.posts == {}


@pytest.mark.parametrize(("status", "again"), [(503, True), (401, False)])
def test_a_site_that_cannot_be_read_cannot_tell(far: Far, status: int, again: bool):
    far.front.arm("GET", POSTS, Fault(status))
    found = far.adapter().reconcile(far.render(said()), "key", a_moment_ago())
    assert isinstance(found, CannotTell)
    assert found.again is again


def test_a_post_in_the_trash_is_neither_published_again_nor_called_missing(far: Far):
    receipt = far.publish(said(), "key")
    far.adapter().retract(receipt)
    found = far.adapter().reconcile(far.render(said()), "key", a_moment_ago())
    assert isinstance(found, CannotTell)
    assert not found.again
    with pytest.raises(Rejected, match="trash"):
        far.publish(said(), "key")
    assert len(far.server.posts) == 1


@pytest.mark.parametrize(
    ("title", "begins"),
    [
        ("L’œuvre d’été : « Aurore » !", "l-oeuvre-d-ete-aurore-"),
        ("日本語", "post-"),
        ("mot " * 40, "mot-mot-mot-"),
        ("x" * 400, "xxxx"),
        ("--", "post-"),
    ],
)
def test_the_slug_is_one_that_wordpress_leaves_as_it_is(title: str, begins: str):
    slug = writing.slug_of(title, "key")
    assert slug.startswith(begins)
    assert slug == slug.lower().strip("-")
    assert "--" not in slug
    assert len(slug) <= 73
    assert slug == writing.slug_of(title, "key") != writing.slug_of(title, "yek")


# --- The permit -----------------------------------------------------------------------------------
def test_other_bytes_than_the_permitted_are_refused_before_any_byte(far: Far):
    payload, other = far.render(said()), far.render(said("Autre chose"))
    for permit in (permit_for(other), Permit(1, 1, "other/channel", "d", payload.sha256)):
        with pytest.raises(PermitRefused):
            far.adapter().publish(payload, permit, "key", a_moment_ago())
        with pytest.raises(PermitRefused):
            far.adapter().correct(Receipt("1"), payload, permit)
    assert far.front.seen == []


def test_a_thread_is_refused_before_any_byte(far: Far):
    with pytest.raises(Rejected):
        far.publish(replace(said(), thread=("suite",)), "key")
    assert far.front.seen == []


# --- Afterwards -----------------------------------------------------------------------------------
def test_retracting_moves_into_the_trash_and_again_is_no_error(far: Far):
    receipt = far.publish(said(), "key")
    for _ in range(2):
        far.adapter().retract(receipt)
    assert far.server.posts[int(receipt.remote_id)]["status"] == "trash"
    far.adapter().retract(Receipt("99999"))


def test_a_site_without_a_trash_deletes(far: Far):
    far.server.trash = False
    receipt = far.publish(said(), "key")
    far.adapter().retract(receipt)
    far.adapter().retract(receipt)
    assert far.server.posts == {}


@pytest.mark.parametrize("body", [b"{}", says("rest_no_route", status=404), b"<html>"])
def test_a_404_that_says_nothing_about_the_post_is_no_retraction(far: Far, body: bytes):
    receipt = far.publish(said(), "key")
    far.front.arm("DELETE", f"{POSTS}/{receipt.remote_id}", Fault(404, body))
    with pytest.raises(Rejected):
        far.adapter().retract(receipt)


def test_a_correction_replaces_the_words_and_keeps_address_and_status(far: Far):
    receipt = far.publish(said(status="draft", tags="Aurore"), "key")
    far.server.posts[int(receipt.remote_id)]["status"] = "publish"
    corrected = said("Corrigé", title="Autre titre", status="draft")
    payload = far.render(corrected)
    assert far.adapter().reread(receipt, payload) == NotFound()
    again = [far.adapter().correct(receipt, payload, permit_for(payload)) for _ in range(2)]
    assert {one.remote_id for one in again} == {receipt.remote_id}
    post = far.server.posts[int(receipt.remote_id)]
    assert (post["title"]["raw"], post["status"]) == ("Autre titre", "publish")
    assert post["slug"].startswith("la-lampe-aurore-")
    assert isinstance(far.adapter().reread(receipt, payload), Receipt)


def test_a_correction_without_a_picture_takes_the_old_one_away(far: Far):
    receipt = far.publish(said("Texte", image()), "key")
    payload = far.render(said("Texte"))
    assert far.adapter().reread(receipt, payload) == NotFound()
    far.adapter().correct(receipt, payload, permit_for(payload))
    assert far.server.posts[int(receipt.remote_id)]["featured_media"] == 0
    assert isinstance(far.adapter().reread(receipt, payload), Receipt)


def test_what_is_no_longer_there_is_not_corrected(far: Far):
    receipt, payload = far.publish(said(), "key"), far.render(said("Corrigé"))
    far.adapter().retract(receipt)
    for gone in (receipt, Receipt("99999"), Receipt("not-a-number")):
        with pytest.raises(Rejected):
            far.adapter().correct(gone, payload, permit_for(payload))
    assert len(far.front.requests("POST", POSTS)) == 1
    assert far.adapter().reread(receipt, payload) == NotFound()


def test_a_correction_whose_answer_was_lost_may_be_public(far: Far):
    receipt, payload = far.publish(said(), "key"), far.render(said("Corrigé"))
    far.front.arm("POST", f"{POSTS}/{receipt.remote_id}", Fault(cut="after accepting"))
    with pytest.raises(Ambiguous):
        far.adapter().correct(receipt, payload, permit_for(payload))
    assert isinstance(far.adapter().reread(receipt, payload), Receipt)


# --- What each refusal means ----------------------------------------------------------------------
@pytest.mark.parametrize(
    ("fault", "meaning"),
    [
        (Fault(401, says("incorrect_password", status=401)), AuthFailed),
        (Fault(401, says("application_passwords_disabled", status=401)), AuthFailed),
        (Fault(403, says("rest_cannot_create")), AuthFailed),
        (Fault(403, says("rest_cannot_publish")), AuthFailed),
        (Fault(403, says("rest_cannot_assign_term")), Rejected),
        (Fault(403, b"<h1>Blocked</h1>"), Rejected),
        (Fault(400, says("rest_invalid_param", status=400)), Rejected),
        (Fault(429, headers={"Retry-After": "30"}), RateLimited),
        (Fault(500, says("db_insert_error", status=500)), Ambiguous),
        (Fault(503), Unavailable),
        (Fault(201, b"<b>Notice</b>: {}"), Ambiguous),
        (Fault(200, says("rest_cannot_create")), Ambiguous),
        (Fault(201, b'{"id": "12"}'), Ambiguous),
        (Fault(201, b'{"id": 0}'), Ambiguous),
    ],
)
def test_what_an_answer_to_a_post_means(far: Far, fault: Fault, meaning: type[AdapterError]):
    far.front.arm("POST", POSTS, fault)
    with pytest.raises(AdapterError) as caught:
        far.publish(said(), "key")
    assert type(caught.value) is meaning
    assert caught.value.public


@pytest.mark.parametrize(
    ("fault", "meaning"),
    [
        (Fault(500, says("rest_upload_sideload_error", status=500)), Rejected),
        (Fault(400, says("rest_upload_file_too_big", status=400)), Rejected),
        (Fault(403, says("rest_cannot_create")), AuthFailed),
        (Fault(413), Rejected),
        (Fault(500), Unavailable),
        (Fault(201, b'{"id": 12}'), Unavailable),
    ],
)
def test_what_an_answer_to_an_upload_means(far: Far, fault: Fault, meaning: type[AdapterError]):
    far.front.arm("POST", MEDIA, fault)
    with pytest.raises(AdapterError) as caught:
        far.publish(said("Texte", image()), "key")
    assert type(caught.value) is meaning
    assert far.front.requests("POST", POSTS) == []


def test_the_sites_words_are_told_and_no_secret_is(far: Far):
    token = far.adapter()._line._token(PASSWORD.replace(" ", ""))  # type: ignore[attr-defined]
    words = f"No {PASSWORD} {PASSWORD.replace(' ', '')} {token}"
    body = {"code": "rest_invalid_param", "message": words, "data": {"params": {"slug": "wrong"}}}
    far.front.arm("POST", POSTS, Fault(400, json.dumps(body).encode()))
    with pytest.raises(Rejected) as caught:
        far.publish(said(), "key")
    assert caught.value.detail == "No … … … slug: wrong (rest_invalid_param)"


# --- Signing in, and finding the interface --------------------------------------------------------
@pytest.mark.parametrize("secret", [PASSWORD, PASSWORD.replace(" ", "")])
def test_the_password_is_taken_with_its_spaces_or_without(far: Far, secret: str):
    assert far.adapter(secret=secret).check().ok


@pytest.mark.parametrize(
    "changes",
    [
        {"secret": ""},
        {"secret": "accent-é"},
        {"secret": "line\nbreak"},
        {"settings": {"username": ""}},
        {"settings": {"username": "a:b"}},
    ],
)
def test_what_nobody_can_sign_in_with_is_refused_before_any_byte(far: Far, changes: dict[str, Any]):
    settings = {"base_url": far.front.base_url, "username": USERNAME, **changes.get("settings", {})}
    payload = far.render(said())
    with pytest.raises(AuthFailed):
        far.adapter(**{**changes, "settings": settings}).publish(
            payload, permit_for(payload), "key", a_moment_ago()
        )
    assert far.front.seen == []


def test_check_says_who_and_what(far: Far):
    health = far.adapter().check()
    assert health.ok
    assert (health.account, health.handle) == ("maison.example#5", "ines@maison.example")
    assert "Non classé" in health.limits["categories"]
    assert {seen.method for seen in far.front.seen} == {"GET"}


@pytest.mark.parametrize("changes", [{"secret": "wrong"}, {"settings": {"username": "marc"}}])
def test_a_wrong_password_or_name(far: Far, changes: dict[str, Any]):
    settings = {"base_url": far.front.base_url, "username": USERNAME, **changes.get("settings", {})}
    health = far.adapter(**{**changes, "settings": settings}).check()
    assert not health.ok
    assert "Reconnect" in health.problem


def test_an_account_that_may_not_publish_is_not_well(far: Far):
    far.server.capabilities["publish_posts"] = False
    health = far.adapter().check()
    assert not health.ok
    assert health.account
    assert "role" in health.problem
    with pytest.raises(AuthFailed):
        far.publish(said(), "key")


@pytest.mark.parametrize("front_page_status", [404, 200])
def test_a_site_without_pretty_permalinks(far: Far, front_page_status: int):
    far.server.pretty, far.server.front_page_status = False, front_page_status
    health = far.adapter().check()
    assert health.ok
    assert health.limits["rest"] == "plain"
    far.front.seen.clear()
    receipt = far.adapter(limits=health.limits).publish(
        far.render(said("Texte", image())),
        permit_for(far.render(said("Texte", image()))),
        "key",
        a_moment_ago(),
    )
    assert {seen.path for seen in far.front.seen} == {"/"}
    assert far.publish(said("Texte", image()), "key") == receipt, "found also by who has not looked before"
    far.adapter().retract(receipt)
    assert far.list_posts() == []


def test_a_site_behind_a_redirect_is_refused_and_its_address_named(far: Far):
    far.server.moved_to = "https://www.maison.example"
    health = far.adapter().check()
    assert not health.ok
    assert health.params == {"address": "https://www.maison.example"}
    with pytest.raises(Rejected) as caught:
        far.publish(said(), "key")
    assert caught.value.detail == "https://www.maison.example"
    assert far.server.posts == {}
