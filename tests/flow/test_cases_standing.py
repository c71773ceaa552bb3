"""Cases 14 to 28 of gate.md, each through the API and through the page: when, on whose expertise, over whose
objection, under which policy, and whoever thinks that they stand above it."""

from __future__ import annotations

from datetime import datetime, time, timedelta

import pytest

from accounts.clock import database_now
from accounts.models import Membership, User
from approvals import expertise, inviting
from approvals.models import Credential, Decision, Policy
from approvals.policy import PRESETS
from posts.lifecycle import PostState
from posts.models import Delivery, Post
from tests.casting import Cast, due, fresh, in_hours, work
from tests.flow.doors import ByPage, Door
from tests.flow.test_cases_writing import done, stale
from tests.tampering import past_the_triggers


def tomorrow(cast: Cast, hour: int, days: int = 1) -> str:
    """On a whole hour of the brand's day, so that the default window is known: that day."""
    today = database_now().astimezone(cast.brand.zone).date()
    return datetime.combine(today + timedelta(days=days), time(hour), cast.brand.zone).isoformat()


# --- Time ------------------------------------------------------------------------------------------------
def test_case_14_slot_moved_inside_the_window(door: Door, console: Cast):
    post = door.approved(channels=["console"], slot=tomorrow(console, 11))
    done(door.act("marc", post, "reschedule", slot=tomorrow(console, 15)))
    assert fresh(post).lifecycle == PostState.SCHEDULED
    assert fresh(post).slot == datetime.fromisoformat(tomorrow(console, 15))
    assert door.sees("ines", post).open
    due(post)
    assert [result.outcome for result in work()] == ["DELIVERED"]


def test_case_14_slot_moved_outside_the_window(door: Door, cast: Cast):
    post = door.approved(slot=tomorrow(cast, 11))
    done(door.act("marc", post, "reschedule", slot=tomorrow(cast, 11, days=2)))
    stale(door, post)
    done(door.say("nadia", post))
    assert fresh(post).lifecycle == PostState.SCHEDULED, "moving is not writing"


def test_case_15_worker_late_past_late_minutes(door: Door, console: Cast):
    post = door.approved(channels=["console"])
    due(post)
    Delivery.objects.filter(post=post).update(expires_at=database_now() - timedelta(seconds=1))
    assert work() == []
    assert fresh(post).lifecycle == PostState.MISSED
    assert console.ines.notices.filter(kind="post.missed", post_id=post.pk).exists()
    assert "missed" in door.sees("ines", post).text.lower()
    offered = [
        value
        for form in ByPage(console).forms("ines", f"/posts/{post.pk}/")
        if form.action.endswith("/reschedule/")
        for value in form.fields
    ]
    assert offered, "the next slot is offered"
    done(door.act("ines", post, "reschedule", slot=in_hours(3).isoformat()))
    assert fresh(post).lifecycle in {PostState.SCHEDULED, PostState.IN_REVIEW}


# --- Standing --------------------------------------------------------------------------------------------
def test_case_16_credential_revoked_between_approval_and_release(door: Door, console: Cast):
    post = door.approved(channels=["console"])
    expertise.revoke(console.olga, console.credentials("nadia", "company").get().pk, "Elle est partie.")
    due(post)
    assert work() == []
    assert fresh(post).lifecycle == PostState.HELD
    sight = door.sees("ines", post)
    assert (sight.open, sight.missing) == (False, {"company": 1})
    assert console.ines.notices.filter(kind="post.held").exists()


def test_case_17_credential_granted_after_the_approval(door: Door, cast: Cast):
    post = door.submitted()
    done(door.say("marc", post))
    cast.grant("marc", "company", 3)
    assert door.sees("ines", post).missing == {"company": 1}
    done(door.say("marc", post))
    assert fresh(post).lifecycle == PostState.SCHEDULED


def test_case_18_expert_of_another_product_or_channel(door: Door, cast: Cast):
    cast.product("lampe-crepuscule")
    cast.member("paul", craft=3, company=3, **{"channel:mastodon": 3, f"product:{cast.lamp}": 3})
    post = door.submitted(kind="launch", products=["lampe-crepuscule"])
    done(door.say("paul", post))
    assert door.sees("ines", post).missing == {"channel:demo": 1, "product:lampe-crepuscule": 1}


def test_case_19_ten_approvals_none_of_them_crisis(door: Door, cast: Cast):
    post = door.submitted(kind="sensitive_reply")
    for number in range(10):
        cast.member(f"expert{number}", craft=3, company=3, **{"channel:demo": 3})
        done(door.say(f"expert{number}", post))
    sight = door.sees("ines", post)
    assert (sight.open, sight.missing, sight.have) == (False, {"crisis": 1}, 10)


def test_case_20_one_expert_covers_all_m_two(door: Door):
    post = door.submitted(kind="launch")
    done(door.say("nadia", post))
    sight = door.sees("ines", post)
    assert (sight.open, sight.codes, sight.missing) == (False, {"missing_people"}, {})
    assert (sight.needed, sight.have) == (2, 1)


def test_case_21_second_approver_covers_nothing(door: Door):
    post = door.submitted(kind="launch")
    done(door.say("nadia", post))
    done(door.say("olga", post))
    assert (door.sees("ines", post).codes, door.sees("ines", post).have) == ({"missing_people"}, 1)
    done(door.say("marc", post))
    assert door.sees("ines", post).open


# --- Objections ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("gone", ["revoked", "closed"])
def test_case_22_objectors_credential_revoked_or_account_closed(door: Door, cast: Cast, gone: str):
    post = door.submitted()
    done(door.say("nadia", post, "reject"))
    if gone == "revoked":
        for credential in Credential.objects.filter(brand=cast.brand, user=cast.nadia):
            expertise.revoke(cast.olga, credential.pk, "Elle est partie.")
    else:
        inviting.deactivate(cast.olga, cast.membership("nadia"))
    done(door.say("hugo", post))
    assert door.sees("ines", post).codes == {"veto"}
    assert fresh(post).lifecycle == PostState.REJECTED


def test_case_23_one_letter_changed_to_shake_off_a_rejection(door: Door):
    post = door.submitted(text="Nos lampes sont les meilleures.")
    done(door.say("nadia", post, "reject"))
    done(door.edit("ines", post, text="Nos lampes sont les meilleures !"))
    done(door.say("hugo", post))
    assert door.sees("ines", post).codes == {"veto"}
    assert fresh(post).lifecycle == PostState.REJECTED


def test_case_23_cloned_to_shake_off_a_rejection(door: Door):
    post = door.submitted()
    done(door.say("nadia", post, "reject"))
    copy = door.clone("marc", post)
    done(door.edit("marc", copy, slot=in_hours(3).isoformat(), text="Tout autre chose."))
    done(door.submit("marc", copy))
    done(door.say("hugo", copy))
    assert door.sees("ines", copy).codes == {"veto"}
    assert fresh(copy).lifecycle == PostState.REJECTED


# --- Facets and policy -----------------------------------------------------------------------------------
def test_case_24_facet_lowered_by_a_contributor(door: Door, cast: Cast):
    post = door.submitted(kind="launch", products=[cast.lamp])
    for change in ({"kind": "routine"}, {"products": []}):
        assert door.edit("ines", post, **change).refused(403, "facet_lowered")
    assert (fresh(post).kind, fresh(post).products) == ("launch", [cast.lamp])
    assert door.sees("ines", post).needed == 2


def test_case_24_nor_together_with_an_edit(door: Door):
    """Whoever rewrites it is a contributor from then on, however qualified."""
    post = door.submitted(kind="launch")
    assert door.edit("nadia", post, kind="routine", text="Et aussi ceci.").refused(403, "facet_lowered")
    assert (fresh(post).kind, fresh(post).revision.number) == ("launch", 1)


@pytest.mark.parametrize("broken", ["kind", "empty", "malformed", "missing"])
def test_case_25_unknown_kind_empty_requirements_missing_policy(door: Door, cast: Cast, broken: str):
    post = door.approved()
    assert door.sees("ines", post).open
    kinds = dict(PRESETS["team"]["kinds"])
    without = {name: rule for name, rule in kinds.items() if name != "routine"}
    empty = {**kinds, "routine": {"requirements": [], "people": 1, "ttl_minutes": 60}}
    rules = {
        "kind": {**PRESETS["team"], "kinds": without},
        "empty": {**PRESETS["team"], "kinds": empty},
        "malformed": [],
    }
    with past_the_triggers():
        if broken == "missing":
            Policy.objects.filter(brand=cast.brand).delete()
        else:
            Policy.objects.filter(brand=cast.brand).update(rules=rules[broken])
    sight = door.sees("ines", post)
    assert not sight.open
    assert sight.codes == {"unknown_kind"}
    assert not door.act("nadia", post, "release").done
    due(post)
    assert work() == []


def test_case_26_policy_tightened_after_approval(door: Door, console: Cast):
    post = door.approved(channels=["console"])
    console.adopt("regulated")
    assert door.sees("ines", post).codes == {"missing_people"}
    due(post)
    assert work() == []
    assert fresh(post).lifecycle == PostState.HELD


# --- Above it all ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("who", ["root", "stranger"])
def test_case_28_a_superuser_or_stranger_does_nothing(door: Door, console: Cast, who: str):
    root = User.objects.create_superuser("root@maison-lumiere.example", None, name="Racine")
    Membership.objects.create(brand=console.elsewhere, user=root, is_owner=True)
    console.people["root"] = root
    post, scheduled = door.submitted(), door.approved()
    before = [(fresh(one).state, fresh(one).version) for one in (post, scheduled)]
    answers = [
        door.say(who, post),
        door.edit(who, post, text="À moi."),
        door.submit(who, post),
        *(door.act(who, scheduled, verb) for verb in ("release", "resume", "hold", "withdraw", "clone")),
        door.act(who, scheduled, "reschedule", slot=in_hours(1).isoformat()),
    ]
    assert [one.status for one in answers if one.status not in (403, 404)] == []
    assert [(fresh(one).state, fresh(one).version) for one in (post, scheduled)] == before
    assert Decision.objects.count() == 1
    assert Post.objects.count() == 2


def test_case_28_a_superuser_who_is_a_member_has_no_more_say(door: Door, cast: Cast):
    root = User.objects.create_superuser("root@maison-lumiere.example", None, name="Racine")
    Membership.objects.create(brand=cast.brand, user=root, is_owner=True)
    cast.people["root"] = root
    post = door.submitted()
    done(door.say("root", post))
    assert door.sees("ines", post).missing == {"craft": 1, "company": 1, "channel:demo": 1}
    assert not door.act("root", post, "release").done
    done(door.act("root", post, "hold"))
    assert door.act("root", post, "resume").refused(403, "not_qualified")
