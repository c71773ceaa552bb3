"""Keeping expertise by practice: acts, lapse, warnings, and what of it the approver is told."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import F
from django.utils import timezone

from accounts.clock import database_now
from approvals import incidents
from approvals.expertise import level_of
from approvals.models import Credential, CredentialState, Decision, Verdict
from approvals.practising import (
    WARN_BEFORE,
    WITHIN,
    acts_since,
    carried,
    ends_before,
    keep_current,
    lapses_at,
)
from posts.lifecycle import PostState
from tests.approvals.working import accepted, piece
from tests.casting import Cast, age_decisions, fresh, in_hours
from tests.tampering import past_the_triggers

DAY = timedelta(days=1)


def granted(cast: Cast, who: str, domain: str, ago: timedelta) -> Credential:
    """As if it had been granted `ago`, and never looked at since."""
    moment = database_now() - ago
    cast.credentials(who, domain).update(valid_from=moment, confirmed_at=moment, look_at=moment)
    return cast.credentials(who, domain).get()


def only(row: Credential) -> None:
    """The ticker looks at this one and at no other."""
    Credential.objects.exclude(pk=row.pk).update(look_at=None)


def acts(cast: Cast, who: str, domain: str) -> int:
    since = database_now() - WITHIN
    person = cast.people[who].person_id
    return len(acts_since(cast.brand.pk, [person], since).get((person, domain), []))


def told(cast: Cast, who: str) -> list[str]:
    kinds = cast.people[who].notices.filter(kind__startswith="credential.").order_by("pk")
    return list(kinds.values_list("kind", flat=True))


# --- Acts -------------------------------------------------------------------------------------------
def test_a_word_that_counts_is_an_act_and_each_post_one(cast: Cast):
    post = piece(cast, "nadia", Verdict.REQUEST_CHANGES.value)
    cast.edit("ines", post, text="Deux gestes.")
    cast.say("nadia", post)
    piece(cast, "nadia", Verdict.REJECT.value)
    assert acts(cast, "nadia", "craft") == 2
    assert acts(cast, "nadia", "company") == 2
    assert acts(cast, "nadia", "crisis") == 0


def test_advice_is_no_act(cast: Cast):
    piece(cast, "sofia", author="marc")
    assert acts(cast, "sofia", "craft") == 0


def test_work_of_one_s_own_that_was_accepted_is_an_act(cast: Cast):
    accepted(cast, 1, by="nadia", author="marc")
    piece(cast, "nadia", Verdict.REQUEST_CHANGES.value, author="marc")
    assert acts(cast, "marc", "craft") == 1
    assert acts(cast, "marc", "company") == 1


def test_withdrawn_words_are_no_acts(cast: Cast):
    post = piece(cast, "nadia")
    cast.say("nadia", post, Verdict.WITHDRAW.value)
    assert acts(cast, "nadia", "craft") == 0


def test_holding_a_crisis_is_practice_in_it(cast: Cast):
    incident = incidents.declare(cast.victor, cast.brand, {"brand": True}, "Une ampoule a explosé.")
    incidents.lift(cast.hugo, incident.pk)
    assert (acts(cast, "victor", "crisis"), acts(cast, "hugo", "crisis")) == (1, 1)


# --- When it lapses ---------------------------------------------------------------------------------
def test_ninety_days_after_the_third_latest_act_and_not_before_it_could_be_practised():
    now = timezone.now()

    def lapse(granted: timedelta, *ago: timedelta) -> timedelta:
        row = Credential(valid_from=now - granted, confirmed_at=now - granted)
        return lapses_at(row, [now - one for one in sorted(ago)]) - now

    assert lapse(DAY) == 89 * DAY
    assert lapse(200 * DAY) == -110 * DAY
    assert lapse(200 * DAY, DAY, 2 * DAY) == -110 * DAY
    assert lapse(200 * DAY, DAY, 2 * DAY, 60 * DAY) == 30 * DAY
    assert lapse(200 * DAY, DAY, 2 * DAY, 3 * DAY, 60 * DAY) == 87 * DAY
    assert lapse(10 * DAY, DAY, 2 * DAY, 60 * DAY) == 80 * DAY


def test_what_is_not_practised_lapses_and_its_votes_are_advice(cast: Cast):
    row = granted(cast, "nadia", "company", 91 * DAY)
    only(row)
    assert keep_current() == 1
    row.refresh_from_db()
    assert (row.state, row.look_at) == (CredentialState.LAPSED, None)
    assert level_of(cast.nadia, cast.brand, "company") == 0
    assert told(cast, "nadia") == told(cast, "hugo") == ["credential.lapse"]
    decision = cast.say("nadia", cast.submitted())
    assert [domain for domain, _level in decision.rests_on] == ["channel:demo", "craft"]
    assert keep_current() == 0


def test_three_acts_keep_it(cast: Cast):
    row = granted(cast, "nadia", "company", 200 * DAY)
    only(row)
    accepted(cast, 3, by="nadia")
    keep_current()
    row.refresh_from_db()
    assert row.state == CredentialState.ACTIVE
    assert row.look_at is not None
    assert abs(row.look_at - (database_now() + WITHIN - WARN_BEFORE)) < timedelta(minutes=5)
    assert told(cast, "nadia") == []


def test_acts_of_long_ago_do_not(cast: Cast):
    row = granted(cast, "nadia", "company", 200 * DAY)
    only(row)
    for post in accepted(cast, 3, by="nadia"):
        age_decisions(post, 91 * DAY)
    keep_current()
    row.refresh_from_db()
    assert row.state == CredentialState.LAPSED


def test_new_credentials_are_left_ninety_days(cast: Cast):
    row = granted(cast, "nadia", "company", 30 * DAY)
    only(row)
    keep_current()
    row.refresh_from_db()
    assert row.state == CredentialState.ACTIVE
    assert row.look_at == row.valid_from + WITHIN - WARN_BEFORE


def test_warned_two_weeks_before_and_once(cast: Cast):
    row = granted(cast, "nadia", "company", 77 * DAY)
    only(row)
    keep_current()
    assert told(cast, "nadia") == ["credential.lapse_soon"]
    row.refresh_from_db()
    assert row.look_at == row.warned_for == row.valid_from + WITHIN
    Credential.objects.filter(pk=row.pk).update(look_at=database_now())
    keep_current()
    assert told(cast, "nadia") == ["credential.lapse_soon"]


def test_warned_before_it_runs_out_and_told_when_it_has(cast: Cast):
    row = granted(cast, "nadia", "company", 30 * DAY)
    only(row)
    soon = database_now() + 13 * DAY
    Credential.objects.filter(pk=row.pk).update(valid_until=soon)
    keep_current()
    assert told(cast, "nadia") == told(cast, "hugo") == ["credential.expire_soon"]
    assert cast.nadia.notices.get(kind="credential.expire_soon").data["day"] == soon.astimezone(
        cast.brand.zone
    ).strftime("%Y-%m-%d")
    Credential.objects.filter(pk=row.pk).update(valid_until=F("valid_from") + DAY, look_at=database_now())
    keep_current()
    assert told(cast, "nadia") == ["credential.expire_soon", "credential.expired"]
    row.refresh_from_db()
    assert (row.state, row.look_at) == (CredentialState.ACTIVE, None)


def test_a_lapse_holds_what_rested_on_it(cast: Cast):
    post = cast.approved()
    row = granted(cast, "nadia", "company", 200 * DAY)
    only(row)
    keep_current()
    post = fresh(post)
    assert post.lifecycle == PostState.HELD
    assert [reason["code"] for reason in post.reasons] == ["missing_requirement"]
    assert cast.ines.notices.filter(kind="post.held", post_id=post.pk).exists()


def test_a_look_is_bounded(cast: Cast):
    Credential.objects.update(look_at=database_now())
    assert keep_current(limit=5) == 5


def test_one_act_more_than_the_look_saw_keeps_it(cast: Cast):
    """Looked at again under the lock: an act of this very second counts."""
    row = granted(cast, "nadia", "company", 200 * DAY)
    only(row)
    accepted(cast, 2, by="nadia")
    words = Decision.objects.filter(user=cast.nadia)
    with past_the_triggers():
        words.update(at=F("at") - DAY)
    accepted(cast, 1, by="nadia")
    keep_current()
    row.refresh_from_db()
    assert row.state == CredentialState.ACTIVE


# --- Before a slot ----------------------------------------------------------------------------------
def ending(cast: Cast, moment: datetime) -> list[Any]:
    found = ends_before(cast.nadia, cast.brand, ["craft", "company"], moment)
    return [(one.domain, one.lapses) for one in found]


def test_what_will_have_ended_at_the_slot(cast: Cast):
    granted(cast, "nadia", "company", 85 * DAY)
    granted(cast, "nadia", "craft", 10 * DAY)
    assert ending(cast, in_hours(24)) == []
    assert ending(cast, in_hours(24 * 6)) == [("company", True)]
    cast.credentials("nadia", "craft").update(valid_until=in_hours(1))
    assert ending(cast, in_hours(24 * 6)) == [("craft", False), ("company", True)]


def test_the_latest_words_alone_may_carry_a_domain(cast: Cast):
    """What an approval asks before it warns, without reading ninety days of somebody's work."""
    soon, late = in_hours(3), in_hours(24 * 89 + 36)
    posts = [cast.submitted() for _ in range(3)]
    for post in posts[:2]:
        cast.say("nadia", post)
    assert "craft" not in carried(cast.nadia, cast.brand, soon)
    cast.say("nadia", posts[2], "request_changes")
    assert "craft" in carried(cast.nadia, cast.brand, soon)
    assert "craft" not in carried(cast.nadia, cast.brand, late + timedelta(days=1))
    assert carried(cast.nadia, cast.elsewhere, soon) == set()
    cast.say("nadia", posts[2], "withdraw")
    assert "craft" not in carried(cast.nadia, cast.brand, soon)
