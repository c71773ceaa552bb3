"""What is a Facebook Page's own, and what is the Graph API's, against the strict stand-in."""

from __future__ import annotations

import hashlib
import hmac
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
    App,
    AuthFailed,
    CannotTell,
    Content,
    Duplicate,
    Expired,
    MediaItem,
    NotFound,
    NotSent,
    RateLimited,
    Receipt,
    Rejected,
    Unavailable,
)
from adapters.facebook import NOT_THE_PAGES, NOT_THERE, Facebook
from adapters.graph import (
    BLOCKED,
    CHECKPOINT,
    MAY_NOT,
    SIGN_IN_AGAIN,
    Session,
    moment,
)
from tests.contract.far_facebook import error, session
from tests.contract.far_facebook import far as facebook_far
from tests.contract.farside import CHANNEL, PIXEL, PIXEL_SHA256, Far, a_moment_ago, image, permit_for
from tests.contract.stand_ins.faulty_front import Fault
from tests.contract.stand_ins.strict_facebook import PAGE, PAGE_TOKEN, USER_TOKEN
from tests.contract.stand_ins.strict_graph import CLIENT, CLIENT_SECRET

pytestmark = [pytest.mark.contract, pytest.mark.pure]

CREATE, PHOTOS, LIST = f"/v26.0/{PAGE}/feed", f"/v26.0/{PAGE}/photos", f"/v26.0/{PAGE}/published_posts"
LINK = "https://www.maison-lumiere.example/aurore/?a=1&b=2"


@pytest.fixture
def far(client: httpx.Client, tmp_path: Path) -> Iterator[Far]:
    with facebook_far(client, tmp_path) as made:
        yield made


def codes(content: Content) -> list[str]:
    return [problem.code for problem in Facebook.validate(content, {})]


def sent(far: Far) -> dict[str, Any]:
    form: dict[str, Any] = json.loads(far.front.requests("POST", CREATE)[-1].body)
    return form


def lose_the_answer(far: Far, content: Content) -> datetime:
    since = a_moment_ago()
    far.front.arm("POST", CREATE, Fault(cut="after accepting"))
    with pytest.raises(Ambiguous):
        far.publish(content, "key", since)
    return since


def graph_error(code: int, subcode: int = 0, **more: Any) -> bytes:
    said = {"message": "No.", "type": "OAuthException", "code": code, "fbtrace_id": "A"}
    return json.dumps({"error": {**said, **({"error_subcode": subcode} if subcode else {}), **more}}).encode()


def meant(far: Far, fault: Fault, content: Content | None = None, **changes: Any) -> AdapterError:
    payload = far.render(content or Content("Aurore"))
    far.front.disarm()
    far.front.arm("POST", CREATE, fault)
    with pytest.raises(AdapterError) as caught:
        far.adapter(**changes).publish(payload, permit_for(payload), "key", a_moment_ago())
    assert caught.value.public
    assert far.shown(str(vars(caught.value))) == []
    return caught.value


# --- What goes out --------------------------------------------------------------------------------
def test_pictures_are_uploaded_unseen_and_published_with_their_post(far: Far):
    receipt = far.publish(Content("Trois", (image("Un « 1 »"), image("Deux 😀"), image("Trois"))), "key")
    assert [seen.path for seen in far.front.seen] == [PHOTOS, PHOTOS, PHOTOS, CREATE]
    assert [photo["alt"] for photo in far.server.photos.values()] == ["Un « 1 »", "Deux 😀", "Trois"]
    assert {photo["content"] for photo in far.server.photos.values()} == {PIXEL}
    assert sent(far) == {
        "message": "Trois",
        "attached_media": [{"media_fbid": photo} for photo in far.server.photos],
    }
    assert receipt == Receipt(
        receipt.remote_id,
        f"https://www.facebook.com/{receipt.remote_id}",
        (receipt.remote_id,),
        f"id {receipt.remote_id}",
    )
    assert receipt.remote_id.startswith(f"{PAGE}_")


def test_a_link_is_a_card_without_pictures_and_text_beside_them(far: Far):
    content = Content("À voir", link=LINK)
    assert codes(content) == []
    far.publish(content, "key")
    assert sent(far) == {"message": "À voir", "link": LINK}
    assert far.render(content).body["link"] == LINK
    far.publish(Content("", link=LINK), "key")
    assert sent(far) == {"link": LINK}
    far.publish(Content("À voir", (image(),), link=LINK), "key")
    assert sent(far)["message"] == f"À voir\n\n{LINK}"
    assert "link" not in sent(far)


def test_every_call_proves_that_the_app_knows_its_secret(far: Far):
    far.server.secret_required = True
    receipt = far.publish(Content("Aurore", (image(),)), "key")
    far.adapter().retract(receipt)
    assert far.adapter().check().ok
    far.server.secret_required = False
    # A bare token has nothing to prove it with.
    far.secret = PAGE_TOKEN
    assert far.publish(Content("Encore"), "key").remote_id
    far.server.secret_required = True
    assert isinstance(meant(far, Fault(over_s=0.01), Content("Refusé")), Rejected)


@pytest.mark.parametrize("off", [-1, 0, 1])
@pytest.mark.parametrize("sign", ["x", "é", "𝔘", "👍🏽"])
def test_the_length_in_utf16_units(far: Far, sign: str, off: int):
    size = len(sign.encode("utf-16-le")) // 2
    text = sign * ((63_206 + off) // size) + "x" * ((63_206 + off) % size)
    assert Facebook.count(Content(text), {})[0].used == 63_206 + off
    assert codes(Content(text)) == (["too_long"] if off > 0 else [])


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, []),
        ({"mime": "image/jpeg"}, []),
        ({"mime": "image/gif"}, ["media_type"]),
        ({"mime": "image/webp"}, ["media_type"]),
        ({"size": 9_999_999}, []),
        ({"size": 10_000_000}, ["media_too_large"]),
        ({"alt": "x" * 1001}, ["alt_too_long"]),
        ({"alt": ""}, ["alt_missing"]),
    ],
)
def test_what_a_picture_may_be(changes: dict[str, Any], found: list[str]):
    values = {"sha256": PIXEL_SHA256, "mime": "image/png", "alt": "a", "width": 9, "height": 9, "size": 9}
    assert codes(Content("Texte", (MediaItem(**{**values, **changes}),))) == found


def test_what_facebook_does_not_take():
    assert codes(Content("Texte", (image(),) * 10)) == []
    assert codes(Content("Texte", (image(),) * 11)) == ["media_too_many"]
    assert codes(Content("a", thread=("b",))) == ["thread_not_offered"]
    assert codes(Content("a", reply_to="b")) == ["reply_not_offered"]
    assert codes(Content("a", link="maison.fr")) == ["link_invalid"]
    assert codes(Content("", link=LINK)) == []


@pytest.mark.parametrize(
    "settings", [{"page": ""}, {"page": "maison-lumiere"}, {"page": "1/../2"}, {"api_version": "26"}]
)
def test_a_setting_that_will_not_do_is_named_before_any_byte(far: Far, settings: dict[str, str]):
    far.settings.update(settings)
    with pytest.raises(Rejected):
        far.publish(Content("Aurore"), "key")
    assert not far.adapter().check().ok
    assert far.front.seen == []


# --- What the Graph API's errors mean -------------------------------------------------------------
@pytest.mark.parametrize(
    ("status", "code", "subcode", "meaning"),
    [
        (400, 100, 0, Rejected),
        (400, 1609005, 0, Rejected),
        (400, 506, 1500, Duplicate),
        (400, 4, 0, RateLimited),
        (400, 17, 0, RateLimited),
        (403, 32, 0, RateLimited),
        (400, 341, 0, RateLimited),
        (400, 613, 0, RateLimited),
        (403, 80001, 2446079, RateLimited),
        (400, 368, 1390008, RateLimited),
        (403, 10, 0, AuthFailed),
        (403, 200, 0, AuthFailed),
        (400, 283, 0, AuthFailed),
        (400, 3, 0, AuthFailed),
        (400, 25, 2207050, AuthFailed),
        (400, 1, 0, Ambiguous),
        (400, 2, 0, Ambiguous),
        (500, 2, 0, Ambiguous),
        (500, 1, 99, Ambiguous),
        (503, 2, 0, Unavailable),
        (200, 100, 0, Rejected),
        (200, 190, 460, AuthFailed),
        (200, 1, 0, Ambiguous),
        (200, 17, 0, RateLimited),
        (401, 190, 458, AuthFailed),
        (400, 190, 459, AuthFailed),
        (400, 190, 460, AuthFailed),
        (400, 190, 463, Expired),
        (400, 190, 467, Expired),
        (400, 190, 0, Expired),
        (400, 102, 463, Expired),
        (400, 190, 492, AuthFailed),
    ],
)
def test_each_code_has_its_meaning(
    far: Far, status: int, code: int, subcode: int, meaning: type[AdapterError]
):
    found = meant(far, Fault(status, graph_error(code, subcode)))
    assert type(found) is meaning
    assert found.status == status
    assert f"#{code}" in found.detail


def test_sentences_of_what_a_person_has_to_do(far: Far):
    assert meant(far, Fault(400, graph_error(190, 459))).public == CHECKPOINT
    assert meant(far, Fault(400, graph_error(190, 460))).public == SIGN_IN_AGAIN
    assert meant(far, Fault(400, graph_error(200))).public == MAY_NOT
    assert meant(far, Fault(400, graph_error(368))).public == BLOCKED
    said = graph_error(100, 36, error_user_title="Titre", error_user_msg="Trop long.")
    assert meant(far, Fault(400, said)).detail == "No. – Titre – Trop long. (#100/36)"


def test_a_token_that_was_given_just_now_is_not_renewed_again(far: Far):
    fresh = session(issued=datetime.now(UTC)).dump()
    assert type(meant(far, Fault(400, graph_error(190, 463)), secret=fresh)) is AuthFailed
    assert type(meant(far, Fault(400, graph_error(190, 463)), secret=PAGE_TOKEN)) is AuthFailed


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"X-App-Usage": '{"call_count": 12, "total_time": 3, "total_cputime": 4}'}, None),
        ({"X-App-Usage": '{"call_count": 100, "total_time": 3, "total_cputime": 4}'}, 900),
        ({"X-App-Usage": "no JSON"}, None),
        (
            {
                "X-Business-Use-Case-Usage": json.dumps(
                    {PAGE: [{"type": "pages", "call_count": 100, "estimated_time_to_regain_access": 19}]}
                )
            },
            1140,
        ),
        ({"X-Business-Use-Case-Usage": '{"1": [{"estimated_time_to_regain_access": 9999}]}'}, 86_400),
        ({"X-Business-Use-Case-Usage": '{"1": [{"estimated_time_to_regain_access": "no"}], "2": 3}'}, None),
        (
            {
                "Retry-After": "60",
                "X-Business-Use-Case-Usage": '{"1":[{"estimated_time_to_regain_access":9}]}',
            },
            60,
        ),
    ],
    ids=["nothing", "little used", "all used", "no JSON", "minutes", "days", "no sense", "said twice"],
)
def test_how_long_to_wait_as_the_usage_says(far: Far, headers: dict[str, str], wait: float | None):
    found = meant(far, Fault(400, graph_error(32), headers=headers))
    assert isinstance(found, RateLimited)
    assert found.retry_after == wait


def test_a_block_lasts_an_hour_where_nothing_is_said(far: Far):
    found = meant(far, Fault(400, graph_error(368)))
    assert isinstance(found, RateLimited)
    assert found.retry_after == 3600


def test_trouble_with_a_photo_is_harmless(far: Far):
    payload = far.render(Content("Aurore", (image(),)))
    for code, meaning in ((1, Unavailable), (2, Unavailable), (324, Rejected), (613, RateLimited)):
        far.front.disarm()
        far.front.arm("POST", PHOTOS, Fault(400, graph_error(code)))
        with pytest.raises(meaning):
            far.adapter().publish(payload, permit_for(payload), "key", a_moment_ago())
    assert far.server.posts == {}


# --- Found again ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "content",
    [
        Content("Deux lignes\n\net un lien https://maison.example/?a=1&b=2 👨‍👩‍👧‍👦"),
        Content("Une image", (image(),)),
        Content("", (image(), image("Deux"))),
        Content("Une carte", link=LINK),
    ],
    ids=["text", "picture", "pictures alone", "card"],
)
def test_a_lost_answer_is_settled_by_the_pages_posts(far: Far, content: Content):
    since = lose_the_answer(far, content)
    found = far.look(content, "key", since)
    assert isinstance(found, Receipt)
    assert [found.remote_id] == list(far.server.posts)
    other = Content(content.text + " et plus", content.media, link=content.link)
    assert far.look(other, "key", since) == NotFound()
    more = Content(content.text, (*content.media, image("Une de plus")))
    assert far.look(more, "key", since) == NotFound()


def test_of_a_large_album_only_the_beginning_may_be_shown_and_a_person_judges(far: Far):
    content = Content("Album", tuple(image(f"Vue {place}") for place in range(6)))
    far.server.shows_of_albums = 4
    since = lose_the_answer(far, content)
    found = far.look(content, "key", since)
    assert isinstance(found, CannotTell)
    assert not found.again
    three = Content("Album", content.media[:3])
    assert far.look(three, "key", since) == NotFound()


def test_a_card_that_leads_elsewhere_is_a_persons_to_judge(far: Far):
    content = Content("Une carte", link=LINK)
    far.server.links_lead_elsewhere = True
    since = lose_the_answer(far, content)
    found = far.look(content, "key", since)
    assert isinstance(found, CannotTell)
    assert not found.again


def test_a_page_that_publishes_too_much_is_a_persons_to_judge(far: Far):
    since = a_moment_ago()
    for place in range(260):
        far.server.posts[f"{PAGE}_{place}"] = {
            "id": f"{PAGE}_{place}",
            "message": f"Message {place}",
            "link": "",
            "created_time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S+0000"),
        }
    assert isinstance(far.look(Content("Autre"), "key", since), CannotTell)
    assert len(far.front.requests("GET", LIST)) == 5
    for place in range(60):
        del far.server.posts[f"{PAGE}_{place}"]
    # One on a later page is found.
    found = far.look(Content("Message 61"), "key", since)
    assert isinstance(found, Receipt)
    assert found.remote_id == f"{PAGE}_61"


def test_the_same_words_twice_in_a_row_are_a_duplicate(far: Far):
    far.publish(Content("Aurore"), "key")
    with pytest.raises(Duplicate):
        far.publish(Content("Aurore"), "other")
    far.publish(Content("Autre"), "third")
    assert far.publish(Content("Aurore"), "fourth").remote_id


# --- What is out ----------------------------------------------------------------------------------
def test_an_edit_changes_the_words_alone(far: Far):
    receipt = far.publish(Content("Avant", (image(),)), "key")
    payload = far.render(Content("Après", (image(),)))
    assert far.adapter().correct(receipt, payload, permit_for(payload)) == receipt
    assert json.loads(far.front.seen[-1].body) == {"message": "Après"}
    assert far.adapter().reread(receipt, payload) == receipt
    assert far.adapter().reread(receipt, far.render(Content("Avant", (image(),)))) == NotFound()
    far.server.posts.clear()
    assert far.adapter().reread(receipt, payload) == NotFound()
    with pytest.raises(Rejected) as caught:
        far.adapter().correct(receipt, payload, permit_for(payload))
    assert caught.value.public == NOT_THERE


def test_a_receipt_that_is_no_number_leads_nowhere(far: Far):
    for wrong in ("", "me", "1/../2", "1?fields=access_token"):
        with pytest.raises(Rejected):
            far.adapter().retract(Receipt(wrong))
    assert far.front.seen == []


def test_what_cannot_be_seen_is_not_called_deleted(far: Far):
    """Meta says the same of what is gone and of what this sign-in may not see."""
    receipt = far.publish(Content("Aurore"), "key")
    path = f"/v26.0/{receipt.remote_id}"
    far.front.arm("DELETE", path, Fault(400, graph_error(100, 33)))
    with pytest.raises(Rejected):
        far.adapter().retract(receipt)
    far.front.arm("DELETE", path, Fault(400, graph_error(100, 33)))
    far.front.arm("GET", LIST, Fault(403, graph_error(10)))
    with pytest.raises(AuthFailed):
        far.adapter().retract(receipt)
    assert far.count("Aurore") == 1
    far.adapter().retract(receipt)
    far.adapter().retract(receipt)
    assert far.count("Aurore") == 0


def test_a_deletion_that_says_no_is_not_called_done(far: Far):
    receipt = far.publish(Content("Aurore"), "key")
    far.front.arm("DELETE", f"/v26.0/{receipt.remote_id}", Fault(200, b'{"success": false}'))
    with pytest.raises(Unavailable):
        far.adapter().retract(receipt)


# --- Who am I, and until when ---------------------------------------------------------------------
def test_check_says_which_rights_are_missing(far: Far):
    health = far.adapter().check()
    assert (health.ok, health.account) == (True, f"https://www.facebook.com#{PAGE}")
    assert (health.handle, health.expires_at) == ("Maison Lumière", None)
    far.server.tokens.rights -= {"pages_manage_posts", "pages_show_list"}
    health = far.adapter().check()
    assert not health.ok
    assert health.problem % health.params == (
        "The sign-in lacks rights that are needed here: pages_manage_posts, pages_show_list."
    )


def test_check_tells_the_end_of_a_token_that_has_one(far: Far):
    far.server.tokens.give("EAAshort", lives=timedelta(days=25))
    far.server.owners["EAAshort"] = PAGE
    ends = far.server.tokens.good["EAAshort"][1].replace(microsecond=0)
    assert far.adapter(secret="EAAshort").check().expires_at == ends
    said = Session(access="EAAshort", client_id=CLIENT, client_secret=CLIENT_SECRET).dump()
    assert far.adapter(secret=said).check().expires_at == ends
    # Where nothing can be learnt, what was kept is told.
    far.front.arm("GET", "/v26.0/debug_token", Fault(400, graph_error(100)))
    kept = datetime.now(UTC) + timedelta(days=3)
    health = far.adapter(secret=Session(access="EAAshort", expires=kept).dump()).check()
    assert health.ok
    assert health.expires_at == kept


def test_a_persons_token_is_not_the_pages(far: Far):
    health = far.adapter(secret=USER_TOKEN).check()
    assert (health.ok, health.problem) == (False, NOT_THE_PAGES)


def test_a_persons_token_becomes_the_pages_which_has_no_end(far: Far):
    for typed in (
        USER_TOKEN,
        json.dumps({"user_access_token": USER_TOKEN, "client_id": CLIENT, "client_secret": CLIENT_SECRET}),
    ):
        renewal = far.adapter(secret=typed).renew()  # type: ignore[attr-defined]
        kept = Session.read(renewal.secret)
        assert kept.access not in {"", USER_TOKEN, PAGE_TOKEN}
        assert renewal.expires_at is None
        assert (kept.user == USER_TOKEN) is (typed == USER_TOKEN)
        health = far.adapter(secret=renewal.secret).check()
        assert (health.ok, health.expires_at) == (True, None)
        # And then there is nothing to trade for a month.
        assert far.adapter(secret=renewal.secret).renew().secret == renewal.secret  # type: ignore[attr-defined]


def test_a_pages_own_token_is_kept_as_it_is(far: Far):
    renewal = far.adapter(secret=PAGE_TOKEN).renew()  # type: ignore[attr-defined]
    assert (renewal.secret, renewal.expires_at) == (PAGE_TOKEN, None)
    with pytest.raises(AuthFailed):
        far.adapter(secret="EAAunknown").renew()  # type: ignore[attr-defined]
    with pytest.raises(AuthFailed):
        far.adapter(secret="{}").renew()  # type: ignore[attr-defined]
    far.server.tokens.rights.discard("pages_show_list")
    with pytest.raises(AuthFailed) as caught:
        far.adapter(secret=USER_TOKEN).renew()  # type: ignore[attr-defined]
    assert caught.value.public == NOT_THE_PAGES


def test_after_a_month_the_persons_token_is_traded_for_sixty_more_days(far: Far):
    first = far.adapter().renew()  # type: ignore[attr-defined]
    assert first.secret == far.secret
    with time_machine.travel(datetime.now(UTC) + timedelta(days=11), tick=True):
        second = far.adapter().renew()  # type: ignore[attr-defined]
    kept = Session.read(second.secret)
    assert kept.user not in {"", USER_TOKEN}
    assert kept.client_secret == CLIENT_SECRET


def test_a_session_without_a_pages_token_is_renewed_before_anything_is_sent(far: Far):
    with pytest.raises(Expired):
        _publish(far, session(access="").dump())
    with pytest.raises(AuthFailed) as caught:
        _publish(far, Session(access=PAGE_TOKEN, expires=datetime.now(UTC)).dump())
    assert type(caught.value) is AuthFailed
    assert far.front.seen == []


def _publish(far: Far, secret: str) -> Receipt:
    payload = far.render(Content("Aurore"))
    return far.adapter(secret=secret).publish(payload, permit_for(payload), "key", a_moment_ago())


def test_the_installations_app_is_lent_and_never_kept(far: Far):
    app = App(CLIENT, CLIENT_SECRET, far.front.base_url)
    typed = json.dumps({"user_access_token": USER_TOKEN, "client_id": CLIENT})
    renewal = far.adapter(secret=typed, app=app).renew()  # type: ignore[attr-defined]
    assert CLIENT_SECRET not in renewal.secret
    assert Session.read(renewal.secret).user not in {"", USER_TOKEN}
    elsewhere = App(CLIENT, CLIENT_SECRET)
    far.server.secret_required = True
    with pytest.raises(AdapterError):
        far.adapter(secret=renewal.secret, app=elsewhere).publish(
            far.render(Content("a")), permit_for(far.render(Content("a"))), "key", a_moment_ago()
        )


def test_what_a_secret_may_look_like():
    assert Session.read(" EAAx ").access == "EAAx"
    assert Session.read('{"access": "a", "expires_at": 1790000000}').expires == moment(1_790_000_000)
    for rights in ("a,b", "a b", ["a", "b"]):
        assert Session.read(json.dumps({"scope": rights})).scope == "a,b"
    for nonsense in ("{", "[]", '{"access_token": 7}', '{"expires_at": "soon"}', '{"expires_at": 1e99}'):
        assert Session.read(nonsense) == Session()
    whole = session()
    assert Session.read(whole.dump()) == whole
    proof = hmac.new(b"s", b"t", hashlib.sha256).hexdigest()
    assert Session(access="t", client_secret="s").proof("t") == proof
    assert Session(access="t").proof("t") == ""


def test_the_permit_covers_the_bytes_and_the_file(far: Far):
    payload = far.render(Content("Aurore", (image(),)))
    assert payload.body["parts"][0]["media"][0]["sha256"] == hashlib.sha256(PIXEL).hexdigest()
    assert payload.channel == CHANNEL
    assert payload.slots == ("attached_media",)
    with pytest.raises(NotSent):
        far.adapter(read_media=_unreadable).publish(payload, permit_for(payload), "key", a_moment_ago())
    assert far.front.seen == []


def _unreadable(_sha256: str) -> bytes:
    raise PermissionError


def test_errors_in_the_words_of_a_page_are_kept(far: Far):
    found = meant(far, Fault(400, error(400, "Der Text ist zu lang.")))
    assert found.detail == "Der Text ist zu lang. (#100)"
