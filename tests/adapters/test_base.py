from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.base import Ambiguous, Payload, Permit, PermitRefused, RateLimited, canonical

pytestmark = pytest.mark.pure

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet=st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("aé\u200b", max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(JSON)
def test_canonical_is_one_form_that_reads_back_the_same(value: object):
    assert json.loads(canonical(value)) == value
    assert canonical(json.loads(canonical(value))) == canonical(value)


def test_canonical_does_not_depend_on_order_and_knows_no_nan():
    assert canonical({"b": 1, "a": 2}) == canonical({"a": 2, "b": 1}) == b'{"a":2,"b":1}'
    assert canonical("é") == '"é"'.encode()
    with pytest.raises(ValueError, match="JSON"):
        canonical(math.nan)


@pytest.mark.parametrize(
    "changed",
    [
        {"network": "demo"},
        {"channel": "b"},
        {"body": {"parts": [{"text": "x\u200b", "media": []}]}},
        {"slots": ("media_ids", "key")},
    ],
)
def test_a_payload_is_its_bytes(changed: dict):
    plain: dict[str, Any] = {
        "network": "mastodon",
        "channel": "a",
        "body": {"parts": [{"text": "x", "media": []}]},
        "slots": ("key",),
    }
    payload, other = Payload(**plain), Payload(**{**plain, **changed})
    assert payload.sha256 != other.sha256
    assert Payload.from_json(json.loads(json.dumps(payload.as_json()))) == payload
    permit = Permit(1, 1, "a", "digest", payload.sha256)
    permit.demand(payload)
    with pytest.raises(PermitRefused):
        permit.demand(other)


def test_an_error_says_what_the_network_said_beside_our_own_words():
    error = Ambiguous("The answer was lost.", status=502, detail="Bad gateway")
    assert (error.public, error.status, error.detail) == ("The answer was lost.", 502, "Bad gateway")
    assert str(error) == "The answer was lost. (Bad gateway)"
    assert RateLimited("Wait.", retry_after=5).status == 429
