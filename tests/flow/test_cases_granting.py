"""The cases of gate.md in which something is granted: a light correction (3, 4), a split (5), an override (22),
another policy (27), expertise (33); each through the API and through the page."""

from __future__ import annotations

import pytest

from approvals.models import Credential, Decision, Override, Policy, PolicyState
from approvals.policy import PRESETS, read_rules
from posts.lifecycle import PostState
from posts.models import Comment, Contribution, Post
from tests.casting import Cast, fresh
from tests.flow.doors import Answer, ByApi, Door
from tests.flow.test_cases_writing import done, refused_as_contributor

MISSPELT = "Trois gestes pour netoyer un abat-jour."
SPELT = "Trois gestes pour nettoyer un abat-jour."


# --- Light corrections -----------------------------------------------------------------------------------
def test_case_03_a_light_correction_then_approves(door: Door):
    post = door.submitted(text=MISSPELT)
    done(door.edit("nadia", post, text=SPELT))
    assert Contribution.objects.get(post=post, user__name="Nadia").light
    done(door.say("nadia", post))
    assert door.sees("ines", post).open
    assert fresh(post).lifecycle == PostState.SCHEDULED


@pytest.mark.parametrize(
    "text", ["Trois gestes pour ne pas netoyer un abat-jour.", "Deux gestes pour netoyer."]
)
def test_case_03_more_than_a_light_correction_is_writing(door: Door, text: str):
    post = door.submitted(text=MISSPELT)
    done(door.edit("nadia", post, text=text))
    refused_as_contributor(door, "nadia", post)


def suggest(door: Door, who: str, post: Post, quote: str, suggestion: str) -> Comment:
    words = {"text": "", "quote": quote, "suggestion": suggestion}
    done(
        door.by(
            who,
            api=(f"/posts/{post.pk}/comments", words),
            page=(f"/review/{post.pk}/", f"/review/{post.pk}/comment/", {**words, "suggesting": "on"}),
        )
    )
    return Comment.objects.get(post=post)


def accept(door: Door, who: str, row: Comment) -> Answer:
    page = f"/posts/{row.post_id}/"
    return door.by(
        who, api=(f"/suggestions/{row.pk}/accept", {}), page=(page, f"/suggestions/{row.pk}/accept/", {})
    )


def test_case_04_a_suggestion_is_accepted_and_its_maker_approves(door: Door):
    post = door.submitted()
    row = suggest(door, "nadia", post, "nettoyer", "dépoussiérer")
    assert accept(door, "marc", row).refused(403, "writers_only")
    done(accept(door, "ines", row))
    refused_as_contributor(door, "nadia", post)


def test_case_04_a_light_correction_is_accepted_and_its_maker_approves(door: Door):
    post = door.submitted(text=MISSPELT)
    done(accept(door, "ines", suggest(door, "nadia", post, "netoyer", "nettoyer")))
    assert fresh(post).revision.content["text"] == SPELT
    assert not door.sees("ines", post).open, "other bytes: it still needs approving"
    done(door.say("nadia", post))
    assert door.sees("ines", post).open


# --- A split ---------------------------------------------------------------------------------------------
def test_case_05_original_editor_approves_a_split(door: Door, console: Cast):
    post = door.submitted("nadia", channels=["demo", "console"])
    page = f"/posts/{post.pk}/"
    split = {"channels": ["console"]}
    done(door.by("ines", api=(f"{page.rstrip('/')}/split", split), page=(page, f"{page}split/", split)))
    part = Post.objects.exclude(pk=post.pk).get()
    assert part.lineage_id == post.lineage_id
    if fresh(part).lifecycle == PostState.DRAFT:
        done(door.submit("ines", part))
    refused_as_contributor(door, "nadia", part)


# --- An override -----------------------------------------------------------------------------------------
def overrule(door: Door, who: str, post: Post, reason: str = "J’ai vérifié auprès de l’atelier.") -> Answer:
    veto = Decision.objects.get(decision="reject")
    said = {"decision": veto.pk, "reason": reason}
    page = f"/posts/{post.pk}/"
    return door.by(who, api=(f"/posts/{post.pk}/override", said), page=(page, f"{page}override/", said))


def test_case_22_until_overridden(door: Door):
    post = door.submitted()
    done(door.say("nadia", post, "reject"))
    for who, code in (("ines", "contributor"), ("nadia", "own_veto"), ("olga", "not_qualified")):
        assert overrule(door, who, post).refused(403, code)
    assert not overrule(door, "hugo", post, reason="").done
    assert not Override.objects.exists()
    assert "veto" in door.sees("ines", post).codes
    done(overrule(door, "hugo", post))
    assert "veto" not in door.sees("ines", post).codes
    assert not door.sees("ines", post).open, "lifting an objection approves nothing"


# --- Another policy --------------------------------------------------------------------------------------
def propose(door: Door, who: str, cast: Cast) -> Answer:
    """The rules of a pair, under which whoever writes covers what they know themselves."""
    place, why = "/policy/propose/?preset=duo", {"reason": "Plus simple."}
    return door.by(
        who,
        api=(f"/brands/{cast.brand.slug}/policy", {"preset": "duo", **why}),
        page=(place, place, why),
    )


def test_case_27_author_loosens_the_policy_alone(door: Door, cast: Cast):
    before = Policy.objects.get(brand=cast.brand, state=PolicyState.ACTIVE)
    post = door.submitted("nadia")
    assert propose(door, "ines", cast).status == 403
    assert Policy.objects.count() == 1
    # Nadia, a mentor of the craft, may propose; and she alone may do no more.
    done(propose(door, "nadia", cast))
    made = Policy.objects.exclude(pk=before.pk).get()
    assert (made.state, made.proposed_by) == (PolicyState.PROPOSED, cast.nadia)
    assert read_rules(made.rules) == read_rules(PRESETS["duo"])
    confirmed = door.by(
        "nadia",
        api=(f"/policy/{made.pk}/confirm", {}),
        page=("/policy/", f"/policy/{made.pk}/confirm/", {}),
    )
    assert confirmed.refused(403, "own_proposal"), confirmed
    assert Policy.objects.get(brand=cast.brand, state=PolicyState.ACTIVE) == before
    assert door.sees("ines", post).missing == {"craft": 1, "company": 1, "channel:demo": 1}


# --- Expertise -------------------------------------------------------------------------------------------
def vouch(door: Door, who: str, cast: Cast, whom: str, domain: str = "craft", level: int = 3) -> Answer:
    person = cast.people[whom]
    said = {"domain": domain, "level": level, "evidence": "Vingt posts relus ensemble."}
    return door.by(
        who,
        api=(f"/brands/{cast.brand.slug}/credentials", {**said, "person": person.pk}),
        page=(f"/people/{person.pk}/", f"/people/{person.pk}/propose/", said),
    )


def not_vouched(door: Door, answer: Answer, code: str) -> None:
    """The page does not offer it at all, and takes nothing that it did not offer."""
    if isinstance(door, ByApi):
        assert answer.refused(403, code)
    else:
        assert not answer.offered
        assert answer.status in (403, 422)


@pytest.mark.parametrize("who", ["nadia", "olga"])
def test_case_33_own_endorsement(door: Door, cast: Cast, who: str):
    """A mentor as little as an owner."""
    before = Credential.objects.count()
    not_vouched(door, vouch(door, who, cast, who, "craft", 3), "own_grant")
    assert Credential.objects.count() == before


def test_case_33_mutual_endorsement(door: Door, cast: Cast):
    done(vouch(door, "hugo", cast, "marc", "craft", 3))
    given = Credential.objects.get(user=cast.marc, proposed_by=cast.hugo)
    assert given.first_grantor == cast.hugo
    cast.grant("marc", "company", 3)
    before = Credential.objects.count()
    not_vouched(door, vouch(door, "marc", cast, "hugo", "company", 3), "reciprocal")
    assert Credential.objects.count() == before
