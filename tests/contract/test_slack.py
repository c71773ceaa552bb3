"""What is Slack's own, against the strict stand-in: the bot's codes inside an HTTP 200, and the webhook's words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from adapters.base import (
    Adapter,
    AdapterError,
    Ambiguous,
    AuthFailed,
    CannotTell,
    Content,
    NotFound,
    NotSent,
    PermitRefused,
    RateLimited,
    Receipt,
    Rejected,
    Unavailable,
)
from adapters.slack import Slack
from tests.contract.far_slack import CREATE
from tests.contract.far_slack import far as slack
from tests.contract.farside import Far, a_moment_ago, image, permit_for
from tests.contract.stand_ins.faulty_front import Fault
from tests.contract.stand_ins.strict_slack import CHANNEL, HOOK, HOOK_TOKEN, SERVICE, TEAM, WEBHOOK, seen

pytestmark = [pytest.mark.contract, pytest.mark.pure]

HISTORY, UPDATE, DELETE = "/api/conversations.history", "/api/chat.update", "/api/chat.delete"


@pytest.fixture
def far(client: httpx.Client, tmp_path: Path) -> Iterator[Far]:
    with slack(client, tmp_path) as made:
        yield made


@pytest.fixture
def hook(far: Far) -> Adapter:
    return far.adapter(secret=WEBHOOK, settings={"base_url": far.front.base_url})


def codes(content: Content) -> list[str]:
    return [problem.code for problem in Slack.validate(content, {})]


def inside(error: str, **more: object) -> Fault:
    """An error inside an HTTP 200."""
    return Fault(200, json.dumps({"ok": False, "error": error, **more}).encode())


def by_hook(far: Far, hook: Adapter, text: str = "Bonjour") -> Receipt:
    payload = far.render(Content(text))
    return hook.publish(payload, permit_for(payload), "key", a_moment_ago())


# --- Counting, and what goes out ------------------------------------------------------------------
@pytest.mark.parametrize("off", [-1, 0, 1])
@pytest.mark.parametrize(
    ("char", "each"), [("x", 1), ("é", 1), ("&", 5), ("<", 4), (">", 4), ("😀", 1), ("ש", 1)]
)
def test_what_is_escaped_counts_as_it_is_sent(far: Far, char: str, each: int, off: int):
    text = char * (3990 // each)
    text += "." * (4000 + off - each * len(text))
    assert codes(Content(text)) == (["too_long"] if off > 0 else [])
    assert Slack.count(Content(text), {})[0].used == 4000 + off
    if off <= 0:
        receipt = far.publish(Content("a"), "key")
        payload = far.render(Content(text))
        assert far.adapter().correct(receipt, payload, permit_for(payload)) == receipt
        assert far.server.texts() == [{"text": text}]


@pytest.mark.parametrize(
    "text",
    [
        "<!channel> <!here> <@U0123ABC456> @everyone @channel #annonces :smile:",
        "*gras* _italique_ `code` > citation <https://x.example|lien> &lt; &amp;amp;",
        "👨‍👩‍👧‍👦 שלום e\u0301",
    ],
)
def test_nothing_in_a_text_is_markup_and_nobody_is_pinged(far: Far, hook: Adapter, text: str):
    """The stand-in refuses a text in which anything could be one of Slack's own marks."""
    far.publish(Content(text), "key")
    by_hook(far, hook, text)
    assert far.server.texts() == [{"text": text}] * 2
    sent = [json.loads(one.body) for one in far.front.seen if one.path in {CREATE, HOOK}]
    assert not any({"link_names", "parse", "mrkdwn"} & set(message) for message in sent)


def test_a_web_address_is_a_link_and_nothing_after_it(far: Far):
    far.publish(Content("Voir (https://maison.example/a?b=1&c=2), puis https://x.example."), "key")
    (message,) = far.server.messages.values()
    elements = message["blocks"][0]["elements"][0]["elements"]
    links = [one["url"] for one in elements if one["type"] == "link"]
    assert links == ["https://maison.example/a?b=1&c=2", "https://x.example"]
    assert seen(message["blocks"]).endswith("puis https://x.example.")


@pytest.mark.parametrize(
    ("option", "shown"), [({}, False), ({"unfurl": "1"}, True), ({"unfurl": "0"}, False)]
)
def test_a_link_is_unfurled_where_that_was_approved(far: Far, hook: Adapter, option: dict, shown: bool):
    content = Content("https://maison.example", options=option)
    far.publish(content, "key")
    payload = far.render(content)
    hook.publish(payload, permit_for(payload), "key", a_moment_ago())
    for message in [*far.server.messages.values(), *far.server.hooked]:
        assert (message["unfurl_links"], message["unfurl_media"]) == (shown, shown)


def test_what_is_not_offered_is_said():
    content = Content("a", (image(),), thread=("b",), reply_to="1", options={"content_warning": "c"})
    offered = ["media_not_offered", "thread_not_offered", "reply_not_offered", "warning_not_offered"]
    assert codes(content) == offered
    assert codes(Content("", (image(),))) == ["media_not_offered", "empty"]


# --- A bot ----------------------------------------------------------------------------------------
def test_a_message_says_where_it_is(far: Far):
    adapter = far.adapter(limits=far.adapter().check().limits)
    payload = far.render(Content("a"))
    receipt = adapter.publish(payload, permit_for(payload), "key", a_moment_ago())
    ts = receipt.remote_id.partition(":")[2]
    assert receipt.remote_id == f"{CHANNEL}:{ts}"
    assert receipt.url == f"https://maison.slack.com/archives/{CHANNEL}/p{ts.replace('.', '')}"


def test_a_message_is_found_by_its_key_on_whatever_page_it_is(far: Far):
    begun = a_moment_ago()
    receipt = far.publish(Content("Cherché"), "key-cherchée", begun)
    for number in range(7):
        far.publish(Content("Cherché"), f"key-{number}", begun)
    far.server.page = 3
    assert far.look(Content("Cherché"), "key-cherchée", begun) == receipt
    assert far.look(Content("Cherché"), "key-autre", begun) == NotFound()
    far.server.page = 1
    found = far.look(Content("Cherché"), "key-autre", begun)
    assert isinstance(found, CannotTell)
    assert not found.again


def test_without_the_right_to_read_it_publishes_and_asks_a_person(far: Far):
    far.server.scopes.discard("channels:history")
    assert far.publish(Content("a"), "key").remote_id
    found = far.look(Content("a"), "key", a_moment_ago())
    assert isinstance(found, CannotTell)
    assert not found.again


@pytest.mark.parametrize("fault", [Fault(429), Fault(500), inside("internal_error"), inside("invalid_auth")])
def test_a_look_that_fails_otherwise_sends_nothing(far: Far, fault: Fault):
    far.front.arm("GET", HISTORY, fault)
    with pytest.raises((RateLimited, Unavailable, AuthFailed)):
        far.publish(Content("a"), "key")
    assert far.server.messages == {}


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        ("invalid_auth", AuthFailed),
        ("token_revoked", AuthFailed),
        ("account_inactive", AuthFailed),
        ("missing_scope", AuthFailed),
        ("not_in_channel", AuthFailed),
        ("channel_not_found", AuthFailed),
        ("is_archived", AuthFailed),
        ("restricted_action", AuthFailed),
        ("ratelimited", RateLimited),
        ("message_limit_exceeded", RateLimited),
        ("fatal_error", Ambiguous),
        ("internal_error", Ambiguous),
        ("request_timeout", Ambiguous),
        ("service_unavailable", Unavailable),
        ("msg_too_long", Rejected),
        ("invalid_blocks", Rejected),
        ("something_new", Rejected),
    ],
)
def test_an_error_inside_a_success(far: Far, error: str, meaning: type[AdapterError]):
    words = {"messages": [f"[ERROR] {far.secret} voilà"]}
    far.front.arm("POST", CREATE, inside(error, response_metadata=words))
    with pytest.raises(meaning) as caught:
        far.publish(Content("a"), "key")
    assert type(caught.value) is meaning
    assert caught.value.detail == f"{error}: [ERROR] … voilà"
    assert far.server.messages == {}


@pytest.mark.parametrize(
    ("error", "meaning"),
    [("fatal_error", Unavailable), ("message_not_found", None), ("cant_delete_message", Rejected)],
)
def test_what_an_error_means_for_taking_away(far: Far, error: str, meaning: type[AdapterError] | None):
    receipt = far.publish(Content("a"), "key")
    far.front.arm("POST", DELETE, inside(error))
    if meaning is None:
        far.adapter().retract(receipt)
        return
    with pytest.raises(meaning):
        far.adapter().retract(receipt)


def test_how_long_to_wait(far: Far):
    for fault in (Fault(429, b"", headers={"Retry-After": "30"}), Fault(200, inside("ratelimited").body)):
        far.front.arm("POST", CREATE, fault)
        with pytest.raises(RateLimited) as caught:
            far.publish(Content("a"), "key")
        assert caught.value.retry_after == (30 if fault.status == 429 else None)


@pytest.mark.parametrize("error", ["edit_window_closed", "cant_update_message", "msg_too_long"])
def test_a_correction_that_is_refused_changes_nothing(far: Far, error: str):
    receipt = far.publish(Content("Faute"), "key")
    payload = far.render(Content("Corrigé"))
    far.front.arm("POST", UPDATE, inside(error))
    with pytest.raises(Rejected):
        far.adapter().correct(receipt, payload, permit_for(payload))
    assert far.server.texts() == [{"text": "Faute"}]
    assert far.adapter().reread(receipt, payload) == NotFound()


def test_what_was_corrected_is_read_again_links_and_signs_included(far: Far):
    receipt = far.publish(Content("Faute"), "key", a_moment_ago())
    payload = far.render(Content("Corrigé : a < b & c, https://maison.example/a?b=1&c=2"))
    assert far.adapter().correct(receipt, payload, permit_for(payload)) == receipt
    assert far.adapter().reread(receipt, payload) == receipt
    # Its key is still with it.
    assert far.look(Content("x"), "key", a_moment_ago()) == receipt


@pytest.mark.parametrize("remote_id", ["", "1", "C0123ABC456:", "C0123ABC456:1.2/../x", "x:1.2"])
def test_what_is_no_message_is_never_asked_for(far: Far, remote_id: str):
    payload = far.render(Content("a"))
    with pytest.raises(Rejected):
        far.adapter().retract(Receipt(remote_id))
    with pytest.raises(Rejected):
        far.adapter().correct(Receipt(remote_id), payload, permit_for(payload))
    assert far.front.seen == []


@pytest.mark.parametrize(
    ("channel", "good"),
    [
        (CHANNEL, True),
        (f" https://maison.slack.com/archives/{CHANNEL}/ ", True),
        ("#annonces", False),
        ("annonces", False),
        ("", False),
        ("C0123ABC456/../x", False),
    ],
)
def test_how_a_channel_may_be_written(far: Far, channel: str, good: bool):
    settings = {"base_url": far.front.base_url, "channel": channel}
    if good:
        assert far.adapter(settings=settings).check().ok
        return
    with pytest.raises(Rejected):
        far.adapter(settings=settings)


def test_who_a_bot_is_and_what_it_lacks(far: Far):
    health = far.adapter().check()
    assert (health.account, health.handle) == (f"https://slack.com#{TEAM}/{CHANNEL}", "#annonces")
    assert health.url == f"https://maison.slack.com/archives/{CHANNEL}"
    far.server.scopes = {"channels:read"}
    assert "chat:write" in far.adapter().check().problem
    far.server.scopes = {"chat:write", "channels:read"}
    far.server.room["is_member"] = False
    assert "invite it" in far.adapter().check().problem
    far.server.scopes.add("chat:write.public")
    assert far.adapter().check().ok
    far.server.room["is_archived"] = True
    assert "archived" in far.adapter().check().problem
    # One that may not ask about its channel is believed.
    far.server.scopes = {"chat:write"}
    assert far.adapter().check().ok


# --- A webhook ------------------------------------------------------------------------------------
def test_a_webhook_publishes_and_names_no_message(far: Far, hook: Adapter):
    receipt = by_hook(far, hook, "a & b")
    assert (receipt.remote_id, receipt.url, receipt.parts) == ("", "", ())
    assert far.server.texts() == [{"text": "a & b"}]
    payload = far.render(Content("b"))
    for act in (lambda: hook.retract(receipt), lambda: hook.correct(receipt, payload, permit_for(payload))):
        with pytest.raises(Rejected, match="by hand"):
            act()
    assert len(far.server.hooked) == 1


@pytest.mark.parametrize(
    "fault",
    [
        Fault(cut="after accepting"),
        Fault(500, b"rollup_error"),
        Fault(200, b"<html>"),
        Fault(200, b""),
        Fault(200, b'{"ok": true}'),
        Fault(202, b"accepted"),
    ],
)
def test_after_a_webhooks_lost_answer_a_person_is_asked(far: Far, hook: Adapter, fault: Fault):
    far.front.arm("POST", HOOK, fault)
    with pytest.raises(Ambiguous):
        by_hook(far, hook)
    found = hook.reconcile(far.render(Content("a")), "key", a_moment_ago())
    assert isinstance(found, CannotTell)
    assert found.why
    assert not found.again
    assert isinstance(hook.reread(Receipt(""), far.render(Content("a"))), CannotTell)


@pytest.mark.parametrize(
    ("status", "word", "meaning"),
    [
        (404, "no_service", AuthFailed),
        (403, "invalid_token", AuthFailed),
        (403, "action_prohibited", AuthFailed),
        (404, "channel_not_found", AuthFailed),
        (410, "channel_is_archived", AuthFailed),
        (400, "invalid_payload", Rejected),
        (400, "no_text", Rejected),
        (400, "invalid_blocks", Rejected),
        (429, "rate_limited", RateLimited),
        (503, "service_unavailable", Unavailable),
        (302, "", Rejected),
    ],
)
def test_what_a_webhook_says(far: Far, hook: Adapter, status: int, word: str, meaning: type[AdapterError]):
    headers = {"Retry-After": "7", "Location": f"https://x.example/{HOOK_TOKEN}"}
    far.front.arm("POST", HOOK, Fault(status, word.encode(), headers=headers))
    with pytest.raises(meaning) as caught:
        by_hook(far, hook)
    assert type(caught.value) is meaning
    assert caught.value.detail in {word, ""}
    if isinstance(caught.value, RateLimited):
        assert caught.value.retry_after == 7


def test_a_webhook_that_echoes_its_secret_does_not_show_it(far: Far, hook: Adapter):
    for body in (WEBHOOK.encode(), HOOK_TOKEN.lower().encode(), b"<html>" + WEBHOOK.encode()):
        for status in (400, 403, 404, 500):
            far.front.arm("POST", HOOK, Fault(status, body))
            with pytest.raises(AdapterError) as caught:
                by_hook(far, hook)
            assert HOOK_TOKEN not in f"{caught.value!r}{vars(caught.value)}"


def test_a_webhook_is_checked_without_posting(far: Far, hook: Adapter):
    health = hook.check()
    assert (health.ok, health.account) == (True, f"https://hooks.slack.com#{TEAM}/{SERVICE}")
    assert HOOK_TOKEN not in repr(health)
    for says in (
        (404, "no_service"),
        (410, "channel_is_archived"),
        (500, "rollup_error"),
        (400, "other_word"),
    ):
        far.server.hook_says = says
        health = hook.check()
        assert not health.ok
        assert health.problem
    # Something between us and Slack said yes to nothing.
    far.front.arm("POST", HOOK, Fault(200, b"<html>"))
    assert not hook.check().ok
    assert far.server.hooked == []


@pytest.mark.parametrize(
    "secret",
    [
        WEBHOOK.replace("hooks.slack.com", "hooks.slack.com.evil.example"),
        WEBHOOK.replace("https://", "https://evil.example/"),
        WEBHOOK.replace("https", "http"),
        WEBHOOK.replace("hooks", "u:p@hooks"),
        WEBHOOK + "/../../x",
        WEBHOOK.replace("services", "triggers"),
        WEBHOOK + "?a=b",
    ],
)
def test_what_is_no_webhook_is_never_called(far: Far, secret: str):
    adapter = far.adapter(secret=secret, settings={"base_url": far.front.base_url})
    with pytest.raises(AuthFailed):
        by_hook(far, adapter)
    assert not adapter.check().ok
    assert far.front.seen == []


def test_the_permit_and_the_connection_come_first(far: Far, hook: Adapter):
    payload, other = far.render(Content("Approuvé")), far.render(Content("Autre"))
    with pytest.raises(PermitRefused):
        hook.publish(payload, permit_for(other), "key", a_moment_ago())
    assert far.front.seen == []
    nobody = far.adapter(secret=WEBHOOK, settings={"base_url": "http://127.0.0.1:1"})
    with pytest.raises(NotSent):
        nobody.publish(payload, permit_for(payload), "key", a_moment_ago())


def test_the_host_cannot_be_filled_in():
    assert {setting.name for setting in Slack.settings} == {"channel"}
