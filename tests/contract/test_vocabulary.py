"""What each answer of a far side, or none, means: the one vocabulary, over real sockets."""

from __future__ import annotations

import socket

import pytest

from adapters.base import (
    AdapterError,
    Ambiguous,
    AuthFailed,
    Content,
    NotSent,
    RateLimited,
    Rejected,
    Unavailable,
)
from adapters.transport import ANSWER_MAX_BYTES, build_client
from tests.contract.conftest import Far, image, permit_for, unique
from tests.contract.stand_ins.faulty_front import Fault

pytestmark = [pytest.mark.contract, pytest.mark.pure]

CREATE_OUTCOMES = [
    pytest.param(Fault(400), Rejected, id="400"),
    pytest.param(Fault(401), AuthFailed, id="401"),
    pytest.param(Fault(404), Rejected, id="404"),
    pytest.param(Fault(413), Rejected, id="413"),
    pytest.param(Fault(422), Rejected, id="422"),
    pytest.param(Fault(429), RateLimited, id="429"),
    pytest.param(Fault(500), Ambiguous, id="500"),
    pytest.param(Fault(502), Ambiguous, id="502"),
    pytest.param(Fault(503), Unavailable, id="503"),
    pytest.param(Fault(503, headers={"Retry-After": "5"}), Unavailable, id="503 with Retry-After"),
    pytest.param(Fault(504), Ambiguous, id="504"),
    pytest.param(Fault(302, headers={"Location": "https://elsewhere.example/"}), Rejected, id="redirect"),
    pytest.param(Fault(418), Ambiguous, id="an unknown status"),
    pytest.param(Fault(200, b"<html>maintenance</html>"), Ambiguous, id="not JSON"),
    pytest.param(Fault(200, b"[]"), Ambiguous, id="a list"),
    pytest.param(Fault(200, b'{"ok": true}'), Ambiguous, id="no id"),
    pytest.param(Fault(200, b'{"id": null}'), Ambiguous, id="id is null"),
    pytest.param(Fault(200, b"[" * 100_000), Ambiguous, id="nested without end"),
    pytest.param(Fault(200, b"\xff\xfe"), Ambiguous, id="not UTF-8"),
    pytest.param(Fault(200, b" " * (ANSWER_MAX_BYTES + 1)), Ambiguous, id="huge"),
    pytest.param(
        Fault(200, b'{"id": "1"}', headers={"Content-Encoding": "gzip"}), Ambiguous, id="compressed"
    ),
    pytest.param(Fault(200, b'{"id": "1"', cut="in the answer"), Ambiguous, id="cut in the answer"),
    pytest.param(Fault(cut="before reading"), Ambiguous, id="cut before reading"),
    pytest.param(Fault(cut="after reading"), Ambiguous, id="cut after reading"),
]


@pytest.mark.parametrize(("fault", "meaning"), CREATE_OUTCOMES)
def test_what_each_answer_to_a_post_means(demo_or_strict: Far, fault: Fault, meaning: type[AdapterError]):
    far = demo_or_strict
    far.front.arm("POST", far.create, fault)
    with pytest.raises(AdapterError) as caught:
        far.publish(Content(unique()), "key")
    assert type(caught.value) is meaning
    assert caught.value.public
    assert far.secret not in f"{caught.value}{caught.value!r}{vars(caught.value)}"


HARMLESS_OUTCOMES = [
    pytest.param(Fault(401), AuthFailed, id="401"),
    pytest.param(Fault(422), Rejected, id="422"),
    pytest.param(Fault(429), RateLimited, id="429"),
    pytest.param(Fault(500), Unavailable, id="500"),
    pytest.param(Fault(503), Unavailable, id="503"),
    pytest.param(Fault(200, b"<html>"), Unavailable, id="not JSON"),
    pytest.param(Fault(200, b"{}"), Unavailable, id="no id"),
    pytest.param(Fault(200, b" " * (ANSWER_MAX_BYTES + 1)), NotSent, id="huge"),
    pytest.param(Fault(cut="after reading"), NotSent, id="cut"),
    pytest.param(Fault(cut="after accepting"), NotSent, id="accepted, answer lost"),
]


@pytest.mark.parametrize(("fault", "meaning"), HARMLESS_OUTCOMES)
def test_what_goes_wrong_while_uploading_is_never_ambiguous(
    demo_or_strict: Far, fault: Fault, meaning: type[AdapterError]
):
    far = demo_or_strict
    far.front.arm("POST", far.upload, fault)
    with pytest.raises(AdapterError) as caught:
        far.publish(Content(unique(), (image(),)), "key")
    assert type(caught.value) is meaning
    assert far.front.requests("POST", far.create) == []


def test_no_answer_in_time_is_ambiguous_for_a_post_and_harmless_for_a_file(demo_or_strict: Far):
    far = demo_or_strict
    with build_client(allow_private=True, user_agent="t", timeout_s=0.4) as hasty:
        payload = far.render(Content(unique(), (image(),)))
        for path, meaning in ((far.create, Ambiguous), (far.upload, NotSent)):
            far.front.arm("POST", path, Fault(hang=True))
            with pytest.raises(meaning):
                far.adapter(client=hasty).publish(payload, permit_for(payload), "key")


def test_nobody_listening_means_not_sent(demo_or_strict: Far):
    payload, settings = demo_or_strict.render(Content("x")), dict(demo_or_strict.settings)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        settings["base_url"] = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(NotSent):
            demo_or_strict.adapter(settings=settings).publish(payload, permit_for(payload), "key")


@pytest.mark.parametrize(
    "address", ["https://no-such-host.invalid", "https://[::ffff:127.0.0.1]", "https://127.0.0.1"]
)
def test_names_that_lead_nowhere_or_home_are_not_sent(demo_or_strict: Far, address: str):
    far = demo_or_strict
    payload = far.render(Content("x"))
    with build_client(allow_private=frozenset(), user_agent="t", timeout_s=2) as careful:
        adapter = far.adapter(client=careful, settings={**far.settings, "base_url": address})
        with pytest.raises(NotSent):
            adapter.publish(payload, permit_for(payload), "key")


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"Retry-After": "120"}, 120, 120),
        ({"Retry-After": "Wed, 21 Oct 2015 07:30:00 GMT", "Date": "Wed, 21 Oct 2015 07:28:00 GMT"}, 120, 120),
        (
            {"X-RateLimit-Reset": "2015-10-21T07:33:00.123456Z", "Date": "Wed, 21 Oct 2015 07:28:00 GMT"},
            300,
            301,
        ),
        ({"X-RateLimit-Reset": "1445412780", "Date": "Wed, 21 Oct 2015 07:28:00 GMT"}, 300, 300),
        ({"Retry-After": "0"}, 1, 1),
        ({"Retry-After": "99999999"}, 86_400, 86_400),
    ],
)
def test_how_long_to_wait(demo_or_strict: Far, headers: dict[str, str], least: float, most: float):
    far = demo_or_strict
    far.front.arm("POST", far.create, Fault(429, headers=headers))
    with pytest.raises(RateLimited) as caught:
        far.publish(Content("x"), "key")
    assert caught.value.retry_after is not None
    assert least <= caught.value.retry_after <= most


@pytest.mark.parametrize(
    "headers", [{}, {"Retry-After": "soon"}, {"Retry-After": "-5"}, {"Retry-After": "nan"}]
)
def test_how_long_to_wait_when_the_network_does_not_say(demo_or_strict: Far, headers: dict[str, str]):
    far = demo_or_strict
    far.front.arm("POST", far.create, Fault(429, headers=headers))
    with pytest.raises(RateLimited) as caught:
        far.publish(Content("x"), "key")
    assert caught.value.retry_after is None


def test_a_redirect_is_named_and_not_followed(demo_or_strict: Far):
    far = demo_or_strict
    far.front.arm("POST", far.create, Fault(307, headers={"Location": far.front.base_url + far.create}))
    with pytest.raises(Rejected, match="redirect"):
        far.publish(Content("x"), "key")
    assert len(far.front.requests("POST", far.create)) == 1


def test_a_secret_that_the_network_echoes_never_shows(demo_or_strict: Far):
    far = demo_or_strict
    far.front.arm("POST", far.create, Fault(422, echo_authorization=True))
    with pytest.raises(Rejected) as caught:
        far.publish(Content("x"), "key")
    assert "bad header" in str(caught.value)
    assert far.secret not in str(caught.value)


@pytest.mark.parametrize("secret", ["with space", "line\nbreak", "accent-é", "nul\x00"])
def test_a_malformed_secret_is_refused_before_any_byte(demo_or_strict: Far, secret: str):
    far = demo_or_strict
    payload = far.render(Content("x"))
    with pytest.raises(AuthFailed) as caught:
        far.adapter(secret=secret).publish(payload, permit_for(payload), "key")
    assert secret not in str(caught.value)
    assert far.front.seen == []


@pytest.mark.parametrize(
    "address",
    ["", "mastodon.example", "ftp://x.example", "https://u:p@x.example", "https://x.example/?a", "https://["],
)
def test_an_address_that_cannot_be_one_is_refused(demo_or_strict: Far, address: str):
    with pytest.raises(Rejected):
        demo_or_strict.adapter(settings={**demo_or_strict.settings, "base_url": address})
