"""What networks' sign-ins have in common: PKCE, rights, what is hidden, and that a network which says that it signs in
has a piece for it."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from adapters.base import App, AuthFailed, Rejected, lent
from adapters.http import Answer
from adapters.linkedin_session import Session as LinkedInSession
from adapters.mastodon_signin import MastodonSignIn, server_of
from adapters.registry import ADAPTERS, SIGN_INS
from adapters.signing_in import Account, AppUnknown, Way, challenge, granted, new_verifier
from adapters.x_session import Session as XSession
from tests.contract.stand_ins.serving import serving
from tests.contract.stand_ins.strict_mastodon import StrictMastodon

pytestmark = [pytest.mark.contract, pytest.mark.pure]
LATER = datetime.now(UTC) + timedelta(hours=1)


def test_every_network_that_signs_in_has_a_piece_and_no_other():
    assert set(SIGN_INS) == {name for name, one in ADAPTERS.items() if one.capabilities.signs_in}
    for network, piece in SIGN_INS.items():
        assert piece.network == network
        assert piece.registers is (network == "mastodon")


def test_the_challenge_of_the_standards_own_example():
    told = challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    assert told == {
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
    }


def test_a_verifier_is_long_enough_and_never_the_same():
    many = {new_verifier() for _ in range(50)}
    assert len(many) == 50
    assert all(43 <= len(one) <= 128 and one.replace("-", "").replace("_", "").isalnum() for one in many)
    digest = hashlib.sha256(next(iter(many)).encode()).digest()
    assert challenge(next(iter(many)))["code_challenge"] == base64.urlsafe_b64encode(digest)[:43].decode()


@pytest.mark.parametrize(
    ("scope", "given"),
    [('"b a c"', "a b c"), ('"a,b"', "a b"), ("null", "a b"), ('""', "a b"), ('"a"', None), ('"ab"', None)],
)
def test_rights_are_compared_however_they_are_worded(scope: str, given: str | None):
    answer = Answer(200, {}, f'{{"scope": {scope}}}'.encode(), creates=False)
    if given is None:
        with pytest.raises(AuthFailed):
            granted(answer, ["a", "b"])
    else:
        assert granted(answer, ["a", "b"]) == given


@pytest.mark.parametrize(
    ("typed", "server"),
    [
        ("mastodon.example", "https://mastodon.example"),
        (" Mastodon.Example ", "https://mastodon.example"),
        ("@maison@mastodon.example", "https://mastodon.example"),
        ("maison@mastodon.example:8443", "https://mastodon.example:8443"),
        ("https://mastodon.example/@maison/123?x=1#y", "https://mastodon.example"),
        ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
    ],
)
def test_a_server_is_known_by_what_people_type(typed: str, server: str):
    assert server_of(typed) == server


@pytest.mark.parametrize(
    "typed", ["", "https://", "https://u:p@x.example", "javascript://x", "https://[::1", "a b"]
)
def test_what_is_no_server(typed: str):
    with pytest.raises(Rejected):
        server_of(typed)


def test_no_secret_is_in_a_repr():
    for one in (Account("a", "@a", "s3cret"), Way("https://x.example/?state=s3cret", "s3cret")):
        assert "s3cret" not in repr(one)


# --- An app's secret is lent, and only at home --------------------------------------------------------
def test_an_app_goes_home_and_nowhere_else():
    own = "https://own.example"
    app, at_another = App("app", "s3cret"), App("app", "s3cret", "https://another.example")
    assert lent(app, "https://own.example/", own) is app
    assert lent(at_another, "https://another.example", own) is at_another
    assert lent(None, own, own) is None
    for elsewhere in (
        "https://elsewhere.example",
        "https://own.example.evil",
        "https://own.example@evil",
        "",
    ):
        assert lent(app, elsewhere, own) is None
    assert lent(at_another, own, own) is None


@pytest.mark.parametrize("session", [XSession, LinkedInSession], ids=["x", "linkedin"])
def test_an_apps_secret_is_lent_at_home_and_never_kept(session: Any):
    signed_in = session(access="a", refresh="r", client_id="app")
    app = App("app", "s3cret")
    assert signed_in.lend(app).client_secret == "s3cret"
    assert "s3cret" not in signed_in.lend(app).dump()
    assert signed_in.lend(App("another", "s3cret")).client_secret == ""
    assert signed_in.lend(None).client_secret == ""
    pasted = session(access="a", refresh="r", client_id="app", client_secret="their-own")
    assert pasted.lend(app).client_secret == "their-own"
    assert "their-own" in pasted.lend(app).dump()


@pytest.mark.parametrize("session", [XSession, LinkedInSession], ids=["x", "linkedin"])
def test_a_refresh_token_goes_on_only_for_the_same_app(session: Any):
    stored = session(access="old", refresh="r-old", client_id="app")
    fresh = session(access="new", client_id="app", expires=LATER)
    joined = fresh.joined(stored)
    assert (joined.access, joined.refresh, joined.earlier) == ("new", "r-old", True)
    assert session.read(joined.dump()) == joined
    assert session(access="new", client_id="another").joined(stored).refresh == ""
    assert session(access="new", refresh="r-new", client_id="app").joined(stored).refresh == "r-new"
    assert joined.alone(datetime.now(UTC)).refresh == ""
    assert joined.alone(LATER) is None, "the access has ended too"
    assert stored.alone(datetime.now(UTC)) is None, "a refresh token of now that is refused needs a person"


# --- Mastodon, without the desk -----------------------------------------------------------------------
@pytest.fixture
def server():
    made = StrictMastodon()
    with serving(made):
        yield made


def test_a_code_that_is_refused_is_quoted_nowhere(client: httpx.Client, server: StrictMastodon):
    piece = MastodonSignIn(client, server.base_url)
    app = piece.register("https://queue.example/back/")
    with pytest.raises(AuthFailed) as refused:
        piece.accounts(app, "https://queue.example/back/", "a-code-that-is-secret", "")
    assert "a-code-that-is-secret" not in f"{refused.value} {refused.value.detail}"
    with pytest.raises(AppUnknown) as unknown:
        piece.accounts(App(app.client_id, "wrong-s3cret"), "https://queue.example/back/", "c", "")
    assert "wrong-s3cret" not in f"{unknown.value} {unknown.value.detail}"


def test_another_servers_name_is_not_believed(client: httpx.Client, server: StrictMastodon):
    liar = StrictMastodon()
    with serving(liar):
        liar.issuer_says = f"{server.base_url}/"
        piece = MastodonSignIn(client, liar.base_url)
        app = piece.register("https://queue.example/back/")
        assert piece.way(app, "https://queue.example/back/", "state").issuer == liar.base_url


def test_the_secrets_of_an_app_that_is_no_mastodon(client: httpx.Client):
    """A site that answers 404: said in words that help."""
    other = StrictMastodon()
    with serving(other):
        piece = MastodonSignIn(client, other.base_url)
        with pytest.raises(Rejected) as refused:
            piece.register("no-address")
    assert "No Mastodon server" in refused.value.public
