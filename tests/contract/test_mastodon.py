"""What is Mastodon's own, against the strict stand-in (and the mock, where it knows the thing)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from adapters.base import Ambiguous, AuthFailed, CannotTell, Content, NotFound, Receipt, Rejected, Unavailable
from adapters.mastodon import Mastodon
from tests.contract.farside import CHANNEL, PIXEL, Far, a_moment_ago, image, permit_for
from tests.contract.stand_ins.faulty_front import Fault

pytestmark = [pytest.mark.contract, pytest.mark.pure]


def lose_the_answer(far: Far, content: Content, key: str) -> None:
    far.front.arm("POST", "/api/v1/statuses", Fault(cut="after accepting"))
    with pytest.raises(Ambiguous):
        far.publish(content, key)


# --- Media ----------------------------------------------------------------------------------------
def test_media_that_is_still_being_processed_is_waited_for(strict_far: Far):
    strict_far.server.polls_needed = 3
    receipt = strict_far.publish(Content("Avec image", (image("Une lampe."),)), "key")
    shown = strict_far.server.statuses[receipt.remote_id]["media_attachments"]
    assert [item["description"] for item in shown] == ["Une lampe."]


def test_media_that_takes_too_long_is_unavailable_and_nothing_is_public(strict_far: Far):
    strict_far.server.polls_needed = 10_000
    with pytest.raises(Unavailable):
        strict_far.publish(Content("Avec image", (image(),)), "key")
    assert strict_far.server.statuses == {}
    assert len([seen for seen in strict_far.front.seen if seen.method == "GET"]) == 10


def test_the_files_name_tells_nothing_about_where_it_came_from(strict_far: Far):
    strict_far.publish(Content("Avec image", (image(),)), "key")
    upload = strict_far.front.requests("POST", "/api/v2/media")[0].body
    assert b'filename="' + image().sha256[:16].encode() + b'.png"' in upload


def test_a_publication_that_takes_too_long_begins_nothing_more(strict_far: Far):
    """An upload that took a minute: the post must not start when the lease may be over."""
    with time_machine.travel(datetime.now(UTC), tick=False) as clock:

        def slow(_sha256: str) -> bytes:
            clock.shift(60)
            return PIXEL

        payload = strict_far.render(Content("Lent", (image(),)))
        with pytest.raises(Unavailable):
            strict_far.adapter(read_media=slow).publish(payload, permit_for(payload), "key", a_moment_ago())
    assert strict_far.front.seen == []


# --- What is said -----------------------------------------------------------------------------
def test_sensitivity_is_never_left_to_the_accounts_default(strict_far: Far):
    plain = strict_far.publish(Content("Sans"), "key-a")
    warned = strict_far.publish(Content("Avec", options={"content_warning": "Rappel"}), "key-b")
    assert strict_far.server.statuses[plain.remote_id]["sensitive"] is False
    assert strict_far.server.statuses[warned.remote_id]["sensitive"] is True


def test_the_content_warning_counts(strict_far: Far):
    content = Content("x" * 495, options={"content_warning": "Rappel"})
    assert Mastodon.count(content, {})[0].used == 501
    with pytest.raises(Rejected) as caught:
        strict_far.publish(content, "key")
    assert caught.value.status == 422
    assert "character limit" in caught.value.detail


def test_an_instance_with_other_limits(strict_far: Far):
    strict_far.server.max_characters = 5000
    limits = strict_far.adapter().check().limits
    assert limits["max_characters"] == 5000
    assert limits["supported_mime_types"] == ["image/jpeg", "image/png"]
    assert limits["domain"] == "strict.example"
    assert Mastodon.validate(Content("x" * 5000), limits) == []
    assert [problem.code for problem in Mastodon.validate(Content("x" * 5001), limits)] == ["too_long"]


@pytest.mark.parametrize("broken", [None, [], {"statuses": 3}, {"statuses": {"max_characters": "many"}}])
def test_an_instance_that_says_its_limits_badly_has_the_default_ones(strict_far: Far, broken: object):
    body = json.dumps({"domain": "strict.example", "configuration": broken}).encode()
    strict_far.front.arm("GET", "/api/v2/instance", Fault(200, body))
    health = strict_far.adapter().check()
    assert health.ok
    assert health.limits["max_characters"] == 500


# --- Replies --------------------------------------------------------------------------------------
def test_replies_by_id_by_our_address_and_by_a_far_one(strict_far: Far):
    first = strict_far.publish(Content("Premier"), "key-1").remote_id
    limits = {**strict_far.limits, "domain": "strict.example"}
    for place, reference in enumerate(
        (first, f"https://strict.example/@maison/{first}", f"https://far.example/remote/{first}")
    ):
        content = Content(f"Réponse {place}", reply_to=reference)
        assert Mastodon.validate(content, limits) == []
        payload = Mastodon.render(content, CHANNEL, limits)
        since = a_moment_ago()
        receipt = strict_far.adapter().publish(payload, permit_for(payload), f"reply-{place}", a_moment_ago())
        assert strict_far.server.statuses[receipt.remote_id]["in_reply_to_id"] == first
        assert strict_far.adapter().reconcile(payload, f"reply-{place}", since) == receipt


def test_a_reply_to_nothing_is_rejected_before_anything_is_public(strict_far: Far):
    for reference in ("999999", "https://far.example/remote/999999"):
        with pytest.raises(Rejected):
            strict_far.publish(Content("Réponse", reply_to=reference), "key")
    assert strict_far.server.statuses == {}


@pytest.mark.parametrize(
    "reference", ["two words", "https://[broken", "ftp://x.example/1", "https://x.example", "é"]
)
def test_what_names_no_post_is_a_problem(reference: str):
    found = Mastodon.validate(Content("Réponse", reply_to=reference), {})
    assert [(problem.code, problem.field) for problem in found] == [("reply_unknown", "reply_to")]


# --- Signing in -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        ("This action is outside the authorized scopes", AuthFailed),
        ("Your login is currently disabled", AuthFailed),
        ("This action is not allowed", Rejected),
    ],
)
def test_the_two_meanings_of_403(strict_far: Far, said: str, meaning: type[Exception]):
    strict_far.front.arm("POST", "/api/v1/statuses", Fault(403, json.dumps({"error": said}).encode()))
    with pytest.raises(meaning):
        strict_far.publish(Content("x"), "key")


def test_a_token_that_may_only_read_is_told_at_once(strict_far: Far):
    strict_far.server.scopes = ["read"]
    health = strict_far.adapter().check()
    assert not health.ok
    assert "write" in health.problem
    strict_far.server.scopes = ["read", "write:statuses", "write:media"]
    assert strict_far.adapter().check().ok


@pytest.mark.parametrize("lost", ["read:accounts", "read:statuses", "write:media", "write:statuses"])
def test_a_right_that_was_lost_is_said_before_a_release_needs_it(strict_far: Far, lost: str):
    needed = ["read:accounts", "read:statuses", "write:media", "write:statuses"]
    strict_far.server.scopes = needed
    assert strict_far.adapter().check().ok
    strict_far.server.scopes = [one for one in needed if one != lost]
    assert not strict_far.adapter().check().ok
    assert "scopes read and write" in strict_far.adapter().check().problem


def test_a_wrong_token(mock_far: Far):
    payload = mock_far.render(Content("x"))
    with pytest.raises(AuthFailed):
        mock_far.adapter(secret="wrong").publish(payload, permit_for(payload), "key", a_moment_ago())
    assert not mock_far.adapter(secret="wrong").check().ok


# --- Reading back ---------------------------------------------------------------------------------
@pytest.mark.parametrize("offer_source", [True, False])
def test_long_links_mentions_and_hashtags_are_recognised(strict_far: Far, offer_source: bool):
    strict_far.server.offer_source = offer_source
    text = (
        "Bonjour @ami@ailleurs.org & tous !\n\nUne page : "
        "https://maison-lumiere.com/une/adresse/vraiment/tres/longue?x=1&y=%C3%A9#fin. #Aurore\n<fin>"
    )
    since = a_moment_ago()
    lose_the_answer(strict_far, Content(text), "key")
    found = strict_far.adapter().reconcile(strict_far.render(Content(text)), "key", since)
    assert isinstance(found, Receipt)


def test_links_that_the_server_rewrites(strict_far: Far):
    strict_far.server.rewrite_links = True
    content, since = Content("La page : https://maison-lumiere.com/aurore"), a_moment_ago()
    lose_the_answer(strict_far, content, "key")
    assert isinstance(strict_far.adapter().reconcile(strict_far.render(content), "key", since), Receipt)
    strict_far.server.offer_source = False
    assert isinstance(strict_far.adapter().reconcile(strict_far.render(content), "key", since), CannotTell)


@pytest.mark.parametrize(
    "other",
    [
        Content("Aurore", (image("Autre description."),)),
        Content("Aurore"),
        Content("aurore", (image(),)),
        Content("Aurore", (image(),), options={"visibility": "unlisted"}),
        Content("Aurore", (image(),), options={"content_warning": "Rappel"}),
        Content("Aurore", (image(),), link="https://maison-lumiere.com/"),
    ],
)
def test_a_post_that_is_nearly_the_same_is_another_one(strict_far: Far, other: Content):
    since = a_moment_ago()
    strict_far.publish(other, "another-key")
    payload = strict_far.render(Content("Aurore", (image(),)))
    assert strict_far.adapter().reconcile(payload, "key", since) == NotFound()


def test_a_post_from_before_the_send_is_not_taken_for_it(strict_far: Far):
    strict_far.publish(Content("Bonjour"), "yesterday")
    payload = strict_far.render(Content("Bonjour"))
    later = datetime.now(UTC) + timedelta(minutes=1)
    assert strict_far.adapter().reconcile(payload, "key", later) == NotFound()


def test_a_clock_that_is_wrong_here_does_not_hide_the_post(strict_far: Far):
    """Our clock is an hour ahead of the server's, which says so in its Date header."""
    content = Content("Bonjour")
    lose_the_answer(strict_far, content, "key")
    hour = timedelta(hours=1)
    body = json.dumps(list(strict_far.server.statuses.values())).encode()
    date = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    path = "/api/v1/accounts/110/statuses"
    strict_far.front.arm("GET", path, Fault(200, body, headers={"Date": date}))
    strict_far.front.arm("GET", path, Fault(200, b"[]", headers={"Date": date}))
    with time_machine.travel(datetime.now(UTC) + hour):
        found = strict_far.adapter().reconcile(strict_far.render(content), "key", datetime.now(UTC))
    assert isinstance(found, Receipt)


def test_a_post_on_a_later_page_is_found(strict_far: Far):
    since = a_moment_ago()
    lose_the_answer(strict_far, Content("Le premier"), "key")
    for place in range(60):
        strict_far.publish(Content(f"Suivant {place}"), f"key-{place}-x")
    assert isinstance(
        strict_far.adapter().reconcile(strict_far.render(Content("Le premier")), "key", since), Receipt
    )


def test_an_account_that_posts_too_much_to_read_back(strict_far: Far):
    since = a_moment_ago()
    lose_the_answer(strict_far, Content("Le premier"), "key")
    example = next(iter(strict_far.server.statuses.values()))
    for number in range(1000, 1250):
        strict_far.server.statuses[str(number)] = {
            **example,
            "id": str(number),
            "content": f"<p>{number}</p>",
        }
    found = strict_far.adapter().reconcile(strict_far.render(Content("Le premier")), "key", since)
    assert isinstance(found, CannotTell)


def test_half_a_thread_whose_keys_are_forgotten_needs_a_person(strict_far: Far):
    content, since = Content("Premier", thread=("Suite",)), a_moment_ago()
    strict_far.front.arm("POST", "/api/v1/statuses", Fault(500), skip=1)
    with pytest.raises(Ambiguous):
        strict_far.publish(content, "key")
    payload = strict_far.render(content)
    assert strict_far.adapter().reconcile(payload, "key", since) == NotFound()
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=51)):
        assert isinstance(strict_far.adapter().reconcile(payload, "key", since), CannotTell)


def test_a_thread_is_taken_away_from_its_end(strict_far: Far):
    receipt = strict_far.publish(Content("a", thread=("b", "c")), "key")
    strict_far.adapter().retract(receipt)
    deleted = [seen.path.rsplit("/", 1)[1] for seen in strict_far.front.seen if seen.method == "DELETE"]
    assert deleted == list(reversed(receipt.parts))


def test_the_mock_names_faults_as_the_real_one_does(mock_far: Far):
    """mastodon-mock's own fault injection, over its control plane."""
    url = f"http://{mock_far.front.upstream.netloc}/api/v1/_mock/faults"
    for effect, meaning in (
        ({"type": "status", "status": 422}, Rejected),
        ({"type": "malformed"}, Ambiguous),
    ):
        rule = {"match": {"methods": ["POST"], "path": "/api/v1/statuses"}, "effect": effect, "count": 1}
        answer = mock_far.client.post(url, json=rule, headers={"Authorization": f"Bearer {mock_far.secret}"})
        assert answer.is_success
        with pytest.raises(meaning):
            mock_far.publish(Content("x"), "key-fault")
