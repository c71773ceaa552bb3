"""What Mastodon and the demonstration network can do beside the cases of every network (`test_every_network.py`),
the console, and what every adapter owes without a far side."""

from __future__ import annotations

import json
import uuid

import httpx
import pytest

from adapters.base import (
    AdapterError,
    Ambiguous,
    CannotTell,
    Connection,
    Content,
    NotFound,
    NotSent,
    Permit,
    PermitRefused,
    Receipt,
    Rejected,
)
from adapters.console import Console
from adapters.registry import ADAPTERS
from tests.contract.farside import CHANNEL, Far, a_moment_ago, image, permit_for, unique
from tests.contract.stand_ins.faulty_front import Fault

pytestmark = [pytest.mark.contract, pytest.mark.pure]


# --- Publishing -----------------------------------------------------------------------------------
def test_options_arrive(far: Far):
    text = unique()
    options = {"visibility": "unlisted", "language": "fr", "content_warning": "Rappel de produit"}
    far.publish(Content(text, options=options), "key-" + text[-32:])
    sent = json.loads(far.front.requests("POST", far.create)[0].body)
    assert sent["visibility"] == "unlisted"
    assert sent["language"] == "fr"
    assert "Rappel de produit" in sent.values()


def test_a_thread_goes_out_in_order_each_part_with_its_own_key(far: Far):
    text = unique()
    content = Content(text, thread=("Deuxième temps", "Troisième temps"))
    since = a_moment_ago()
    receipt = far.publish(content, "k-" + text[-8:])
    assert len(receipt.parts) == 3
    sent = far.front.requests("POST", far.create)
    keys = [seen.headers["idempotency-key"] for seen in sent]
    assert keys == [f"k-{text[-8:]}", f"k-{text[-8:]}-1", f"k-{text[-8:]}-2"]
    replies = [json.loads(seen.body) for seen in sent]
    follows = [part.get("in_reply_to_id") or part.get("reply_to") or "" for part in replies]
    assert follows == ["", receipt.parts[0], receipt.parts[1]]
    assert far.adapter().reconcile(far.render(content), "k-" + text[-8:], since) == receipt


@pytest.mark.parametrize("off", [-1, 0, 1])
def test_the_limit_is_the_networks(far: Far, off: int):
    head = unique("é" * 20 + " ")
    content = Content(head + "x" * (500 + off - len(head)))
    assert [problem.code for problem in far.kind.validate(content, far.limits)] == (
        ["too_long"] if off > 0 else []
    )
    assert far.kind.count(content, far.limits)[0].used == 500 + off
    if off > 0 and far.network == "mastodon":
        with pytest.raises(Rejected):
            far.publish(content, uuid.uuid4().hex)
    else:
        assert far.publish(content, uuid.uuid4().hex).remote_id


# --- The permit -----------------------------------------------------------------------------------
def test_a_file_that_was_replaced_since_is_not_sent(far: Far):
    payload = far.render(Content(unique(), (image(),)))
    adapter = far.adapter(read_media=lambda _sha256: b"another image")
    with pytest.raises(Rejected):
        adapter.publish(payload, permit_for(payload), "key", a_moment_ago())
    assert far.front.seen == []


@pytest.mark.parametrize(("failure", "meaning"), [(FileNotFoundError, Rejected), (OSError, NotSent)])
def test_a_file_that_cannot_be_read_sends_nothing(
    far: Far, failure: type[OSError], meaning: type[AdapterError]
):
    def read(_sha256: str) -> bytes:
        raise failure

    payload = far.render(Content(unique(), (image(),)))
    with pytest.raises(meaning):
        far.adapter(read_media=read).publish(payload, permit_for(payload), "key", a_moment_ago())
    assert far.front.seen == []


# --- Once, and only once --------------------------------------------------------------------------
def test_a_second_publish_uses_the_same_key_and_makes_nothing_new(far: Far):
    text = unique()
    first = far.publish(Content(text, (image(),)), "key-" + text[-32:])
    second = far.publish(Content(text, (image(),)), "key-" + text[-32:])
    assert first == second
    assert far.count(text) == 1
    assert len({seen.headers["idempotency-key"] for seen in far.front.requests("POST", far.create)}) == 1


def test_a_lost_answer_is_ambiguous_and_reconcile_finds_exactly_the_one(far: Far):
    text = unique(
        "Une lampe https://maison-lumiere.example/aurore/une-bien-longue-adresse?a=1&b=2 @ami@ailleurs.org"
    )
    content, key, since = Content(text, (image(),)), uuid.uuid4().hex, a_moment_ago()
    far.front.arm("POST", far.create, Fault(cut="after accepting"))
    with pytest.raises(Ambiguous):
        far.publish(content, key)
    found = far.adapter().reconcile(far.render(content), key, since)
    assert isinstance(found, Receipt)
    assert len(far.list_posts()) >= 1
    assert far.publish(content, key) == found
    assert far.count(text[-32:]) <= 1


def test_a_thread_that_stops_half_way_is_ambiguous_and_sending_again_completes_it(far: Far):
    text = unique()
    content, key, since = Content(text, thread=("Suite",)), uuid.uuid4().hex, a_moment_ago()
    far.front.arm("POST", far.create, Fault(429), skip=1)
    with pytest.raises(Ambiguous):
        far.publish(content, key)
    assert far.adapter().reconcile(far.render(content), key, since) == NotFound()
    receipt = far.publish(content, key)
    assert len(receipt.parts) == 2
    assert far.count(text) == 1


# --- Afterwards -----------------------------------------------------------------------------------
def test_a_lost_answer_to_a_retraction_is_safe_to_repeat(demo_or_strict: Far):
    far = demo_or_strict
    text = unique()
    receipt = far.publish(Content(text), "key-" + text[-32:])
    path = f"/api/{'v1/statuses' if far.network == 'mastodon' else 'posts'}/{receipt.remote_id}"
    far.front.arm("DELETE", path, Fault(cut="after accepting"))
    with pytest.raises(NotSent):
        far.adapter().retract(receipt)
    far.adapter().retract(receipt)
    assert far.count(text) == 0


def test_a_correction_again_repeats_nothing(far: Far):
    text = unique()
    receipt = far.publish(Content(text, thread=("Suite",)), "key-" + text[-32:])
    payload = far.render(Content("Corrigé : " + text, thread=("Suite corrigée",)))
    first, second = (far.adapter().correct(receipt, payload, permit_for(payload)) for _ in range(2))
    assert (
        (first.remote_id, first.parts)
        == (second.remote_id, second.parts)
        == (receipt.remote_id, receipt.parts)
    )
    assert far.count(text) == 1


@pytest.mark.parametrize("status", [422, 429, 503])
def test_half_a_correction_is_never_called_harmless(demo_or_strict: Far, status: int):
    """The first part has changed in public: neither refused nor waiting is true of that any more."""
    far = demo_or_strict
    text = unique()
    receipt = far.publish(Content(text, thread=("Suite",)), uuid.uuid4().hex)
    payload = far.render(Content("Corrigé : " + text, thread=("Suite corrigée",)))
    path = f"/api/{'v1/statuses' if far.network == 'mastodon' else 'posts'}/{receipt.parts[1]}"
    far.front.arm("PUT", path, Fault(status))
    with pytest.raises(Ambiguous):
        far.adapter().correct(receipt, payload, permit_for(payload))
    assert far.count("Corrigé : " + text) == 1


def test_whether_a_correction_is_public_can_be_read(far: Far):
    text = unique(
        "Une lampe https://maison-lumiere.example/une-bien-longue-adresse-qui-se-coupe @ami@ailleurs.org"
    )
    receipt = far.publish(Content(text, thread=("Suite",)), "key-" + text[-32:])
    corrected = far.render(Content("Corrigé : " + text, thread=("Suite",)))
    assert far.adapter().reread(receipt, far.render(Content(text, thread=("Suite",)))) == receipt
    assert far.adapter().reread(receipt, corrected) == NotFound()
    far.adapter().correct(receipt, corrected, permit_for(corrected))
    assert isinstance(far.adapter().reread(receipt, corrected), Receipt)
    assert far.adapter().reread(receipt, far.render(Content(text))) == NotFound(), "another number of parts"
    assert not [seen for seen in far.front.seen if seen.method == "DELETE"]
    far.adapter().retract(receipt)
    assert far.adapter().reread(receipt, corrected) == NotFound()


def test_a_picture_cannot_be_compared_and_a_network_that_is_away_says_so(demo_or_strict: Far):
    far = demo_or_strict
    content = Content(unique(), (image(),))
    receipt = far.publish(content, uuid.uuid4().hex)
    assert far.adapter().reread(receipt, far.render(content)) == NotFound()
    path = f"/api/{'v1/statuses' if far.network == 'mastodon' else 'posts'}/{receipt.remote_id}"
    for status, again in ((503, True), (401, False)):
        far.front.arm("GET", path, Fault(status))
        assert getattr(far.adapter().reread(receipt, far.render(Content("x"))), "again", None) is again


def test_what_an_edit_keeps_is_named_in_the_payload(far: Far):
    body = far.render(Content("Texte")).body
    assert far.kind.capabilities.edit
    assert set(far.kind.capabilities.edit_keeps) <= set(body)


def test_a_thread_is_not_corrected_into_another_length(far: Far):
    payload = far.render(Content("a", thread=("b",)))
    with pytest.raises(Rejected):
        far.adapter().correct(Receipt("1", parts=("1",)), payload, permit_for(payload))
    assert far.front.seen == []


# --- Who am I -------------------------------------------------------------------------------------
def test_check_says_who_and_what_without_posting(far: Far):
    health = far.adapter().check()
    assert health.ok, health.problem
    assert "#" in health.account
    assert health == far.adapter().check()
    assert set(far.limits) == set(health.limits)
    assert not [seen for seen in far.front.seen if seen.method != "GET"]


# --- The console, where it makes sense --------------------------------------------------------
@pytest.fixture
def console(client: httpx.Client) -> Console:
    no_files: dict[str, bytes] = {}
    return Console(Connection(CHANNEL, {}, Console.default_limits, "", client, no_files.__getitem__))


def test_the_console_writes_to_the_log_and_cannot_tell(console: Console, caplog: pytest.LogCaptureFixture):
    payload = Console.render(Content("Bonjour à tous", thread=("Suite",)), CHANNEL, Console.default_limits)
    with caplog.at_level("INFO", logger="adapters.console"):
        receipt = console.publish(payload, permit_for(payload), "key-1", a_moment_ago())
    assert receipt.remote_id == "key-1"
    assert "Bonjour à tous" in caplog.text
    assert isinstance(console.reconcile(payload, "key-1", a_moment_ago()), CannotTell)
    assert not Console.capabilities.reconcilable
    assert console.check().ok


def test_the_console_wants_a_permit_too(console: Console, caplog: pytest.LogCaptureFixture):
    payload = Console.render(Content("Bonjour"), CHANNEL, Console.default_limits)
    with caplog.at_level("INFO", logger="adapters.console"), pytest.raises(PermitRefused):
        console.publish(payload, Permit(1, 1, CHANNEL, "d", "0" * 64), "key-1", a_moment_ago())
    assert caplog.text == ""


def test_the_console_takes_nothing_back(console: Console):
    with pytest.raises(Rejected):
        console.retract(Receipt("key-1"))


# --- All of them -----------------------------------------------------------------------------------
@pytest.mark.parametrize("name", sorted(ADAPTERS))
def test_rendering_is_pure_total_and_the_same_bytes_each_time(name: str):
    kind = ADAPTERS[name]
    awful = Content(
        "\ud800 \x00 " + "x" * 9000,
        (image(""), image("b" * 5000)) * 5,
        link="javascript:alert(1)",
        reply_to="https://[broken",
        thread=("",),
        options={"visibility": "direct", "language": "??", "content_warning": "\x07"},
    )
    assert kind.validate(awful, kind.default_limits)
    first, second = (kind.render(awful, CHANNEL, kind.default_limits) for _ in range(2))
    assert first.sha256 == second.sha256
    assert first == type(first).from_json(json.loads(json.dumps(first.as_json())))
    assert first.body["parts"][0]["media"][0]["sha256"] == image().sha256


@pytest.mark.parametrize("name", sorted(ADAPTERS))
def test_whatever_the_public_receives_changes_the_digest(name: str):
    kind = ADAPTERS[name]

    def digest(**changes):
        plain = {"text": "Texte", "media": (image(),)}
        return kind.render(Content(**{**plain, **changes}), CHANNEL, kind.default_limits).sha256

    changed = [digest(), digest(text="Texte\u200b"), digest(media=(image("autre"),)), digest(media=())]
    changed += [digest(thread=("suite",)), digest(link="https://a.example/")]
    if kind.capabilities.visibilities:
        changed += [digest(options={"visibility": "unlisted"}), digest(options={"content_warning": "x"})]
        changed += [digest(options={"language": "fr"}), digest(reply_to="12")]
    assert len(set(changed)) == len(changed)
