"""The pages of the rules: in force, proposed, confirmed by a second person, the presets on this team."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Membership
from approvals.legislating import confirm, propose
from approvals.models import Acknowledgement, Decision, Policy, PolicyState
from approvals.policy import PRESETS, read_rules
from posts.lifecycle import PostState
from posts.models import Post
from tests.approvals.test_legislating import routine_by
from tests.casting import Cast, digest_of, fresh
from tests.casting import cast as cast  # noqa: PLC0414
from tests.desk.entering import enter
from tests.tampering import past_the_triggers

pytestmark = pytest.mark.django_db
POLICY, PROPOSE, PRESETS_PAGE = reverse("policy"), reverse("policy_propose"), reverse("policy_presets")


def shown(answer: Any, status: int = 200) -> str:
    assert answer.status_code == status, answer.content[:500]
    return re.sub(r"\s+", " ", unescape(answer.content.decode()))


def filled_in(client: Client, url: str = PROPOSE, **changed: str) -> dict[str, str]:
    """What a browser would send of the form as it was served, with some fields changed."""
    html = client.get(url).content.decode()
    sent: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*>", html):
        name = re.search(r'name="([^"]+)"', tag)
        if not name or name[1] in {"csrfmiddlewaretoken", "language", "next", "brand"}:
            continue
        if 'type="checkbox"' in tag and " checked" not in tag:
            continue
        value = re.search(r'value="([^"]*)"', tag)
        sent[name[1]] = unescape(value[1]) if value else "on"
    for name, inner in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', html, re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)"[^>]*selected', inner)
        sent[name] = unescape(chosen[1]) if chosen else ""
    return {**sent, "reason": "Deux paires d’yeux.", **changed}


def latest(cast: Cast) -> Policy:
    return Policy.objects.filter(brand=cast.brand).order_by("-number")[0]


def test_the_rules_in_force_stand_in_a_table(cast: Cast):
    html = shown(enter(cast, "ines").get(POLICY))
    row = html[html.index('<th scope="row">Routine post') :].split("</tr>")[0]
    for words in ("craft: entrusted", "each network: entrusted", "company: entrusted", "1 person", "45"):
        assert words in row, words
    crisis = html[html.index('<th scope="row">Crisis statement') :].split("</tr>")[0]
    assert "2 × crisis: entrusted" in crisis
    assert "A qualified person presses release." in crisis
    assert 'class="st wait"' in crisis
    assert "A light correction" in html
    assert "Propose other rules" not in html, "an intern is not offered what would be refused"


def test_the_form_as_served_proposes_the_rules_in_force(cast: Cast):
    olga = enter(cast, "olga")
    answer = olga.post(PROPOSE, filled_in(olga))
    assert answer.status_code == 302, unescape(answer.content.decode())[:3000]
    assert read_rules(latest(cast).rules) == read_rules(PRESETS["team"])
    assert "Nothing: these are the rules in force." in shown(olga.get(POLICY))


@pytest.mark.parametrize("preset", PRESETS)
def test_each_preset_is_proposed_whole(cast: Cast, preset: str):
    url, nadia = f"{PROPOSE}?preset={preset}", enter(cast, "nadia")
    assert nadia.post(url, filled_in(nadia, url)).status_code == 302
    assert read_rules(latest(cast).rules) == read_rules(PRESETS[preset])


def test_case_26_a_proposal_is_replayed_and_confirmed_by_a_second_person(cast: Cast):
    post = cast.approved()
    olga, nadia = enter(cast, "olga"), enter(cast, "nadia")
    olga.post(PROPOSE, filled_in(olga, **{"routine-people": "2"}))
    made = latest(cast)
    assert made.state == PolicyState.PROPOSED
    html = shown(nadia.get(POLICY))
    assert "A proposal waits for a second person." in html
    assert "2 distinct people instead of 1" in html
    assert "Of the last decided post: 1 would have been stopped, 0 let through, 0 as before." in html
    assert "Deux paires d’yeux." in html
    assert reverse("confirm_policy", args=[made.pk]) in html
    answer = nadia.post(reverse("confirm_policy", args=[made.pk]), {"seen": "1"})
    assert answer.status_code == 302
    assert latest(cast).state == PolicyState.ACTIVE
    assert fresh(post).lifecycle == PostState.HELD
    history = shown(nadia.get(POLICY))
    assert "Confirmed by Nadia" in history
    assert "Superseded" in history


def test_case_27_author_loosens_the_policy_alone(cast: Cast):
    post, nadia = cast.submitted(author=cast.nadia), enter(cast, "nadia")
    url = f"{PROPOSE}?preset=duo"
    assert nadia.post(url, filled_in(nadia, url)).status_code == 302
    made = latest(cast)
    html = shown(nadia.get(POLICY))
    assert "You proposed it, so somebody else confirms it" in html
    assert reverse("confirm_policy", args=[made.pk]) not in html
    refused = shown(nadia.post(reverse("confirm_policy", args=[made.pk])), 403)
    assert "It takes a second person" in refused
    assert Policy.objects.get(brand=cast.brand, state=PolicyState.ACTIVE).number == 1
    assert fresh(post).lifecycle == PostState.IN_REVIEW


def test_whoever_may_not_propose_is_told_who_does(cast: Cast):
    for who in ("ines", "marc"):
        answer = enter(cast, who).get(PROPOSE)
        assert answer.status_code == 403
        assert "Only an owner or a mentor of the craft" in shown(answer, 403)
        assert enter(cast, who).post(PROPOSE, {"reason": "x"}).status_code == 403
    assert Policy.objects.filter(brand=cast.brand).count() == 1


def test_case_25_empty_requirements_come_back_at_their_kind(cast: Cast):
    olga = enter(cast, "olga")
    emptied = {name: "" for name in filled_in(olga) if re.fullmatch(r"routine-needs-\d+-domain", name)}
    html = shown(olga.post(PROPOSE, filled_in(olga, **emptied)), 422)
    section = html[html.index("<h2>Routine post") : html.index("<h2>Launch")]
    assert "At least one is needed." in section
    assert "Deux paires d’yeux." in html, "what was typed is kept"
    assert Policy.objects.filter(brand=cast.brand).count() == 1
    html = shown(olga.post(PROPOSE, filled_in(olga, **{"routine-people": "0"})), 422)
    assert "greater than or equal to 1" in html
    assert "is required" in shown(olga.post(PROPOSE, filled_in(olga, reason="")), 422)


def test_a_row_more_asks_for_more(cast: Cast):
    olga = enter(cast, "olga")
    more = {
        "reply-needs-3-domain": "topic:legal", "reply-needs-3-level": "3", "reply-needs-3-n": "2",
        "facets-0-facet": f"product:{cast.lamp}", "facets-0-domain": "crisis",
        "facets-0-level": "1", "facets-0-n": "1",
    }  # fmt: skip
    assert olga.post(PROPOSE, filled_in(olga, **more)).status_code == 302
    rules = latest(cast).rules
    assert {"domain": "topic:legal", "level": 3, "n": 2} in rules["kinds"]["reply"]["requirements"]
    assert rules["facets"] == {f"product:{cast.lamp}": [{"domain": "crisis", "level": 1, "n": 1}]}
    assert rules["preset"] == "own"


def test_a_proposal_is_dropped_and_a_stale_one_not_confirmed(cast: Cast):
    first = propose(cast.olga, cast.brand, routine_by(2), "Un.")
    second = propose(cast.olga, cast.brand, routine_by(3), "Deux.")
    nadia = enter(cast, "nadia")
    assert nadia.post(reverse("drop_policy", args=[first.pk]), {"reason": "Non."}).status_code == 302
    third = propose(cast.olga, cast.brand, routine_by(2), "Trois.")
    confirm(cast.hugo, third.pk)
    html = shown(nadia.post(reverse("confirm_policy", args=[second.pk]), {"seen": "1"}), 409)
    assert "Other rules came into force since you read this proposal." in html
    assert "Dropped by Nadia" in html


def test_another_brand_s_proposal_is_not_here(cast: Cast):
    made, zoe = propose(cast.olga, cast.brand, routine_by(2), "Un."), enter(cast, "stranger")
    for name in ("confirm_policy", "drop_policy", "note_policy"):
        assert zoe.post(reverse(name, args=[made.pk]), {"kind": "crisis"}).status_code == 404
        assert enter(cast, "nadia").get(reverse(name, args=[made.pk])).status_code == 405
    assert "Deux paires" not in shown(zoe.get(POLICY))
    assert Client().get(POLICY).status_code == 302


def test_what_nobody_could_satisfy_is_red_until_an_owner_takes_note(cast: Cast):
    cast.adopt("agency")
    olga = enter(cast, "olga")
    html = shown(olga.get(POLICY))
    assert "5 kinds of post cannot go out today." in html
    row = html[html.index('<th scope="row">Routine post') :].split("</tr>")[0]
    assert 'class="st stop"' in row
    assert "not enough people for client" in row
    assert "I know: leave it so" not in shown(enter(cast, "nadia").get(POLICY))
    note = reverse("note_policy", args=[latest(cast).pk])
    assert enter(cast, "nadia").post(note, {"kind": "routine"}).status_code == 403
    assert olga.post(note, {"kind": "routine"}).status_code == 302
    made = Acknowledgement.objects.get()
    assert (made.kind, made.lacking, made.user) == ("routine", ["topic:client"], cast.olga)
    html = shown(olga.get(POLICY))
    assert "4 kinds of post cannot go out today." in html
    row = html[html.index('<th scope="row">Routine post') :].split("</tr>")[0]
    assert 'class="st stop"' not in row
    assert "nobody, as noted" in row


def test_rules_that_cannot_be_read_are_said(cast: Cast):
    with past_the_triggers():
        Policy.objects.filter(brand=cast.brand).update(rules={"preset": "x", "kinds": {}})
    html = shown(enter(cast, "olga").get(POLICY))
    assert "Nothing can go out" in html
    assert "rules.kinds" in html


def test_the_presets_say_what_they_mean_for_this_team(cast: Cast):
    html = shown(enter(cast, "marc").get(PRESETS_PAGE))
    assert "for the 7 people who are here today" in html
    duo = html[html.index('id="h-duo"') : html.index('id="h-team"')]
    assert "somebody else must still have read and approved these very words" in duo
    agency = html[html.index('id="h-agency"') : html.index('id="h-regulated"')]
    assert "Could not:" in agency
    assert "not enough people for client" in agency
    team = html[html.index('id="h-team"') : html.index('id="h-agency"')]
    assert "in force" in team
    assert "Could go out today:" in team
    Membership.objects.filter(brand=cast.brand).exclude(user__in=[cast.ines, cast.nadia]).update(
        is_active=False
    )
    html = shown(enter(cast, "ines").get(PRESETS_PAGE))
    team = html[html.index('id="h-team"') : html.index('id="h-agency"')]
    assert "Could go out today:</b> routine post, reply." in team
    assert "It hangs on each of" in team or "It hangs on Nadia alone." in team


# --- Decisions re-authenticated ------------------------------------------------------------------------
def word(post: Post, decision: str = "approve") -> dict[str, str]:
    return {"decision": decision, "digest": digest_of(post)}


def test_under_regulated_whoever_decides_says_again_who_they_are(cast: Cast):
    cast.adopt("regulated")
    post = cast.submitted()
    cast.nadia.set_password("correct horse battery")
    cast.nadia.save(update_fields=["password"])
    nadia = enter(cast, "nadia")
    decide = reverse("decide", args=[post.pk])
    answer = nadia.post(decide, word(post))
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(reverse("account_reauthenticate"))
    assert not Decision.objects.exists()
    wrong = nadia.post(answer.headers["Location"], {"password": "wrong"})
    assert wrong.status_code == 200
    assert not Decision.objects.exists()
    nadia.post(answer.headers["Location"], {"password": "correct horse battery"})
    assert Decision.objects.get().user == cast.nadia, "and what was sent goes on by itself"
    other = cast.submitted("Un autre.")
    assert nadia.post(decide.replace(str(post.pk), str(other.pk)), word(other)).status_code == 302
    assert Decision.objects.count() == 2, "for a quarter of an hour nobody is asked again"


def test_under_the_other_presets_nobody_is_asked(cast: Cast):
    post = cast.submitted()
    cast.nadia.set_password("correct horse battery")
    cast.nadia.save(update_fields=["password"])
    enter(cast, "nadia").post(reverse("decide", args=[post.pk]), word(post))
    assert Decision.objects.count() == 1


def test_the_evidence_stands_on_the_post_s_page(cast: Cast):
    post = cast.submitted()
    assert "What its approval rests on" not in shown(enter(cast, "ines").get(reverse("post", args=[post.pk])))
    cast.say("nadia", post)
    html = shown(enter(cast, "ines").get(reverse("post", args=[post.pk])))
    part = html[html.index('id="permit"') :].split("</section>")[0]
    for words in (
        "What its approval rests on",
        "Nadia",
        "Craft",
        "granted by Olga",
        "under version 1 of the rules",
    ):
        assert words in part, words
