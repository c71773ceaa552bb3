"""Signing in at a network: every way in which it must not work."""

from __future__ import annotations

from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from django.test import Client
from django.urls import reverse

from accounts.clock import database_now
from accounts.models import Membership
from journal.models import Entry, Personal
from posts.models import Channel
from publishing import dialling
from publishing.models import SignIn
from publishing.ticking import forget
from tests.contract.stand_ins.serving import serving
from tests.contract.stand_ins.strict_mastodon import StrictMastodon
from tests.contract.stand_ins.strict_x import StrictX
from tests.desk.travelling import SECRET, again, back, begin, connected, enter, go, said
from tests.desk.travelling import here as here  # noqa: PLC0414
from tests.desk.travelling import lumiere as lumiere  # noqa: PLC0414
from tests.desk.travelling import mastodon as mastodon  # noqa: PLC0414
from tests.desk.travelling import x as x  # noqa: PLC0414
from tests.staging import House, house

pytestmark = pytest.mark.django_db


# --- What must not work -----------------------------------------------------------------------------
def refused(answer: Any) -> bool:
    """Not a word to whom: one sentence for all, and nothing was done."""
    assert answer.status_code == 422
    assert "This sign-in is over, or was begun in another place" in unescape(answer.content.decode())
    return not Channel.objects.exists()


@pytest.fixture
def olga(lumiere: House) -> Client:
    """The browser that she goes with."""
    return enter(lumiere.olga)


@pytest.fixture
def location(olga: Client, mastodon: StrictMastodon) -> str:
    """Where Olga is sent back to."""
    return go(begin(olga, "mastodon", mastodon))


def test_a_code_is_taken_once(lumiere: House, mastodon: StrictMastodon, location: str, olga: Client):
    assert "is connected" in said(back(olga, location))
    Channel.objects.update(name="Avant")
    assert back(olga, location).status_code == 422
    assert Channel.objects.count() == 1
    assert len(mastodon.authority.traded) == 1


@pytest.mark.parametrize("state", [None, "", "guessed", "x" * 5000, "\x00"])
def test_a_state_that_we_did_not_give_is_refused(
    lumiere: House, location: str, state: str | None, olga: Client
):
    assert refused(back(olga, location, state=state))


def test_another_browser_of_the_same_person_is_refused(
    lumiere: House, mastodon: StrictMastodon, location: str
):
    """Somebody who makes Olga's browser open the end of a sign-in of theirs: CSRF at the callback."""
    assert refused(back(enter(lumiere.olga), location))
    assert mastodon.authority.traded == []


def test_another_person_is_refused(lumiere: House, mastodon: StrictMastodon, location: str):
    Membership.objects.filter(user=lumiere.marc).update(is_owner=True)
    marc = enter(lumiere.marc)
    begin(marc, "mastodon", mastodon, "De Marc")
    assert refused(back(marc, location))
    assert mastodon.authority.traded == []


def test_who_is_no_owner_or_of_another_brand_is_refused(
    lumiere: House, mastodon: StrictMastodon, location: str
):
    assert back(enter(lumiere.ines), location).status_code == 403
    assert refused(back(enter(house("autre-maison").olga), location))
    assert begin(enter(lumiere.ines), "mastodon", mastodon).status_code == 403
    assert back(Client(), location).headers["Location"].startswith(reverse("account_login"))
    assert mastodon.authority.traded == []


def test_who_is_no_owner_any_more_when_they_come_back_is_refused(lumiere: House, location: str, olga: Client):
    Membership.objects.filter(user=lumiere.olga).update(is_owner=False)
    assert back(olga, location).status_code == 403
    assert not Channel.objects.exists()


def test_a_sign_in_begun_for_one_brand_is_not_ended_for_another(lumiere: House, location: str, olga: Client):
    other = house("autre-maison")
    Membership.objects.create(user=lumiere.olga, brand=other.brand, is_owner=True)
    olga.post(reverse("switch_brand"), {"brand": other.brand.slug})
    assert refused(back(olga, location))


def test_it_is_over_after_ten_minutes(lumiere: House, location: str, olga: Client):
    left = SignIn.objects.get().expires_at - database_now()
    assert timedelta(minutes=9) < left <= timedelta(minutes=10)
    SignIn.objects.update(expires_at=database_now() - timedelta(seconds=1))
    assert refused(back(olga, location))


def test_the_tick_forgets_what_nobody_came_back_from(location: str):
    forget()
    assert SignIn.objects.count() == 1
    SignIn.objects.update(expires_at=database_now() - timedelta(seconds=1))
    forget()
    assert not SignIn.objects.exists()


def test_another_channels_sign_in_is_not_this_ones(lumiere: House, mastodon: StrictMastodon):
    """The channel, the network and the server stand in the row, and nothing that comes back chooses them."""
    olga = enter(lumiere.olga)
    channel = connected(olga, "mastodon", mastodon)
    location = go(again(olga, channel))
    answer = back(olga, location, channel="999", name="Autre", network="x", next="https://evil.example/")
    assert answer.headers["Location"] == reverse("channels")
    assert Channel.objects.count() == 1


def test_a_code_of_one_server_is_never_shown_to_another(lumiere: House, mastodon: StrictMastodon):
    """The mix-up: a server of the attacker's sends the browser on to an honest one, where we are known."""
    honest = StrictMastodon()
    with serving(honest):
        connected(enter(house("autre-maison").olga), "mastodon", honest, "Honnête")
        app, client = next(iter(honest.authority.clients.items()))
        olga = enter(lumiere.olga)
        asked = parse_qs(urlsplit(begin(olga, "mastodon", mastodon).context["url"]).query)
        forged = {name: values[0] for name, values in asked.items()}
        forged |= {"client_id": app, "redirect_uri": client.redirect_uri}
        sent = httpx.get(f"{honest.base_url}/oauth/authorize?{urlencode(forged)}", follow_redirects=False)
        answer = back(olga, sent.headers["Location"])
        assert answer.status_code == 422
        assert mastodon.authority.traded == []
        assert len(honest.authority.traded) == 1


@pytest.mark.parametrize(
    ("iss", "taken"), [("", True), ("https://evil.example/", False), ("no-slash", False), (None, False)]
)
def test_who_answers_is_who_was_asked(lumiere: House, mastodon: StrictMastodon, iss: str | None, taken: bool):
    mastodon.says_so = True
    olga = enter(lumiere.olga)
    location = go(begin(olga, "mastodon", mastodon))
    if iss == "no-slash":
        iss = mastodon.base_url
    changes = {} if iss == "" else {"iss": iss}
    answer = back(olga, location, **changes)
    assert Channel.objects.exists() is taken, said(answer)
    if not taken:
        assert "Another server answered" in said(answer)
        assert mastodon.authority.traded == []


@pytest.mark.parametrize("code", [None, "", "forged", "x" * 5000, "a\nb"])
def test_a_code_that_the_network_did_not_give(lumiere: House, location: str, code: str | None, olga: Client):
    answer = back(olga, location, code=code)
    assert answer.status_code == 302
    assert "begin it again" in said(answer)
    assert not Channel.objects.exists()


def test_the_verifier_is_demanded(lumiere: House, mastodon: StrictMastodon, location: str, olga: Client):
    """The stand-in checks it: a code that was stolen is no good with another sign-in's verifier."""
    stolen = parse_qs(urlsplit(location).query)["code"][0]
    other = go(begin(olga, "mastodon", mastodon, "Deux"))
    answer = back(olga, other, code=stolen)
    assert "did not accept this sign-in" in said(answer)
    assert not Channel.objects.exists()


@pytest.mark.parametrize(
    "address",
    [
        "http://u:p@127.0.0.1",
        "ftp://mastodon.example",
        "https://",
        "https://a b",
        "https://[::1",
        "\\\\evil",
        "x" * 300,
    ],
)
def test_an_address_that_is_none(lumiere: House, address: str):
    typed = {"name": "Nouveau", "base_url": address}
    answer = enter(lumiere.olga).post(reverse("channel_sign_in", args=["mastodon"]), typed)
    assert answer.status_code == 422
    assert not SignIn.objects.exists()


def test_a_server_on_a_private_address_is_not_asked(lumiere: House, mastodon: StrictMastodon, settings: Any):
    settings.ALLOW_PRIVATE_HOSTS = frozenset()
    dialling.client.cache_clear()
    try:
        for host in (mastodon.base_url, "https://127.0.0.1", "https://169.254.169.254", "https://[::1]"):
            typed = {"name": "Nouveau", "base_url": host}
            answer = enter(lumiere.olga).post(reverse("channel_sign_in", args=["mastodon"]), typed)
            assert answer.status_code == 422
            wrong = str(answer.context["sign_in"].errors["base_url"])
            assert "private one" in wrong or "use https://" in wrong, (host, wrong)
    finally:
        dialling.client.cache_clear()
    assert mastodon.authority.clients == {}


def test_a_huge_answer_is_not_read(lumiere: House, mastodon: StrictMastodon):
    mastodon.pads = 3 * 1024 * 1024
    answer = begin(enter(lumiere.olga), "mastodon", mastodon)
    assert answer.status_code == 422
    assert not SignIn.objects.exists()


def test_the_desk_must_be_open_at_the_address_that_networks_know(
    lumiere: House, mastodon: StrictMastodon, settings: Any
):
    settings.BASE_URL = "https://queue.example"
    answer = begin(enter(lumiere.olga), "mastodon", mastodon)
    assert answer.status_code == 422
    assert "Open CM Queue at https://queue.example" in unescape(answer.content.decode())


def test_a_name_that_is_taken_is_said_before_anybody_is_sent(lumiere: House, mastodon: StrictMastodon):
    lumiere.connect("console", "console")
    answer = begin(enter(lumiere.olga), "mastodon", mastodon, "console")
    assert answer.status_code == 422
    assert "already has a channel" in unescape(answer.content.decode())
    assert mastodon.authority.clients == {}


def test_only_the_form_begins_and_only_a_visit_ends(lumiere: House, location: str, olga: Client):
    assert olga.get(reverse("channel_sign_in", args=["mastodon"])).status_code == 405
    assert olga.post(location).status_code == 405
    assert olga.head(location).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(lumiere.olga)
    assert begin(strict, "x").status_code == 403
    assert not Channel.objects.exists()


def test_no_secret_shows_in_journal_page_or_log(
    lumiere: House, x: StrictX, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
):
    olga = enter(lumiere.olga)
    location = go(begin(olga, "x"))
    code = parse_qs(urlsplit(location).query)["code"][0]
    back(olga, location)
    back(olga, location)
    back(Client(), location)
    verifier = x.authority.traded[0]["code_verifier"]
    shown = repr(list(Entry.objects.values())) + repr(list(Personal.objects.values()))
    shown += olga.get(reverse("channels")).content.decode()
    out, err = capfd.readouterr()
    logged = caplog.text + out + err
    for secret in (x.access, x.refresh, SECRET, verifier, code):
        assert secret not in shown
        assert secret not in logged
    made = Entry.objects.get(verb="channel.add")
    assert made.data["how"] == "signed in"
