"""What each answer of a far side means, or none: the one vocabulary, with the same cases for every network.

Refusals come in the network's own words and as a page of some proxy before it. Each case tells all that is
wrong at once, so that a new network is mended in one go.
"""

from __future__ import annotations

import socket
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import httpx
import pytest

from adapters.base import (
    AdapterError,
    Ambiguous,
    AuthFailed,
    Content,
    Duplicate,
    Expired,
    NotSent,
    RateLimited,
    Rejected,
    Renewing,
    Unavailable,
)
from adapters.transport import ANSWER_MAX_BYTES, build_client
from tests.contract.discovering import where
from tests.contract.farside import Far, a_moment_ago, image, permit_for, unique
from tests.contract.stand_ins.faulty_front import Fault
from tests.contract.test_every_network import new_key, sent

pytestmark = [pytest.mark.contract, pytest.mark.pure]

PAGE = b"<!doctype html><title>Bad Gateway</title>"
REASON = "La raison du refus."
# After a request that makes something public.
MEANINGS: dict[int, tuple[type[AdapterError], ...]] = {
    400: (Rejected,),
    401: (AuthFailed,),
    403: (AuthFailed, Rejected),
    404: (Rejected,),
    405: (Rejected,),
    409: (Rejected, Duplicate),
    410: (Rejected,),
    413: (Rejected,),
    415: (Rejected,),
    422: (Rejected,),
    429: (RateLimited,),
    500: (Ambiguous,),
    502: (Ambiguous,),
    503: (Unavailable,),
    504: (Ambiguous,),
    418: (Ambiguous,),
    302: (Rejected,),
    307: (Rejected,),
}
# After one that does not; any other is the same.
HARMLESS = {500: Unavailable, 502: Unavailable, 504: Unavailable, 418: Unavailable}
SENSELESS = {
    "not JSON": Fault(200, b"<html>maintenance</html>"),
    "nothing": Fault(200, b""),
    "a list": Fault(200, b"[]"),
    "null": Fault(200, b"null"),
    "a word": Fault(200, b'"ok"'),
    "no id": Fault(200, b'{"ok": true}'),
    "id is null": Fault(200, b'{"id": null}'),
    "a list in the place of a post": Fault(200, b'{"ok": true, "result": [], "data": [], "post": []}'),
    "nested without end": Fault(200, b"[" * 100_000),
    "not UTF-8": Fault(200, b"\xff\xfe"),
}
LOST = {
    "huge": Fault(200, b" " * (ANSWER_MAX_BYTES + 1)),
    "compressed": Fault(200, b'{"id": "1"}', headers={"Content-Encoding": "gzip"}),
    "cut in the answer": Fault(200, b'{"id": "1"', cut="in the answer"),
    "cut before reading": Fault(cut="before reading"),
    "cut after reading": Fault(cut="after reading"),
}


def outcome(far: Far, content: Content, client: httpx.Client | None = None, **settings: str) -> AdapterError:
    payload = far.render(content)
    changes = {"client": client or far.client}
    address = {"base_url": far.front.base_url, **far.settings, **settings}
    with pytest.raises(AdapterError) as caught:
        far.adapter(**changes, settings=address).publish(
            payload, permit_for(payload), new_key(), a_moment_ago()
        )
    # A sentence for people, and nothing in it that is nobody's business; nor in what a log would show.
    assert caught.value.public
    told = f"{caught.value}{caught.value!r}{vars(caught.value)}"
    assert far.shown(told + "".join(traceback.format_exception(caught.value))) == []
    return caught.value


def answered(far: Far, path: str, content: Content, fault: Fault) -> AdapterError:
    far.front.disarm()
    far.front.arm(far.method, path, fault)
    return outcome(far, content)


def fits(far: Far, error: AdapterError, meanings: tuple[type[AdapterError], ...]) -> bool:
    """Expired is what AuthFailed may be where credentials can be renewed, and nowhere else."""
    if type(error) is Expired:
        return AuthFailed in meanings and far.kind.capabilities.renews
    return type(error) in meanings


# --- Refused --------------------------------------------------------------------------------------
def test_each_status_has_its_meaning(each: Far):
    content, there = each.content(unique()), {"Location": "https://elsewhere.example/"}
    waiting = {**there, "Retry-After": "5"}
    wrong = {}
    for status, meanings in MEANINGS.items():
        own = (each.meanings[status],) if status in each.meanings else meanings
        for body, headers, meant in ((each.error(status, REASON), there, own), (PAGE, waiting, meanings)):
            error = answered(each, each.create, content, Fault(status, body, headers=headers))
            if not fits(each, error, meant) or error.status != status:
                wrong[status, body] = (type(error).__name__, error.status, error.public)
    assert wrong == {}
    assert each.list_posts() == [] or each.count(content.text) == 0


def test_each_status_of_an_upload_has_its_meaning_and_nothing_is_public(each: Far):
    content = each.content(unique(), (image(),))
    wrong = {}
    for status, meanings in MEANINGS.items():
        harmless = (HARMLESS[status],) if status in HARMLESS and not each.publishing_upload else meanings
        error = answered(each, each.upload, content, Fault(status, PAGE))
        if not fits(each, error, harmless):
            wrong[status] = (type(error).__name__, error.public)
    assert wrong == {}
    assert each.upload == each.create or sent(each) == []


def test_the_networks_own_words_are_kept_for_people(each: Far):
    for status in (400, 422):
        error = answered(each, each.create, each.content(unique()), Fault(status, each.error(status, REASON)))
        assert REASON in error.detail


def test_an_error_inside_a_success_is_no_success(each: Far):
    for status in (200, 201):
        error = answered(each, each.create, each.content(unique()), Fault(status, each.error(400, REASON)))
        assert type(error) in {Rejected, Ambiguous}


@where(lambda can: True)
def test_a_redirect_is_named_and_not_followed(each: Far):
    there = {"Location": each.front.base_url + each.create}
    for status in (301, 302, 303, 307, 308):
        error = answered(each, each.create, each.content(unique()), Fault(status, PAGE, headers=there))
        assert "redirect" in error.public
    assert len(sent(each)) == 5


def test_a_duplicate_is_called_one_where_the_network_says_so(each: Far):
    if each.duplicate is None:
        pytest.skip("This network has no word for it.")
    text = unique()
    error = answered(each, each.create, each.content(text), each.duplicate)
    assert type(error) is Duplicate
    assert each.count(text) == 0


# --- Wait -----------------------------------------------------------------------------------------
def test_how_long_to_wait(each: Far):
    date = "Wed, 21 Oct 2015 07:28:00 GMT"
    cases: list[tuple[dict[str, str], float | None]] = [
        ({"Retry-After": "120"}, 120),
        ({"Retry-After": "Wed, 21 Oct 2015 07:30:00 GMT", "Date": date}, 120),
        ({"Retry-After": "0"}, 1),
        ({"Retry-After": "99999999"}, 86_400),
        ({}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "nan"}, None),
    ]
    wrong = {}
    for headers, wait in cases:
        for form, body in (("own", each.error(429, REASON)), ("page", PAGE)):
            fault = Fault(429, body, headers=headers)
            error = answered(each, each.create, each.content(unique()), fault)
            told = getattr(error, "retry_after", None)
            unsaid = wait is None and each.knows_when and told is not None and 1 <= told <= 86_400
            if not isinstance(error, RateLimited) or not (told == wait or unsaid):
                wrong[str(headers), form] = (type(error).__name__, vars(error))
    assert wrong == {}


def test_after_a_wait_or_a_refusal_it_goes_out_once(each: Far):
    for fault in (Fault(429, PAGE), Fault(503, PAGE, headers={"Retry-After": "5"}), Fault(400, PAGE)):
        text, key, begun = unique(), new_key(), a_moment_ago()
        each.front.arm(each.method, each.create, fault)
        with pytest.raises((RateLimited, Unavailable, Rejected)):
            each.publish(each.content(text), key, begun)
        assert each.count(text) == 0
        each.publish(each.content(text), key, begun)
        assert each.count(text) == 1


# --- No sense in it, or no answer -----------------------------------------------------------------
def test_what_makes_no_sense_is_ambiguous_for_a_post(each: Far):
    wrong = {}
    for name, fault in {**SENSELESS, **LOST}.items():
        error = answered(each, each.create, each.content(unique()), fault)
        if type(error) is not Ambiguous:
            wrong[name] = (type(error).__name__, error.public)
    assert wrong == {}


def test_what_makes_no_sense_is_harmless_for_a_file(each: Far):
    content = each.content(unique(), (image(),))
    lost = {**LOST, "the answer lost": Fault(cut="after accepting")}
    wrong = {}
    for name, fault in {**SENSELESS, **lost}.items():
        error = answered(each, each.upload, content, fault)
        harmless = NotSent if name in lost else Unavailable
        if type(error) is not (Ambiguous if each.publishing_upload else harmless):
            wrong[name] = (type(error).__name__, error.public)
    assert wrong == {}
    assert each.upload == each.create or sent(each) == []
    assert each.publishing_upload or each.count(content.text) == 0


@contextmanager
def hasty() -> Iterator[httpx.Client]:
    with build_client(allow_private=True, user_agent="t", timeout_s=0.35) as made:
        yield made


def test_no_answer_in_time(each: Far):
    """After the bytes went out: it may be public, unless it was a file."""
    harmless = Ambiguous if each.publishing_upload else NotSent
    for path, media, meaning in ((each.create, (), Ambiguous), (each.upload, (image(),), harmless)):
        each.front.arm(each.method, path, Fault(hang=True))
        with hasty() as client:
            assert type(outcome(each, each.content(unique(), media), client)) is meaning


def test_an_answer_that_comes_slowly_counts_if_it_comes_in_time(each: Far):
    text, late = unique(), unique("Trop tard")
    each.front.arm(each.method, each.create, Fault(over_s=0.1))
    assert each.publish(each.content(text), new_key()).remote_id
    assert each.count(text) == 1
    each.front.arm(each.method, each.create, Fault(over_s=5))
    with hasty() as client:
        assert type(outcome(each, each.content(late), client)) is Ambiguous
    assert each.count(late) == 1


# --- Nobody there ---------------------------------------------------------------------------------
@contextmanager
def refusing() -> Iterator[str]:
    """An address at which nobody listens."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{silent.getsockname()[1]}"


@contextmanager
def deaf() -> Iterator[str]:
    """An address that lets nobody in: whoever connects waits."""
    with socket.socket() as listening, socket.socket() as waiting:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        waiting.connect(listening.getsockname())
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_a_connection_that_is_refused_or_not_made_in_time_sends_nothing(each: Far):
    for nobody in (refusing, deaf):
        with nobody() as address, hasty() as client:
            error = outcome(each, each.content(unique(), (image(),)), client, base_url=address)
            assert type(error) is NotSent, nobody.__name__
    assert each.front.seen == []


def test_names_that_lead_nowhere_or_home_are_not_sent(each: Far):
    for address in ("https://no-such-host.invalid", "https://[::ffff:127.0.0.1]", "https://127.0.0.1"):
        with build_client(allow_private=frozenset(), user_agent="t", timeout_s=2) as careful:
            error = outcome(each, each.content(unique()), careful, base_url=address)
            assert type(error) is NotSent, address


def test_an_address_that_cannot_be_one_is_refused(each: Far):
    for address in (
        "x.example",
        "ftp://x.example",
        "https://u:p@x.example",
        "https://x.example/?a",
        "https://[",
    ):
        with pytest.raises(Rejected):
            each.adapter(settings={**each.settings, "base_url": address})


# --- Secrets --------------------------------------------------------------------------------------
def test_a_secret_that_the_network_echoes_never_shows(each: Far):
    """`outcome` looks at every place of an error."""
    words = f"{REASON} {each.secret} {' | '.join(each.secrets)}"
    for path, media in ((each.create, ()), (each.upload, (image(),))):
        for status in (400, 401, 403, 404, 422, 429, 500, 503):
            fault = Fault(status, each.error(status, words))
            assert answered(each, path, each.content(unique(), media), fault).public
    there = f"https://x.example/{(each.secrets or (each.secret,))[0]}/a?b={each.secret}"
    fault = Fault(302, PAGE, headers={"Location": there})
    assert answered(each, each.create, each.content(unique()), fault).public


@pytest.mark.parametrize("secret", ["line\nbreak", "accent-é", "nul\x00"])
def test_a_malformed_secret_is_refused_before_any_byte(each: Far, secret: str):
    payload = each.render(each.content(unique(), (image(),)))
    with pytest.raises(AuthFailed) as caught:
        each.adapter(secret=secret).publish(payload, permit_for(payload), "key", a_moment_ago())
    assert secret not in str(caught.value)
    assert each.front.seen == []


# --- Run out --------------------------------------------------------------------------------------
def signed_in_with(far: Far, secret: str) -> Renewing:
    return cast(Renewing, far.adapter(secret=secret))


@where(lambda can: can.renews)
@pytest.mark.parametrize("media", [(), (image(),)], ids=["text", "with a picture"])
def test_what_ran_out_is_renewed_and_then_it_goes_out(each: Far, media: tuple[Any, ...]):
    text, key, begun = unique(), new_key(), a_moment_ago()
    content = each.content(text, media)
    payload = each.render(content)
    stale = signed_in_with(each, each.expired_secret)
    with pytest.raises(Expired) as caught:
        stale.publish(payload, permit_for(payload), key, begun)
    assert each.shown(str(caught.value)) == []
    assert each.count(text) == 0
    renewal = stale.renew()
    assert renewal.secret not in {"", each.expired_secret}
    fresh = signed_in_with(each, renewal.secret)
    account = fresh.check().account
    receipt = fresh.publish(payload, permit_for(payload), key, begun)
    assert each.count(text) == 1
    assert fresh.reconcile(payload, key, begun) == receipt
    again = signed_in_with(each, fresh.renew().secret).check()
    assert again.ok
    assert again.account == account != ""


@where(lambda can: can.renews)
def test_a_renewal_that_fails_says_whether_a_person_is_needed(each: Far):
    """Trouble of the network is no reason to sign in again, and a refusal no reason to try for ever."""
    stale = signed_in_with(each, each.expired_secret)
    held = " ".join(one for one in each.secrets if one in each.expired_secret)
    for status, kinds in (
        (401, {AuthFailed}),
        (503, {Unavailable}),
        (500, {Unavailable}),
        (429, {RateLimited}),
    ):
        each.front.disarm()
        each.front.arm("*", "*", Fault(status, each.error(status, held)), times=9)
        with pytest.raises(AdapterError) as caught:
            stale.renew()
        assert type(caught.value) in kinds, status
        assert each.shown(f"{caught.value}{vars(caught.value)}") == []
    each.front.disarm()
    each.front.arm("*", "*", Fault(cut="after reading"), times=9)
    with pytest.raises(NotSent):
        stale.renew()
