"""What Mastodon and the demonstration network say in words of their own: the rest of the one vocabulary is tried
for every network in `test_every_answer.py`."""

from __future__ import annotations

import pytest

from adapters.base import (
    AuthFailed,
    Content,
    RateLimited,
    Rejected,
)
from tests.contract.farside import Far, a_moment_ago, permit_for
from tests.contract.stand_ins.faulty_front import Fault

pytestmark = [pytest.mark.contract, pytest.mark.pure]


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        (
            {"X-RateLimit-Reset": "2015-10-21T07:33:00.123456Z", "Date": "Wed, 21 Oct 2015 07:28:00 GMT"},
            300,
            301,
        ),
        ({"X-RateLimit-Reset": "1445412780", "Date": "Wed, 21 Oct 2015 07:28:00 GMT"}, 300, 300),
    ],
)
def test_how_long_to_wait_is_read_where_the_network_says_when(
    demo_or_strict: Far, headers: dict[str, str], least: float, most: float
):
    far = demo_or_strict
    far.front.arm("POST", far.create, Fault(429, headers=headers))
    with pytest.raises(RateLimited) as caught:
        far.publish(Content("x"), "key")
    assert caught.value.retry_after is not None
    assert least <= caught.value.retry_after <= most


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
        far.adapter(secret=secret).publish(payload, permit_for(payload), "key", a_moment_ago())
    assert secret not in str(caught.value)
    assert far.front.seen == []


@pytest.mark.parametrize(
    "address",
    ["", "mastodon.example", "ftp://x.example", "https://u:p@x.example", "https://x.example/?a", "https://["],
)
def test_an_address_that_cannot_be_one_is_refused(demo_or_strict: Far, address: str):
    with pytest.raises(Rejected):
        demo_or_strict.adapter(settings={**demo_or_strict.settings, "base_url": address})
