"""What is LinkedIn's own, against the strict stand-in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import time_machine

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
)
from adapters.linkedin import LinkedIn
from adapters.linkedin_session import OLD_VERSION
from adapters.linkedin_text import length, little, plain
from tests.contract.far_linkedin import error
from tests.contract.far_linkedin import far as linkedin_far
from tests.contract.farside import CHANNEL, PIXEL, PIXEL_SHA256, Far, a_moment_ago, image, permit_for
from tests.contract.stand_ins.faulty_front import Fault
from tests.contract.stand_ins.strict_linkedin import AUTHOR, ORGANIZATION, kept_of

pytestmark = [pytest.mark.contract, pytest.mark.pure]

CREATE, IMAGES, UPLOAD = "/rest/posts", "/rest/images", "/dms-uploads/feedshare"
LINK = "https://maison-lumiere.example/aurore/une-bien-longue-adresse_(2026)?a=1&b=~2#haut"


@pytest.fixture
def far(client: httpx.Client, tmp_path: Path) -> Iterator[Far]:
    with linkedin_far(client, tmp_path) as made:
        yield made


def codes(content: Content) -> list[str]:
    return [problem.code for problem in LinkedIn.validate(content, {})]


def sent(far: Far) -> dict[str, Any]:
    form: dict[str, Any] = json.loads(far.front.requests("POST", CREATE)[-1].body)
    return form


def lose_the_answer(far: Far, content: Content) -> datetime:
    since = a_moment_ago()
    far.front.arm("POST", CREATE, Fault(cut="after accepting"))
    with pytest.raises(Ambiguous):
        far.publish(content, "key", since)
    return since


# --- Little text ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Prix (60 €) [neuf] {x} a|b", r"Prix \(60 €\) \[neuf\] \{x\} a\|b"),
        (r"C:\dossier <b> *gras* _ital_ ~non~", r"C:\\dossier \<b\> \*gras\* \_ital\_ \~non\~"),
        ("@ami et ami@maison.fr", r"\@ami et ami\@maison.fr"),
        (
            "#Été2026, #أورورا et #日本語!",
            r"{hashtag|\#|Été2026}, {hashtag|\#|أورورا} et {hashtag|\#|日本語}!",
        ),
        ("(#Aurore)", r"\({hashtag|\#|Aurore}\)"),
        ("n\u0303 #man\u0303ana", "n\u0303 {hashtag|\\#|man\u0303ana}"),
        ("le #1, C#, #, ## titre, a#b, #a#b", r"le \#1, C\#, \#, \#\# titre, a\#b, \#a\#b"),
        ("#mon_mot", r"\#mon\_mot"),
        ("https://x.fr/#haut et /page#bas et ?q=#a", r"https://x.fr/\#haut et /page\#bas et ?q=\#a"),
        (r"\#Aurore", r"\\\#Aurore"),
    ],
)
def test_little_text(text: str, said: str):
    assert little(text) == said
    assert plain(said) == text
    # LinkedIn cuts off at the first sign that should have been escaped.
    assert kept_of(said) == said


def test_little_text_as_linkedin_writes_it():
    assert plain("a {hashtag|#|b} {hashtag|＃|c} @[Maison \\(FR\\)](urn:li:organization:1) d") == (
        "a #b ＃c Maison (FR) d"
    )
    assert plain("{rien} \\") == "{rien} \\"


def test_the_public_reads_what_was_approved(far: Far):
    text = f"Voilà (enfin) : #Aurore, 60 € chez @ami <ici> [a|b] *c* _d_ ~e~ \\ {LINK} 👨‍👩‍👧‍👦 العربية"
    far.publish(Content(text), "key")
    assert [one["text"] for one in far.server.texts()] == [text]
    assert sent(far)["commentary"] == far.render(Content(text)).body["commentary"]


# --- What goes out --------------------------------------------------------------------------------
def test_every_request_says_its_version(far: Far):
    receipt = far.publish(Content("Aurore", (image(),)), "key")
    far.adapter().retract(receipt)
    far.adapter().check()
    rest = [seen for seen in far.front.seen if seen.path.startswith("/rest/")]
    assert {seen.headers["linkedin-version"] for seen in rest} == {"202607"}
    assert {seen.headers["x-restli-protocol-version"] for seen in rest} == {"2.0.0"}
    far.settings["api_version"] = "202608"
    far.publish(Content("Une autre"), "key")
    assert far.front.seen[-1].headers["linkedin-version"] == "202608"


def test_one_picture_and_several(far: Far):
    receipt = far.publish(Content("", (image("Une lampe."),)), "key")
    assert [*far.server.images.values()] == [PIXEL]
    assert sent(far)["content"] == {"media": {"id": next(iter(far.server.images)), "altText": "Une lampe."}}
    assert sent(far)["commentary"] == ""
    assert receipt.url == f"https://www.linkedin.com/feed/update/{receipt.remote_id}/"
    assert [seen.path for seen in far.front.seen] == [IMAGES, UPLOAD, CREATE]
    far.publish(Content("Deux", (image("Un"), image("Deux"))), "key")
    shown = sent(far)["content"]["multiImage"]["images"]
    assert [one["altText"] for one in shown] == ["Un", "Deux"]
    assert len({one["id"] for one in shown}) == 2


def test_a_link_is_a_card_without_pictures_and_text_beside_them(far: Far):
    options = {"link_title": "La lampe  Aurore", "link_description": "En chêne."}
    content = Content("À voir", link=LINK, options=options)
    assert codes(content) == []
    far.publish(content, "key")
    card = {"source": LINK, "title": "La lampe Aurore", "description": "En chêne."}
    assert sent(far)["content"] == {"article": card}
    assert sent(far)["commentary"] == "À voir"
    far.publish(Content("À voir encore", link=LINK), "key")
    assert sent(far)["content"] == {"article": {"source": LINK, "title": "maison-lumiere.example"}}
    far.publish(Content("À voir", (image(),), link=LINK, options=options), "key")
    assert "article" not in sent(far)["content"]
    assert far.server.texts()[-1]["text"] == f"À voir\n\n{LINK}"


@pytest.mark.parametrize("off", [-1, 0, 1])
@pytest.mark.parametrize("sign", ["x", "é", "𝔘", "_", "👍🏽"])
def test_three_thousand_utf16_units_as_readers_see_them(far: Far, sign: str, off: int):
    size = length(sign)
    text = sign * ((3000 + off) // size) + "x" * ((3000 + off) % size)
    assert LinkedIn.count(Content(text), {})[0].used == 3000 + off
    assert codes(Content(text)) == (["too_long"] if off > 0 else [])
    if off > 0:
        with pytest.raises(Rejected):
            far.publish(Content(text), "key")
    else:
        far.publish(Content(text), "key")
        assert far.server.texts() == [{"text": text}]


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, []),
        ({"mime": "image/gif"}, []),
        ({"mime": "image/webp"}, ["media_type"]),
        ({"size": 8_388_608}, []),
        ({"size": 8_388_609}, ["media_too_large"]),
        ({"width": 36_152_319, "height": 1}, []),
        ({"width": 36_152_320, "height": 1}, ["media_too_many_pixels"]),
        ({"alt": "x" * 4086}, []),
        ({"alt": "x" * 4087}, ["alt_too_long"]),
        ({"alt": ""}, ["alt_missing"]),
    ],
)
def test_what_a_picture_may_be(changes: dict, found: list[str]):
    values = {"sha256": PIXEL_SHA256, "mime": "image/png", "alt": "a", "width": 9, "height": 9, "size": 9}
    assert codes(Content("Texte", (MediaItem(**{**values, **changes}),))) == found


def test_what_linkedin_does_not_take():
    assert codes(Content("Texte", (image(),) * 20)) == []
    assert codes(Content("Texte", (image(),) * 21)) == ["media_too_many"]
    assert codes(Content("a", thread=("b",))) == ["thread_not_offered"]
    assert codes(Content("a", reply_to="b")) == ["reply_not_offered"]
    assert codes(Content("a", options={"link_title": "x" * 401})) == ["link_title_too_long"]
    assert codes(Content("a", options={"link_description": "a\x07"})) == ["control_character"]
    assert codes(Content("a", link="maison.fr")) == ["link_invalid"]
    assert codes(Content("", link="https://maison.fr/")) == []


@pytest.mark.parametrize(
    "settings", [{"organization": ""}, {"organization": "maison-lumiere"}, {"api_version": "latest"}]
)
def test_a_setting_that_will_not_do_is_named_before_any_byte(far: Far, settings: dict[str, str]):
    far.settings.update(settings)
    with pytest.raises(Rejected):
        far.publish(Content("Aurore", (image(),)), "key")
    assert not far.adapter().check().ok
    assert far.front.seen == []


def test_the_organization_may_be_given_as_its_urn(far: Far):
    far.settings["organization"] = AUTHOR
    assert far.publish(Content("Aurore"), "key").remote_id


# --- Files go to LinkedIn and to nowhere else -----------------------------------------------------
def place_for_a_file(far: Far, address: object) -> None:
    value = {"uploadUrl": address, "image": "urn:li:image:C4E1"}
    far.front.arm("POST", IMAGES, Fault(200, json.dumps({"value": value}).encode()))


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/dms-uploads/x",
        "http://www.linkedin.com/dms-uploads/x",
        "https://www.linkedin.com.evil.example/x",
        "https://evillinkedin.com/x",
        "https://www.linkedin.com@evil.example/x",
        "https://a:b@www.linkedin.com/x",
        "http://127.0.0.1:1/x",
        "https://[x",
        "//evil.example/x",
        "",
        7,
    ],
)
def test_neither_file_nor_token_goes_elsewhere(far: Far, address: object):
    place_for_a_file(far, address)
    with pytest.raises(Unavailable):
        far.publish(Content("Aurore", (image(),)), "key")
    assert [seen.path for seen in far.front.seen] == [IMAGES]


def test_linkedins_own_hosts_get_the_file_with_the_token(far: Far):
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if request.url.path == IMAGES:
            address = "https://www.linkedin.com/dms-uploads/sp/v2/a%2Fb?ca=vector&e=1&t=x%3D"
            value = {"uploadUrl": address, "image": "urn:li:image:C4E1"}
            return httpx.Response(200, json={"value": value})
        if request.method == "PUT":
            return httpx.Response(201)
        return httpx.Response(201, headers={"x-restli-id": "urn%3Ali%3Ashare%3A12"})

    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        content = Content("Aurore", (image(),))
        settings = {"organization": ORGANIZATION}
        payload = LinkedIn.render(content, CHANNEL, {})
        adapter = far.adapter(client=client, settings=settings)
        receipt = adapter.publish(payload, permit_for(payload), "key", a_moment_ago())
    assert receipt.remote_id == "urn:li:share:12"
    assert [str(request.url) for request in asked] == [
        "https://api.linkedin.com/rest/images?action=initializeUpload",
        "https://www.linkedin.com/dms-uploads/sp/v2/a%2Fb?ca=vector&e=1&t=x%3D",
        "https://api.linkedin.com/rest/posts",
    ]
    assert asked[1].read() == PIXEL
    assert asked[1].headers["authorization"].startswith("Bearer ")
    assert asked[1].headers["content-type"] == "application/octet-stream"


@pytest.mark.parametrize(
    ("fault", "meaning"),
    [
        (Fault(403), Unavailable),
        (Fault(410), Unavailable),
        (Fault(413), Rejected),
        (Fault(401), AuthFailed),
        (Fault(500), Unavailable),
        (Fault(302, headers={"Location": "https://evil.example/"}), Rejected),
        (Fault(cut="after accepting"), NotSent),
    ],
)
def test_an_upload_that_fails_publishes_nothing(far: Far, fault: Fault, meaning: type[AdapterError]):
    far.front.arm("PUT", UPLOAD, fault)
    with pytest.raises(meaning):
        far.publish(Content("Aurore", (image(),)), "key")
    assert far.server.posts == {}
    assert far.publish(Content("Aurore", (image(),)), "key").remote_id


# --- What its refusals mean -----------------------------------------------------------------------
def coded(status: int, code: str) -> bytes:
    return json.dumps({"status": status, "code": code, "message": "non"}).encode()


@pytest.mark.parametrize(
    ("fault", "meaning"),
    [
        (Fault(426, coded(426, "NONEXISTENT_VERSION")), Rejected),
        (Fault(400, coded(400, "VERSION_DEPRECATED")), Rejected),
        (Fault(400, coded(400, "MEDIA_ASSET_PROCESSING")), Unavailable),
        (Fault(400, coded(400, "FIELD_LENGTH_TOO_LONG")), Rejected),
        (Fault(422, error(422, "Content is a duplicate of urn:li:share:1")), Duplicate),
        (Fault(422, error(422, "ERROR :: /content :: unrecognized field")), Rejected),
        (Fault(403, coded(403, "ACCESS_DENIED")), AuthFailed),
        (Fault(201), Ambiguous),
        (Fault(201, headers={"x-restli-id": "rien"}), Ambiguous),
        (Fault(500), Ambiguous),
        (Fault(504), Ambiguous),
        (Fault(503), Unavailable),
    ],
)
def test_what_an_answer_to_a_post_means(far: Far, fault: Fault, meaning: type[AdapterError]):
    far.front.arm("POST", CREATE, fault)
    with pytest.raises(AdapterError) as caught:
        far.publish(Content("Aurore"), "key")
    assert type(caught.value) is meaning
    assert far.server.posts == {}


def test_a_version_that_is_no_more_is_told_in_words(far: Far):
    far.settings["api_version"] = "202401"
    with pytest.raises(Rejected) as caught:
        far.publish(Content("Aurore"), "key")
    assert caught.value.public == OLD_VERSION
    assert far.adapter().check().problem == OLD_VERSION


@pytest.mark.parametrize(
    ("date", "wait"),
    [
        ("Wed, 21 Oct 2015 23:59:00 GMT", 60),
        ("Wed, 21 Oct 2015 00:00:00 GMT", 86_400),
        ("Thu, 31 Dec 2015 12:00:00 GMT", 43_200),
    ],
)
def test_a_limit_ends_at_midnight_utc_on_linkedins_clock(far: Far, date: str, wait: float):
    far.front.arm("POST", CREATE, Fault(429, coded(429, "TOO_MANY_REQUESTS"), headers={"Date": date}))
    with pytest.raises(RateLimited) as caught:
        far.publish(Content("Aurore"), "key")
    assert caught.value.retry_after == wait


def test_a_duplicate_is_told_apart_and_found(far: Far):
    content, since = Content("Bonjour (à tous) #Aurore"), a_moment_ago()
    receipt = far.publish(content, "key", since)
    with pytest.raises(Duplicate):
        far.publish(content, "key", since)
    assert far.look(content, "key", since) == receipt


# --- Afterwards -----------------------------------------------------------------------------------
def test_an_edit_changes_the_words_and_nothing_else(far: Far):
    content = Content("Aurore", link=LINK)
    receipt = far.publish(content, "key")
    payload = far.render(Content("Aurore (corrigé) #Lampe", link=LINK))
    assert far.adapter().correct(receipt, payload, permit_for(payload)) == receipt
    request = far.front.seen[-1]
    assert request.headers["x-restli-method"] == "PARTIAL_UPDATE"
    assert json.loads(request.body) == {"patch": {"$set": {"commentary": payload.body["commentary"]}}}
    assert far.adapter().reread(receipt, payload) == receipt
    assert far.adapter().reread(receipt, far.render(content)) == NotFound()
    assert far.look(Content("Aurore (corrigé) #Lampe", link=LINK), "key", a_moment_ago()) == receipt


def test_what_an_edit_cannot_change_stands_apart(far: Far):
    def kept(content: Content) -> list[Any]:
        body = far.render(content).body
        return [body[name] for name in LinkedIn.capabilities.edit_keeps]

    base = kept(Content("Texte", (image(),)))
    assert kept(Content("Autre texte", (image(),))) == base
    assert kept(Content("Texte", (image("autre"),))) != base
    assert kept(Content("Texte")) != base
    assert kept(Content("Texte", link=LINK)) != kept(Content("Texte"))


def test_an_edit_of_what_is_gone_is_refused_and_one_lost_may_be_public(far: Far):
    payload = far.render(Content("Corrigé"))
    with pytest.raises(Rejected):
        far.adapter().correct(Receipt("urn:li:share:1"), payload, permit_for(payload))
    receipt = far.publish(Content("Aurore"), "key")
    path = f"{CREATE}/urn%3Ali%3Ashare%3A{receipt.remote_id.rpartition(':')[2]}"
    far.front.arm("POST", path, Fault(cut="after accepting"))
    with pytest.raises(Ambiguous):
        far.adapter().correct(receipt, payload, permit_for(payload))
    assert far.adapter().reread(receipt, payload) == receipt


def test_taking_away_twice_is_no_error(far: Far):
    receipt = far.publish(Content("Aurore"), "key")
    for _ in range(2):
        far.adapter().retract(receipt)
    assert far.server.posts == {}
    assert far.adapter().reread(receipt, far.render(Content("Aurore"))) == NotFound()


# --- Reading back ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "content",
    [
        Content(f"Bonjour (à tous) {LINK} #Aurore @ami & <ici>"),
        Content("famille 👨‍👩‍👧‍👦 العربية e\u0301 zéro\u200bchasse\n\ndeux lignes"),
        Content("", (image(), image("Autre"))),
        Content("Un lien", link=LINK),
    ],
)
def test_a_lost_answer_is_found_and_nothing_is_doubled(far: Far, content: Content):
    far.publish(Content("Autre chose"), "key")
    since = lose_the_answer(far, content)
    found = far.look(content, "key", since)
    assert isinstance(found, Receipt)
    assert found.remote_id == list(far.server.posts)[-1]
    assert len(far.server.posts) == 2


@pytest.mark.parametrize(
    "other",
    [
        Content("Aurore", (image("Autre description."),)),
        Content("Aurore"),
        Content("aurore", (image(),)),
        Content("Aurore", (image(), image())),
        Content("Aurore", link=LINK),
    ],
)
def test_a_post_that_is_nearly_the_same_is_another_one(far: Far, other: Content):
    since = a_moment_ago()
    far.publish(other, "key")
    assert far.look(Content("Aurore", (image(),)), "key", since) == NotFound()


def test_a_link_that_linkedin_shortened_needs_a_person(far: Far):
    far.server.links_are_shortened = True
    content = Content("La page https://maison-lumiere.example/aurore")
    since = lose_the_answer(far, content)
    found = far.look(content, "key", since)
    assert isinstance(found, CannotTell)
    assert not found.again
    # The same words under a card are told by its source.
    since = lose_the_answer(far, Content("La page", link=LINK))
    assert isinstance(far.look(Content("La page", link=LINK), "key", since), Receipt)
    assert far.look(Content("La page", link="https://maison.fr/"), "key", since) == NotFound()


def test_a_post_that_is_still_being_published_is_looked_for_again(far: Far):
    since = lose_the_answer(far, Content("Aurore"))
    post = next(iter(far.server.posts.values()))
    for state, again in (("PUBLISH_REQUESTED", True), ("DRAFT", None), ("PUBLISHED", None)):
        post["lifecycleState"] = state
        found = far.look(Content("Aurore"), "key", since)
        assert getattr(found, "again", None) is again
    assert isinstance(found, Receipt)
    post["lifecycleState"] = "PUBLISH_FAILED"
    assert far.look(Content("Aurore"), "key", since) == NotFound()


def test_a_post_from_before_an_account_elsewhere_and_a_reshare_are_not_taken_for_it(far: Far):
    far.publish(Content("Bonjour"), "yesterday")
    later = datetime.now(UTC) + timedelta(minutes=1)
    assert far.look(Content("Bonjour"), "key", later) == NotFound()
    since, post = a_moment_ago(), next(iter(far.server.posts.values()))
    for changed in ({"author": "urn:li:organization:1"}, {"reshareContext": {"parent": "urn:li:share:1"}}):
        before = dict(post)
        post.update(changed)
        assert far.look(Content("Bonjour"), "key", since) == NotFound()
        post.clear()
        post.update(before)


def test_an_old_post_that_was_edited_since_is_not_taken_for_it(far: Far):
    far.publish(Content("Bonjour"), "yesterday")
    post = next(iter(far.server.posts.values()))
    post["createdAt"] -= 3_600_000
    assert far.look(Content("Bonjour"), "key", a_moment_ago()) == NotFound()


def test_a_clock_that_is_wrong_here_does_not_hide_the_post(far: Far):
    since = lose_the_answer(far, Content("Bonjour"))
    shown = list(far.server.posts.values())
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=1)):
        theirs = (datetime.now(UTC) - timedelta(hours=1)).strftime("%a, %d %b %Y %H:%M:%S GMT")
        page = json.dumps({"elements": shown, "paging": {}}).encode()
        far.front.arm("GET", CREATE, Fault(200, page, headers={"Date": theirs}), times=2)
        found = far.look(Content("Bonjour"), "key", since + timedelta(hours=1))
    assert isinstance(found, Receipt)


def test_a_post_on_a_later_page_is_found_and_too_many_need_a_person(far: Far):
    since = lose_the_answer(far, Content("Le premier"))
    example = next(iter(far.server.posts.values()))
    for extra, kind in ((150, Receipt), (600, CannotTell)):
        for number in range(extra):
            urn = f"urn:li:share:{8_000_000_000_000_000_000 + number}"
            far.server.posts[urn] = {**example, "id": urn, "commentary": urn, "sent": urn}
        assert isinstance(far.look(Content("Le premier"), "key", since), kind)


@pytest.mark.parametrize(
    ("fault", "again"),
    [
        (Fault(503), True),
        (Fault(429), True),
        (Fault(200, b"{}"), True),
        (Fault(200, b'{"elements": 3}'), True),
        (Fault(200, b'{"elements": [{"id": "x"}]}'), True),
        (Fault(401), True),
        (Fault(403, coded(403, "ACCESS_DENIED")), False),
        (Fault(400), False),
    ],
)
def test_an_organisation_that_cannot_be_read(far: Far, fault: Fault, again: bool):
    far.front.arm("GET", CREATE, fault)
    found = far.look(Content("x"), "key", a_moment_ago())
    assert isinstance(found, CannotTell)
    assert found.again is again


@pytest.mark.parametrize(
    "changes",
    [
        {"content": 3},
        {"content": {"multiImage": {"images": 3}}},
        {"content": {"multiImage": {"images": [3]}}},
        {"content": {"article": []}, "commentary": None},
        {"createdAt": "hier", "lastModifiedAt": None, "publishedAt": -1},
        {"createdAt": 10**30, "commentary": 7},
    ],
)
def test_a_strange_post_among_the_others_is_passed_over(far: Far, changes: dict[str, Any]):
    far.publish(Content("Autre chose"), "key")
    next(iter(far.server.posts.values())).update(changes)
    since = lose_the_answer(far, Content("Aurore"))
    assert isinstance(far.look(Content("Aurore"), "key", since), Receipt)
    assert far.look(Content("Jamais"), "key", since) == NotFound()


def test_without_the_right_to_read_a_person_is_asked(far: Far):
    since = lose_the_answer(far, Content("Aurore"))
    far.server.rights.discard("r_organization_social")
    found = far.look(Content("Aurore"), "key", since)
    assert isinstance(found, CannotTell)
    assert not found.again
