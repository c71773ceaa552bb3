"""The cases that every suite must hold (gate.md), at the level of verbs, each named after its row.

Left out here, for want of a verb yet: accepting a suggestion and a light correction (the second halves of 3,
and 4), splits and imports (in 5 and 7), loosening a policy (27). The race (30)
needs real processes: `tests/faults/`. Granting and endorsing (33) is in `test_granting.py`.
Pages and the API repeat the cases in their own tests.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from accounts.clock import database_now
from accounts.models import Membership, User
from accounts.refusals import Forbidden, NotHere, Refused
from adapters import base
from approvals import expertise, incidents, inviting, steering
from approvals.classifying import classify
from approvals.models import Credential, Decision, Override, Policy, Verdict
from approvals.policy import PRESETS
from approvals.reviewing import Word, decide, revise, submit
from approvals.steering import hold, release, reschedule, resume
from posts.drafting import clone
from posts.lifecycle import DeliveryState, PostState
from posts.models import Contribution, Delivery, Media, Post
from publishing.claiming import claim
from publishing.models import Permit
from publishing.releasing import start_sending
from tests.casting import (
    ALT,
    Cast,
    age_post,
    codes,
    digest_of,
    due,
    fresh,
    in_hours,
    is_open,
    media,
    missing,
    work,
)
from tests.tampering import past_the_triggers

STATEMENT = "Nous rappelons la lampe Aurore."
REJECT, CHANGES, WITHDRAW = Verdict.REJECT.value, Verdict.REQUEST_CHANGES.value, Verdict.WITHDRAW.value


def state(post: Post) -> PostState:
    return fresh(post).lifecycle


def refused(who: User, post: Post, code: str = "contributor") -> None:
    """The approval is refused with 403 and not stored."""
    before = Decision.objects.count()
    with pytest.raises(Forbidden) as refusal:
        decide(who, post.pk, Word("approve", digest_of(post)))
    assert (refusal.value.code, refusal.value.status) == (code, 403)
    assert Decision.objects.count() == before


# --- A contributor's approval never counts ---------------------------------------------------------------
def test_case_01_author_approves(cast: Cast):
    refused(cast.nadia, cast.submitted(author=cast.nadia))


def test_case_02_an_earlier_editor_approves(cast: Cast):
    post = cast.submitted()
    cast.edit("nadia", post, text="Quatre gestes.")
    cast.edit("ines", post, text="Cinq gestes.")
    refused(cast.nadia, post)


def test_case_03_a_reviewer_rewrites_then_approves(cast: Cast):
    post = cast.submitted()
    cast.say("nadia", post, CHANGES)
    cast.edit("nadia", post, text="Réécrit par Nadia.")
    refused(cast.nadia, post)


def test_case_05_original_editor_approves_a_clone(cast: Cast):
    post = cast.submitted(author=cast.nadia)
    with transaction.atomic():
        copy = clone(cast.ines, fresh(post))
    revise(cast.ines, copy.pk, {"slot": in_hours(3).isoformat()})
    submit(cast.ines, copy.pk)
    refused(cast.nadia, copy)
    refused(cast.ines, copy)


def test_case_05_a_clone_of_a_clone_remembers(cast: Cast):
    post = cast.draft(author=cast.marc)
    for who in (cast.ines, cast.olga):
        with transaction.atomic():
            post = clone(who, fresh(post))
    revise(cast.ines, post.pk, {"slot": in_hours(3).isoformat(), "text": "Tout autre chose."})
    submit(cast.ines, post.pk)
    refused(cast.marc, post)
    refused(cast.olga, post)


def test_case_06_second_account_of_the_same_person(cast: Cast):
    twin = cast.member("nadia2", craft=3, company=3, **{"channel:demo": 3})
    inviting.link(cast.olga, cast.brand, cast.nadia, twin)
    post = cast.submitted(author=cast.nadia)
    refused(User.objects.get(pk=twin.pk), post)
    own = cast.submitted(author=User.objects.get(pk=twin.pk))
    refused(cast.nadia, own)


def test_case_06_linked_after_the_fact(cast: Cast):
    """Who approved one's own post through another account is found out later: it counts no more."""
    twin = cast.member("nadia2", craft=3, company=3, **{"channel:demo": 3})
    post = cast.submitted(author=cast.nadia)
    cast.say("nadia2", post)
    assert is_open(post)
    inviting.link(cast.olga, cast.brand, cast.nadia, twin)
    assert "missing_requirement" in codes(post)


def test_case_06_two_accounts_are_one_of_m(cast: Cast):
    twin = cast.member("nadia2", craft=3, company=3, **{"channel:demo": 3})
    post = cast.submitted(kind="launch")
    cast.say("nadia", post)
    cast.say("nadia2", post)
    assert is_open(post)
    inviting.link(cast.olga, cast.brand, cast.nadia, twin)
    assert codes(post) == {"missing_people"}


def test_case_06_linking_lends_no_expertise(cast: Cast):
    """Else an owner alone could approve, as soon as she says that she is Nadia."""
    post = cast.submitted()
    cast.say("olga", post)
    inviting.link(cast.olga, cast.brand, cast.nadia, cast.olga)
    assert missing(post) == {"craft": 1, "company": 1, "channel:demo": 1}
    cast.people["olga"] = User.objects.get(pk=cast.olga.pk)
    decision = cast.say("olga", post)
    assert decision.rests_on == []
    assert not is_open(post)


def test_case_06_linking_lifts_no_objection(cast: Cast):
    post = cast.submitted()
    cast.say("nadia", post, REJECT)
    inviting.link(cast.olga, cast.brand, cast.nadia, cast.olga)
    cast.people["olga"] = User.objects.get(pk=cast.olga.pk)
    cast.say("olga", post)
    cast.say("olga", post, WITHDRAW)
    assert "veto" in codes(post)


def test_case_06_also_after_the_account_is_gone(cast: Cast):
    post = cast.submitted(author=cast.nadia)
    twin = cast.member("nadia2", craft=3, company=3, **{"channel:demo": 3})
    inviting.link(cast.olga, cast.brand, cast.nadia, twin)
    inviting.deactivate(cast.olga, cast.membership("nadia"))
    refused(User.objects.get(pk=twin.pk), post)


def test_case_07_who_acts_through_a_token_is_the_contributor(cast: Cast):
    """A token gives no actor of its own: the verb knows the person only (see tests/api for the call)."""
    post = cast.draft(author=cast.marc)
    assert list(Contribution.objects.filter(post=post).values_list("user", flat=True)) == [cast.marc.pk]


# --- Other bytes -----------------------------------------------------------------------------------------
def test_case_08_edit_after_approval(console: Cast):
    post = console.approved(channels=["console"])
    assert state(post) == PostState.SCHEDULED
    console.edit("ines", post, text="Autre chose.")
    assert state(post) == PostState.IN_REVIEW
    assert codes(post) == {"missing_requirement", "missing_people"}
    due(post)
    assert work() == []


def test_case_09_saving_without_a_change(cast: Cast):
    post = cast.approved()
    before = fresh(post)
    content = before.revision.content  # type: ignore[union-attr]
    cast.edit("marc", post, text=content["text"], channels=content["channels"], variants={})
    after = fresh(post)
    assert (after.revision_id, after.state, after.version) == (
        before.revision_id,
        before.state,
        before.version,
    )
    assert is_open(post)
    assert not Contribution.objects.filter(post=post, user=cast.marc).exists(), "nor did Marc write anything"


def test_case_10_edit_then_back_to_the_same_bytes(cast: Cast):
    post = cast.submitted(text="Un.")
    digest = digest_of(post)
    cast.say("nadia", post)
    cast.edit("marc", post, text="Deux.")
    assert not is_open(post)
    cast.edit("marc", post, text="Un.")
    assert digest_of(post) == digest
    assert state(post) == PostState.SCHEDULED
    refused(cast.marc, post)


def test_case_11_image_replaced_behind_the_same_name(cast: Cast):
    first, second = media(cast, "#112233"), media(cast, "#112234")
    assert first.name == second.name
    post = cast.approved(media=[{"id": first.pk, "alt": ALT}])
    cast.edit("ines", post, media=[{"id": second.pk, "alt": ALT}])
    assert not is_open(post)


def test_case_11_image_replaced_on_the_disk(console: Cast):
    """Whoever can write the file still cannot have other bytes sent."""
    picture = media(console)
    post = console.approved(channels=["console"], media=[{"id": picture.pk, "alt": ALT}])
    with open(Media.objects.get(pk=picture.pk).file.path, "wb") as file:
        file.write(b"other bytes")
    due(post)
    (result,) = work()
    assert result.receipt is None
    assert state(post) == PostState.FAILED


@pytest.mark.parametrize(
    "change",
    [
        {"options": {"demo": {"visibility": "unlisted"}}},
        {"channels": ["demo", "console"]},
        {"channels": ["console"]},
        {"variants": {"demo": "Autrement, là."}},
        {"text": "Merci @quelqu.un"},
        {"thread": ["Et encore."]},
        {"link": "https://maison-lumiere.example/aurore"},
        {"reply_to": "https://demo.example/1"},
        {"late_minutes": 90},
    ],
    ids=lambda change: next(iter(change)),
)
def test_case_12_what_else_the_public_receives(console: Cast, change: dict[str, Any]):
    post = console.approved()
    console.edit("ines", post, **change)
    assert state(post) != PostState.SCHEDULED
    assert not is_open(post)
    assert digest_of(post) != Decision.objects.get(post=post).digest


def test_case_12_alt_text(cast: Cast):
    picture = media(cast)
    post = cast.approved(media=[{"id": picture.pk, "alt": ALT}])
    cast.edit("ines", post, media=[{"id": picture.pk, "alt": "Une lampe."}])
    assert not is_open(post)


@pytest.mark.parametrize("text", ["L\u0430mpe", "Lam\u200bpe", "Lampe\u202e", "La\u0301mpe"])
def test_case_13_look_alike_or_invisible_character(cast: Cast, text: str):
    post = cast.approved(text="Lampe")
    cast.edit("ines", post, text=text)
    assert not is_open(post)


# --- Time ------------------------------------------------------------------------------------------------
def windowed(cast: Cast, **more: Any) -> dict[str, Any]:
    window = {"from": in_hours(1).isoformat(), "until": in_hours(5).isoformat()}
    return {"slot": in_hours(2).isoformat(), "window": window, **more}


def test_case_14_slot_moved_inside_the_window(console: Cast):
    post = console.approved(channels=["console"], **windowed(console))
    slot = in_hours(4)
    reschedule(console.marc, post.pk, slot.isoformat())
    assert (state(post), fresh(post).slot) == (PostState.SCHEDULED, slot)
    assert post.deliveries.get().due_at == slot
    assert is_open(post)
    due(post)
    assert [result.outcome for result in work()] == ["DELIVERED"]


def test_case_14_slot_moved_outside_the_window(cast: Cast):
    post = cast.approved(**windowed(cast))
    reschedule(cast.marc, post.pk, in_hours(30).isoformat())
    assert state(post) == PostState.IN_REVIEW
    assert not is_open(post)
    cast.say("nadia", post)
    cast.say("marc", post)  # moving is not writing
    assert state(post) == PostState.SCHEDULED


def test_case_15_worker_late_past_late_minutes(console: Cast):
    post = console.approved(channels=["console"], late_minutes=30)
    due(post)
    Delivery.objects.filter(post=post).update(expires_at=database_now() - timedelta(seconds=1))
    assert work() == []
    assert state(post) == PostState.MISSED
    assert post.deliveries.get().lifecycle == DeliveryState.MISSED
    assert console.ines.notices.filter(kind="post.missed", post_id=post.pk).exists()


def test_case_15_worker_late_past_the_window(console: Cast):
    post = console.approved(channels=["console"], **windowed(console))
    age_post(post, timedelta(hours=6))
    Delivery.objects.filter(post=post).update(expires_at=database_now() + timedelta(hours=1))
    assert work() == []
    assert state(post) == PostState.MISSED


# --- Standing --------------------------------------------------------------------------------------------
def test_case_16_credential_revoked_between_approval_and_release(console: Cast):
    post = console.approved(channels=["console"])
    expertise.revoke(console.olga, console.credentials("nadia", "company").get().pk, "Elle est partie.")
    due(post)
    assert work() == []
    assert state(post) == PostState.HELD
    assert [reason["code"] for reason in fresh(post).reasons] == ["missing_requirement"]
    assert missing(post) == {"company": 1}
    assert console.ines.notices.filter(kind="post.held").exists()


def test_case_17_credential_granted_after_the_approval(cast: Cast):
    post = cast.submitted()
    cast.say("marc", post)
    cast.grant("marc", "company", 3)
    assert missing(post) == {"company": 1}
    cast.say("marc", post)
    assert state(post) == PostState.SCHEDULED


def test_case_18_expert_of_another_product_or_channel(cast: Cast):
    cast.product("lampe-crepuscule")
    cast.member("paul", craft=3, company=3, **{"channel:mastodon": 3, f"product:{cast.lamp}": 3})
    post = cast.submitted(kind="launch", products=["lampe-crepuscule"])
    cast.say("paul", post)
    assert missing(post) == {"channel:demo": 1, "product:lampe-crepuscule": 1}


def test_case_19_ten_approvals_none_of_them_crisis(cast: Cast):
    post = cast.submitted(kind="sensitive_reply")
    for number in range(10):
        cast.member(f"expert{number}", craft=3, company=3, **{"channel:demo": 3})
        cast.say(f"expert{number}", post)
    assert missing(post) == {"crisis": 1}
    assert not is_open(post)


def test_case_20_one_expert_covers_all_m_two(cast: Cast):
    post = cast.submitted(kind="launch")
    cast.say("nadia", post)
    assert codes(post) == {"missing_people"}


def test_case_21_second_approver_covers_nothing(cast: Cast):
    post = cast.submitted(kind="launch")
    cast.say("nadia", post)
    for who in ("olga", "sofia"):
        cast.say(who, post)
        assert codes(post) == {"missing_people"}
    cast.say("marc", post)
    assert is_open(post)


def test_case_22_objectors_credential_revoked_or_account_closed(cast: Cast):
    post = cast.submitted()
    cast.say("nadia", post, REJECT)
    for credential in Credential.objects.filter(brand=cast.brand, user=cast.nadia):
        expertise.revoke(cast.olga, credential.pk, "Elle est partie.")
    assert "veto" in codes(post)
    inviting.deactivate(cast.olga, cast.membership("nadia"))
    assert "veto" in codes(post)
    cast.say("hugo", post)
    assert state(post) == PostState.REJECTED


def test_case_22_until_overridden_in_every_domain(cast: Cast):
    """The override has no verb yet (issue 3): its row is written by hand."""
    post = cast.submitted()
    veto = cast.say("nadia", post, REJECT)
    assert {domain for domain, _level in veto.rests_on} == {"craft", "company", "channel:demo"}
    cast.say("hugo", post)
    for domain in ("craft", "company", "channel:demo"):
        assert "veto" in codes(post)
        Override.objects.create(
            decision=veto, user=cast.hugo, domain=domain, reason="Vérifié.", at=database_now()
        )
    assert is_open(post)


def test_case_23_one_letter_changed_to_shake_off_a_rejection(cast: Cast):
    post = cast.submitted(text="Nos lampes sont les meilleures.")
    cast.say("nadia", post, REJECT)
    cast.edit("ines", post, text="Nos lampes sont les meilleures !")
    cast.say("hugo", post)
    assert codes(post) == {"veto"}
    assert state(post) == PostState.REJECTED


def test_case_23_cloned_to_shake_off_a_rejection(cast: Cast):
    post = cast.submitted()
    cast.say("nadia", post, REJECT)
    with transaction.atomic():
        copy = clone(cast.marc, fresh(post))
    revise(cast.marc, copy.pk, {"slot": in_hours(3).isoformat(), "text": "Tout autre chose."})
    submit(cast.marc, copy.pk)
    assert state(copy) == PostState.REJECTED
    cast.say("hugo", copy)
    assert codes(copy) == {"veto"}


def test_case_24_facet_lowered_by_a_contributor(cast: Cast):
    post = cast.submitted(kind="launch", products=[cast.lamp])
    lower: list[dict[str, Any]] = [
        {"kind": "routine"}, {"products": []}, {"kind": "reply", "products": [cast.lamp]},
    ]  # fmt: skip
    for change in lower:
        with pytest.raises(Forbidden) as refusal:
            cast.edit("ines", post, **change)
        assert refusal.value.code == "facet_lowered"
    assert (fresh(post).kind, fresh(post).products) == ("launch", [cast.lamp])
    classify(cast.nadia, post.pk, {"kind": "routine", "products": []}, "Ce n’est pas une vente.")
    assert fresh(post).kind == "routine"


def test_case_24_a_product_that_asks_for_nothing_is_not_taken_away_either(cast: Cast):
    """A routine post asks nothing of the lamp's experts, but an incident about the lamp freezes it."""
    post = cast.approved(products=[cast.lamp])
    incidents.declare(cast.victor, cast.brand, {"products": [cast.lamp]}, "Une lampe a pris feu.")
    assert state(post) == PostState.HELD
    with pytest.raises(Forbidden):
        cast.edit("ines", post, products=[])
    assert "frozen" in codes(post)


def test_case_24_by_the_unqualified_or_with_an_edit_in_the_same_breath(cast: Cast):
    post = cast.submitted(kind="launch")
    for who, change in (
        ("olga", {"kind": "routine"}),
        ("nadia", {"kind": "routine", "text": "Et aussi ceci."}),
    ):
        with pytest.raises(Forbidden):
            cast.edit(who, post, **change)
    assert fresh(post).kind == "launch"
    assert fresh(post).revision.number == 1  # type: ignore[union-attr]


def test_case_25_unknown_kind_empty_requirements_missing_policy(cast: Cast):
    post = cast.approved()
    assert is_open(post)
    kinds = {name: rule for name, rule in PRESETS["team"]["kinds"].items() if name != "routine"}
    malformed: list[Any] = [
        {**PRESETS["team"], "kinds": kinds},
        {**PRESETS["team"], "kinds": {"routine": {"requirements": [], "people": 1, "ttl_minutes": 60}}},
        {},
        [],
    ]
    for rules in malformed:
        with past_the_triggers():
            Policy.objects.filter(brand=cast.brand).update(rules=rules)
        assert codes(post) == {"unknown_kind"}
    with past_the_triggers():
        Policy.objects.filter(brand=cast.brand).delete()
    assert codes(post) == {"unknown_kind"}


def test_case_26_policy_tightened_after_approval(console: Cast):
    post = console.approved(channels=["console"])
    console.adopt("regulated")
    assert codes(post) == {"missing_people"}
    due(post)
    assert work() == []
    assert state(post) == PostState.HELD


@pytest.mark.parametrize("who", ["superuser", "stranger"])
def test_case_28_a_superuser_decides_and_releases_nothing(cast: Cast, who: str):
    person = (
        User.objects.create_superuser("root@maison-lumiere.example", None, name="Racine")
        if who == "superuser"
        else cast.stranger
    )
    post, scheduled = cast.submitted(), cast.approved()
    refused(person, post, "not_a_member")
    for verb in (
        lambda: revise(person, post.pk, {"text": "À moi."}),
        lambda: submit(person, post.pk),
        lambda: release(person, scheduled.pk),
        lambda: resume(person, scheduled.pk),
        lambda: reschedule(person, scheduled.pk, in_hours(1).isoformat()),
        lambda: steering.withdraw(person, scheduled.pk),
    ):
        with pytest.raises(NotHere):
            verb()
    assert (state(post), state(scheduled)) == (PostState.IN_REVIEW, PostState.SCHEDULED)


def test_case_28_a_superuser_who_is_a_member_has_no_more_say(cast: Cast):
    root = User.objects.create_superuser("root@maison-lumiere.example", None, name="Racine")
    Membership.objects.create(brand=cast.brand, user=root, is_owner=True)
    cast.people["root"] = root
    post = cast.submitted()
    cast.say("root", post)
    assert missing(post) == {"craft": 1, "company": 1, "channel:demo": 1}
    hold(root, post.pk)
    with pytest.raises(Forbidden):
        resume(root, post.pk)


# --- The permit ------------------------------------------------------------------------------------------
def test_case_29_permit_used_twice(console: Cast):
    post = console.approved(channels=["console"])
    due(post)
    ready = claim("worker", 10)
    work(ready=ready, worker="worker")
    assert start_sending(ready, "worker") == []
    assert post.deliveries.get().attempts == 1


def test_case_29_permit_expired(console: Cast):
    post = console.approved(channels=["console"])
    due(post)
    (ready,) = claim("worker", 10)
    Permit.objects.update(expires_at=database_now())
    late = replace(ready, permit=replace(ready.permit, expires_at=Permit.objects.get().expires_at))
    assert start_sending([late], "worker") == []
    assert post.deliveries.get().lifecycle == DeliveryState.PENDING


def test_case_29_permit_for_another_channel_or_digest(console: Cast):
    """The adapter itself demands it: what it is handed must be what the permit was minted for."""
    post = console.approved(channels=["console"])
    due(post)
    (sending,) = start_sending(claim("worker", 10), "worker")
    payload = sending.payload
    sending.permit.demand(payload)
    other = base.Payload(payload.network, "elsewhere", payload.body)
    rewritten = base.Payload(payload.network, payload.channel, {**payload.body, "parts": []})
    for wrong in (other, rewritten):
        with pytest.raises(base.PermitRefused):
            sending.permit.demand(wrong)


# --- Crisis ----------------------------------------------------------------------------------------------
@pytest.fixture
def crisis(console: Cast) -> Cast:
    incidents.declare(console.victor, console.brand, {"brand": True}, "Une lampe a pris feu.")
    return console


def test_case_31_relabelled_crisis_to_escape_a_freeze(console: Cast):
    post = console.approved(channels=["console"])
    incidents.declare(console.victor, console.brand, {"brand": True}, "Une lampe a pris feu.")
    console.edit("ines", post, kind="crisis")
    assert "frozen" not in codes(post)
    assert set(missing(post)) == {"craft", "channel:console", "company", "crisis"}
    assert "not_released" in codes(post)


def test_case_32_freeze_lifted(console: Cast):
    post = console.approved(channels=["console"])
    incident = incidents.declare(console.victor, console.brand, {"brand": True}, "Une lampe a pris feu.")
    incidents.lift(console.victor, incident.pk)
    incidents.lift(console.olga, incident.pk)
    assert codes(post) == {"missing_requirement", "missing_people"}
    assert state(post) == PostState.HELD
    console.say("nadia", post)
    assert state(post) == PostState.SCHEDULED


def test_case_37_a_crisis_statement_in_its_own_incident(crisis: Cast):
    post = crisis.submitted(STATEMENT, kind="crisis", channels=["console"], slot="on_approval")
    crisis.say("victor", post)
    crisis.say("hugo", post)
    assert "not_released" in codes(post)
    with pytest.raises(Forbidden):
        release(crisis.nadia, post.pk)
    release(crisis.victor, post.pk)
    assert state(post) == PostState.SCHEDULED
    assert [result.outcome for result in work()] == ["DELIVERED"]
    assert state(post) == PostState.PUBLISHED


def test_case_37_not_without_the_second(crisis: Cast):
    post = crisis.submitted(STATEMENT, kind="crisis", channels=["console"], slot="on_approval")
    crisis.say("hugo", post)
    with pytest.raises(Refused) as refusal:
        release(crisis.victor, post.pk)
    assert refusal.value.code == "gate_closed"
    assert "not_released" not in refusal.value.details["reasons"]
    assert fresh(post).released_by_id is None, "the press is undone"
    assert state(post) == PostState.IN_REVIEW


# --- The screen, the level, the end ----------------------------------------------------------------------
def test_case_34_approval_from_a_stale_screen(cast: Cast):
    post = cast.submitted()
    seen = digest_of(post)
    cast.edit("ines", post, text="Entre-temps.")
    with pytest.raises(Refused) as refusal:
        cast.say("nadia", post, digest=seen)
    assert (refusal.value.code, refusal.value.status) == ("stale_digest", 409)
    assert refusal.value.details == {"digest": digest_of(post), "revision": 2, "changed": ["text"]}
    assert not Decision.objects.exists()


def test_case_35_a_director_at_level_1_approves(cast: Cast):
    cast.member("delphine", craft=1, company=1, **{"channel:demo": 1})
    Membership.objects.filter(user=cast.delphine).update(title="directrice", is_owner=True)
    post = cast.submitted()
    decision = cast.say("delphine", post)
    assert decision.rests_on == []
    assert not is_open(post)
    notice = cast.ines.notices.get(kind="decision.approve")
    assert notice.data["advisory"] is True


def test_case_36_approval_that_will_end_before_the_slot(cast: Cast):
    slot = in_hours(13)
    window = {"from": in_hours(0.5).isoformat(), "until": in_hours(24).isoformat()}
    post = cast.submitted(kind="reply", slot=slot.isoformat(), window=window)
    cast.say("nadia", post)
    assert "ends_before_slot" in codes(post)
    assert state(post) == PostState.IN_REVIEW
    reschedule(cast.ines, post.pk, in_hours(11).isoformat())
    assert state(post) == PostState.SCHEDULED


def test_case_36_credential_that_will_end_before_the_slot(cast: Cast):
    cast.credentials("nadia", "company").update(valid_until=database_now() + timedelta(hours=1))
    post = cast.submitted()
    cast.say("nadia", post)
    assert "ends_before_slot" in codes(post)
    assert missing(post) == {"company": 1}


def test_case_38_launch_approved_by_a_generalist_and_the_products_expert(console: Cast):
    post = console.submitted(kind="launch", products=[console.lamp], channels=["console"])
    console.say("nadia", post)
    console.say("sofia", post)
    assert state(post) == PostState.SCHEDULED
    due(post)
    assert [result.outcome for result in work()] == ["DELIVERED"]
    assert state(post) == PostState.PUBLISHED
