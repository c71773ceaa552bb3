"""Signing in at a network, through the pages and over real HTTP to strict stand-ins: there and back, with one account
or several; and a change of mind on the way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.urls import reverse

from accounts.clock import database_now
from posts.models import Channel
from publishing.dialling import secret_of
from publishing.models import ChannelHealth, ChannelSecret, NetworkApp, SignIn
from tests.casting import Cast
from tests.casting import cast as cast  # noqa: PLC0414
from tests.contract.stand_ins.serving import serving
from tests.contract.stand_ins.strict_facebook import PAGE
from tests.contract.stand_ins.strict_graph import CLIENT as META_CLIENT
from tests.contract.stand_ins.strict_graph import CLIENT_SECRET as META_SECRET
from tests.contract.stand_ins.strict_linkedin import CLIENT_SECRET, ORGANIZATION, StrictLinkedIn
from tests.contract.stand_ins.strict_mastodon import TOKEN, StrictMastodon
from tests.contract.stand_ins.strict_meta_login import INSTAGRAM, StrictFacebookLogin, StrictThreadsLogin
from tests.contract.stand_ins.strict_x import StrictX
from tests.desk.travelling import HERE, ID, SECRET, again, back, begin, connected, enter, go, said
from tests.desk.travelling import here as here  # noqa: PLC0414
from tests.desk.travelling import linkedin as linkedin  # noqa: PLC0414
from tests.desk.travelling import lumiere as lumiere  # noqa: PLC0414
from tests.desk.travelling import mastodon as mastodon  # noqa: PLC0414
from tests.desk.travelling import x as x  # noqa: PLC0414
from tests.staging import House, house

pytestmark = pytest.mark.django_db


# --- The way of Mastodon --------------------------------------------------------------------------
def test_a_mastodon_account_is_connected_by_signing_in(lumiere: House, mastodon: StrictMastodon):
    olga = enter(lumiere.olga)
    location = go(begin(olga, "mastodon", mastodon))
    host = urlsplit(mastodon.base_url).netloc
    assert urlsplit(location).path == f"/channels/return/mastodon/{host}/"
    answer = back(olga, location)
    assert said(answer) == "Nouveau is connected."
    channel = Channel.objects.get(name="Nouveau")
    assert (channel.account, channel.handle) == ("https://strict.example#110", "@maison@strict.example")
    assert channel.settings == {"base_url": mastodon.base_url}
    assert mastodon.tokens[secret_of(channel)] == "110"
    assert ChannelHealth.objects.get(channel=channel).ok
    assert not SignIn.objects.exists()


def test_only_what_is_needed_is_asked_for_and_the_verifier_stays_here(
    lumiere: House, mastodon: StrictMastodon
):
    page = begin(enter(lumiere.olga), "mastodon", mastodon)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(page.context["url"]).query).items()}
    assert asked["scope"] == "read:accounts read:search read:statuses write:media write:statuses"
    assert asked["code_challenge_method"] == "S256"
    kept = repr(list(SignIn.objects.values())) + repr(list(NetworkApp.objects.values()))
    assert asked["state"] not in kept
    assert "s3cret-of" not in kept
    go(page)
    assert mastodon.authority.codes


def test_a_server_before_4_3_has_neither_pkce_nor_a_description(lumiere: House, mastodon: StrictMastodon):
    mastodon.describes_itself, mastodon.authority.pkce = False, "unknown"
    assert connected(enter(lumiere.olga), "mastodon", mastodon).account


@pytest.mark.parametrize("form", ["{host}", "@maison@{host}", "maison@{host}", "https://{host}/@maison"])
def test_what_people_know_of_their_server_will_do(lumiere: House, form: str):
    typed = {"name": "Nouveau", "base_url": form.format(host="127.0.0.1:9")}
    answer = enter(lumiere.olga).post(reverse("channel_sign_in", args=["mastodon"]), typed)
    assert answer.status_code == 422
    html = unescape(answer.content.decode())
    assert "could not be reached" in html
    assert f'value="{typed["base_url"]}"' in html


def test_the_app_is_registered_once_for_all_brands_and_anew_when_it_is_forgotten(
    lumiere: House, mastodon: StrictMastodon
):
    connected(enter(lumiere.olga), "mastodon", mastodon)
    assert len(mastodon.authority.clients) == 1
    other = enter(house("autre-maison").olga)
    mastodon.signs_in = "111"
    connected(other, "mastodon", mastodon, "Ailleurs")
    assert len(mastodon.authority.clients) == 1
    mastodon.authority.clients.clear()
    mastodon.signs_in = "112"
    connected(other, "mastodon", mastodon, "Encore")
    assert len(mastodon.authority.clients) == 1
    assert NetworkApp.objects.count() == 1


def test_an_app_forgotten_on_the_way_is_forgotten_here_too(lumiere: House, mastodon: StrictMastodon):
    olga = enter(lumiere.olga)
    location = go(begin(olga, "mastodon", mastodon))
    mastodon.authority.clients.clear()
    assert "begin again" in said(back(olga, location))
    assert not NetworkApp.objects.exists()
    assert not Channel.objects.exists()
    assert connected(olga, "mastodon", mastodon).account


def test_another_address_of_ours_makes_us_known_anew(lumiere: House, mastodon: StrictMastodon, settings: Any):
    connected(enter(lumiere.olga), "mastodon", mastodon)
    NetworkApp.objects.update(redirect_uri="http://old.example/channels/return/mastodon/x/")
    mastodon.signs_in = "111"
    connected(enter(lumiere.olga), "mastodon", mastodon, "Autre")
    assert len(mastodon.authority.clients) == 2


# --- X, and LinkedIn's pages ------------------------------------------------------------------------
def test_an_x_account_is_connected_and_the_operators_secret_is_no_part_of_it(lumiere: House, x: StrictX):
    channel = connected(enter(lumiere.olga), "x", x)
    assert channel.account == "https://x.com#2244994945"
    kept = json.loads(secret_of(channel))
    assert SECRET not in json.dumps(kept)
    assert (kept["client_id"], kept["refresh_token"]) == (ID, x.refresh)
    stored = ChannelSecret.objects.get(channel=channel)
    # What a sign-in just brought is not traded at once.
    assert stored.renew_at is not None
    assert stored.renew_at > database_now() + timedelta(minutes=60)
    assert ChannelHealth.objects.get(channel=channel).ok


def test_the_pages_of_linkedin_are_offered_and_one_is_chosen(lumiere: House, linkedin: StrictLinkedIn):
    olga = enter(lumiere.olga)
    answer = back(olga, go(begin(olga, "linkedin")))
    sign_in = SignIn.objects.get()
    assert answer.headers["Location"] == reverse("channel_choose", args=[sign_in.pk])
    assert linkedin.access not in repr(list(SignIn.objects.values()))
    page = answer.headers["Location"]
    html = unescape(olga.get(page).content.decode())
    assert "Maison Lumière" in html
    assert linkedin.access not in html
    assert olga.post(page, {}).status_code == 422
    assert olga.post(page, {"account": "https://www.linkedin.com#666"}).status_code == 422
    assert enter(lumiere.victor).get(page).status_code == 403
    assert enter(lumiere.olga).get(page).status_code == 404, "another browser of the same person"
    olga.post(page, {"account": f"https://www.linkedin.com#{ORGANIZATION}"})
    channel = Channel.objects.get(name="Nouveau")
    assert channel.settings["organization"] == ORGANIZATION
    assert channel.handle == "Maison Lumière"
    assert ChannelHealth.objects.get(channel=channel).ok
    assert CLIENT_SECRET not in secret_of(channel)
    assert not SignIn.objects.exists()
    assert olga.get(page).status_code == 404


def test_nobody_chooses_after_ten_minutes(lumiere: House, linkedin: StrictLinkedIn):
    olga = enter(lumiere.olga)
    page = back(olga, go(begin(olga, "linkedin"))).headers["Location"]
    SignIn.objects.update(expires_at=database_now() - timedelta(seconds=1))
    assert olga.post(page, {"account": f"https://www.linkedin.com#{ORGANIZATION}"}).status_code == 422
    assert not Channel.objects.exists()


def test_where_nothing_is_entered_a_token_is_pasted(lumiere: House):
    olga = enter(lumiere.olga)
    html = unescape(olga.get(reverse("add_channel", args=["x"])).content.decode())
    assert "whoever runs this installation" in html
    assert reverse("channel_sign_in", args=["x"]) not in html
    assert 'name="secret"' in html
    assert begin(olga, "x").status_code == 404


def test_pasting_stays_possible_beside_signing_in(lumiere: House, mastodon: StrictMastodon):
    olga = enter(lumiere.olga)
    page = reverse("add_channel", args=["mastodon"])
    html = unescape(olga.get(page).content.decode())
    assert reverse("channel_sign_in", args=["mastodon"]) in html
    assert 'name="secret"' in html
    answer = olga.post(page, {"name": "Collé", "set-base_url": mastodon.base_url, "secret": TOKEN})
    assert said(answer) == "Collé is connected."


# --- Meta ------------------------------------------------------------------------------------------
FACEBOOK = "pages_manage_posts pages_read_engagement pages_show_list"
INSTAGRAMS = "instagram_basic instagram_content_publish pages_read_engagement pages_show_list"


@pytest.fixture
def meta(request: pytest.FixtureRequest, settings: Any) -> Iterator[StrictFacebookLogin]:
    network, scopes = request.param
    server = StrictFacebookLogin(f"{HERE}/channels/return/{network}/", scopes)
    settings.NETWORK_APPS = {network: (META_CLIENT, META_SECRET, server.base_url)}
    with serving(server):
        yield server


@pytest.mark.parametrize("meta", [("facebook", FACEBOOK)], indirect=True, ids=["facebook"])
def test_a_page_is_chosen_and_its_token_does_not_end(lumiere: House, meta: StrictFacebookLogin):
    olga = enter(lumiere.olga)
    answer = back(olga, go(begin(olga, "facebook")))
    page = answer.headers["Location"]
    assert page.startswith("/channels/choose/"), said(answer)
    olga.post(page, {"account": f"https://www.facebook.com#{PAGE}"})
    channel = Channel.objects.get()
    kept = json.loads(secret_of(channel))
    assert channel.settings["page"] == PAGE
    assert meta.owners[kept["access_token"]] == PAGE
    assert kept["user_access_token"] not in {"", "EAAshort1"}
    assert META_SECRET not in secret_of(channel)
    health = ChannelHealth.objects.get(channel=channel)
    assert (health.ok, health.problem, health.expires_at) == (True, "", None)
    assert "is connected" in said(back(olga, go(again(olga, channel)))), "and again without a choice"


@pytest.mark.parametrize("meta", [("instagram", INSTAGRAMS)], indirect=True, ids=["instagram"])
def test_the_instagram_account_of_a_page_is_connected(lumiere: House, meta: StrictFacebookLogin):
    channel = connected(enter(lumiere.olga), "instagram", meta)
    assert channel.account == f"https://www.instagram.com#{INSTAGRAM}"
    assert channel.settings["account"] == INSTAGRAM
    assert META_SECRET not in secret_of(channel)
    health = ChannelHealth.objects.get(channel=channel)
    assert health.ok, health.problem
    assert health.expires_at is not None


@pytest.mark.parametrize("meta", [("facebook", FACEBOOK)], indirect=True, ids=["facebook"])
def test_a_right_that_was_taken_away_in_metas_dialog_is_said(lumiere: House, meta: StrictFacebookLogin):
    meta.authority.gives = "pages_read_engagement pages_show_list"
    olga = enter(lumiere.olga)
    assert "fewer rights" in said(back(olga, go(begin(olga, "facebook"))))
    meta.authority.gives, meta.tasks = "", ["MODERATE"]
    assert "no account here" in said(back(olga, go(begin(olga, "facebook"))))
    assert not Channel.objects.exists()


def test_a_threads_profile_is_connected_with_a_token_that_lasts(lumiere: House, settings: Any):
    rights = (
        "threads_basic threads_content_publish threads_delete threads_manage_replies threads_read_replies"
    )
    server = StrictThreadsLogin(f"{HERE}/channels/return/threads/", rights)
    settings.NETWORK_APPS = {"threads": (META_CLIENT, META_SECRET, server.base_url)}
    with serving(server):
        channel = connected(enter(lumiere.olga), "threads", server)
    kept = json.loads(secret_of(channel))
    assert kept["access_token"] != "THAAshort1"
    assert META_SECRET not in secret_of(channel)
    health = ChannelHealth.objects.get(channel=channel)
    assert health.ok, health.problem
    assert health.expires_at is not None
    assert health.expires_at > database_now() + timedelta(days=50)


# --- A change of mind -------------------------------------------------------------------------------
def test_a_no_comes_back_to_the_page_with_what_was_typed(lumiere: House, mastodon: StrictMastodon):
    mastodon.authority.refuses = "access_denied"
    olga = enter(lumiere.olga)
    answer = back(olga, go(begin(olga, "mastodon", mastodon)))
    assert "nothing is lost" in said(answer)
    html = unescape(olga.get(answer.headers["Location"]).content.decode())
    assert 'value="Nouveau"' in html
    assert f'value="{mastodon.base_url}"' in html
    assert not Channel.objects.exists()
    assert not SignIn.objects.exists()


def test_rights_that_were_not_given_are_said(lumiere: House, mastodon: StrictMastodon):
    mastodon.authority.gives = "read:accounts read:statuses"
    olga = enter(lumiere.olga)
    assert "fewer rights" in said(back(olga, go(begin(olga, "mastodon", mastodon))))
    assert not Channel.objects.exists()


# --- Who they are, again ----------------------------------------------------------------------------
def test_where_decisions_are_re_authenticated_signing_in_is_too(cast: Cast, mastodon: StrictMastodon):
    cast.adopt("regulated")
    cast.olga.set_password("correct horse battery")
    cast.olga.save(update_fields=["password"])
    olga = enter(cast.olga)
    asked = begin(olga, "mastodon", mastodon)
    assert asked.headers["Location"].startswith(reverse("account_reauthenticate"))
    assert not SignIn.objects.exists()
    page = olga.post(asked.headers["Location"], {"password": "correct horse battery"})
    assert "is connected" in said(back(olga, go(page)))


def test_a_pasted_secret_is_never_kept_while_somebody_is_asked(cast: Cast, mastodon: StrictMastodon):
    """What is posted before the answer waits in the session, which is not encrypted."""
    cast.adopt("regulated")
    cast.olga.set_password("correct horse battery")
    cast.olga.save(update_fields=["password"])
    olga, page = enter(cast.olga), reverse("add_channel", args=["mastodon"])
    asked = olga.post(page, {"name": "Collé", "set-base_url": mastodon.base_url, "secret": TOKEN})
    assert asked.headers["Location"] == page
    asked = olga.get(page)
    assert asked.headers["Location"].startswith(reverse("account_reauthenticate"))
    assert TOKEN not in repr(dict(olga.session.items()))
    olga.post(asked.headers["Location"], {"password": "correct horse battery"})
    answer = olga.post(page, {"name": "Collé", "set-base_url": mastodon.base_url, "secret": TOKEN})
    assert said(answer).endswith("Collé is connected.")
