"""Progress from reviewed work: what counts, once, as it ended."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from approvals import inviting
from approvals.expertise import revoke
from approvals.models import Verdict
from approvals.progressing import Progress, Work, progress, what_is_missing, works
from approvals.reviewing import submit
from posts.drafting import clone
from tests.approvals.working import accepted, piece
from tests.casting import Cast, age_decisions, fresh

REJECT, CHANGES, WITHDRAW = Verdict.REJECT.value, Verdict.REQUEST_CHANGES.value, Verdict.WITHDRAW.value


def work(cast: Cast, who: str = "ines", domain: str = "craft") -> tuple[int, int, int]:
    """(accepted, rejected, mentors who accepted)"""
    person = cast.people[who].person_id
    found = works(cast.brand, [person]).get((person, domain), Work())
    return len(found.accepted), len(found.rejected), len(found.mentors)


def test_accepted_by_whoever_counts_mentors_named_apart(cast: Cast):
    accepted(cast, 2, by="nadia")
    accepted(cast, 1, by="marc")
    assert work(cast) == (3, 0, 1)
    assert work(cast, domain="company") == (2, 0, 1)
    assert work(cast, "marc") == (0, 0, 0)


def test_advice_accepts_nothing(cast: Cast):
    piece(cast, "sofia")
    assert work(cast) == (0, 0, 0)


def test_a_piece_counts_once_as_it_ended(cast: Cast):
    post = piece(cast, "nadia", CHANGES)
    assert work(cast) == (0, 0, 0)
    cast.edit("ines", post, text="Deux gestes.")
    cast.say("nadia", post)
    cast.say("hugo", post)
    assert work(cast) == (1, 0, 2)
    cast.say("nadia", post, REJECT)
    assert work(cast) == (0, 1, 0)
    cast.say("nadia", post, WITHDRAW)
    assert work(cast) == (1, 0, 1)


def test_a_clone_is_no_new_work_and_of_somebody_else_s_not_one_s_own(cast: Cast):
    post = piece(cast, "nadia")
    for who in ("ines", "marc"):
        with transaction.atomic():
            copy = clone(cast.people[who], fresh(post))
        cast.edit(who, copy, slot="on_approval")
        submit(cast.people[who], copy.pk)
        cast.say("hugo", copy)
    assert work(cast)[0] == 1
    assert work(cast, "marc")[0] == 0


def test_one_s_other_account_accepts_nothing(cast: Cast):
    twin = cast.member("ines2", craft=3)
    accepted(cast, 1, by="ines2")
    assert work(cast)[0] == 1
    inviting.link(cast.olga, cast.brand, cast.ines, twin)
    assert work(cast) == (0, 0, 0)


def test_what_rested_on_revoked_expertise_counts_for_nobody(cast: Cast):
    early, late = accepted(cast, 2, by="nadia")
    age_decisions(early, timedelta(days=10))
    row = cast.credentials("nadia", "craft").get()
    since = late.created_at - timedelta(days=1)
    revoke(cast.hugo, row.pk, "Elle valide sans lire.", since=since)
    assert work(cast)[0] == 1
    cast.grant("nadia", "craft", 3)
    accepted(cast, 1, by="nadia")
    assert work(cast)[0] == 2


@pytest.mark.parametrize(
    ("accepted_", "rejected", "elsewhere", "mentors", "missing"),
    [
        (20, 0, 0, 3, (0, 0)),
        (19, 0, 0, 3, (1, 0)),
        (20, 3, 0, 3, (0, 0)),
        (20, 4, 0, 3, (3, 0)),
        (17, 3, 0, 2, (3, 1)),
        (10, 0, 10, 3, (0, 0)),
        (9, 0, 10, 3, (1, 0)),
        (0, 0, 0, 0, (20, 3)),
    ],
)
def test_what_is_missing(
    accepted_: int, rejected: int, elsewhere: int, mentors: int, missing: tuple[int, int]
):
    found = Progress("craft", accepted_, rejected, elsewhere, 20, mentors, 3)
    assert (found.missing_posts, found.missing_mentors) == missing
    assert found.ready == (missing == (0, 0))


def test_in_words(cast: Cast):
    assert (
        what_is_missing(Progress("craft", 17, 0, 0, 20, 2, 3)) == "3 more accepted posts, and one more mentor"
    )
    assert what_is_missing(Progress("craft", 19, 0, 0, 20, 3, 3)) == "1 more accepted post"
    assert what_is_missing(Progress("craft", 20, 0, 0, 20, 2, 3)) == "the acceptance of one more mentor"
    assert what_is_missing(Progress("craft", 20, 0, 0, 20, 3, 3)) == ""


def test_as_many_mentors_as_there_are_and_half_from_elsewhere(cast: Cast):
    evidence = [{"text": "Ailleurs.", "posts": 30}]
    assert progress(cast.brand, "craft", None, 1, evidence).mentors_needed == 1
    assert progress(cast.brand, "craft", None, 5, evidence).mentors_needed == 3
    assert progress(cast.brand, "craft", None, 5, evidence).elsewhere == 10
    assert progress(cast.brand, "company", None, 5, evidence).elsewhere == 0


def test_the_same_number_of_queries_for_one_as_for_many(cast: Cast):
    accepted(cast, 1, by="nadia")
    counts = []
    for people in ([cast.ines.pk], [cast.ines.pk, cast.marc.pk, cast.sofia.pk]):
        with CaptureQueriesContext(connection) as queries:
            works(cast.brand, people)
        counts.append(len(queries))
        accepted(cast, 2, by="nadia", author="marc")
    assert counts[0] == counts[1] <= 5
