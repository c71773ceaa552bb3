"""Who is asked: the smallest set of present people who together cover what is missing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.models import Absence, User
from approvals import inviting
from approvals.expertise import revoke
from approvals.gate import Coverage, Requirement
from approvals.models import Request
from approvals.policy import PRESETS
from approvals.reviewing import verdict_of
from approvals.routing import _asked_last, _load, ask, choose
from journal.models import Notice
from posts.models import Post
from tests.casting import Cast, digest_of, fresh, in_hours

NADIA, MARC, SOFIA, HUGO, INES = 1, 2, 3, 4, 5


def missing(domain: str, *could: int, n: int = 1, level: int = 2) -> Coverage:
    return Coverage(Requirement(domain, level, n), (), n, could)


def covered(domain: str, by: int, *could: int) -> Coverage:
    return Coverage(Requirement(domain, 2), (by,), 0, could)


CRAFT, PRODUCT = missing("craft", NADIA, MARC), missing("product:lampe", SOFIA)


def test_the_example_of_the_issue():
    load = {NADIA: 5, MARC: 1}
    assert sorted(choose([CRAFT, PRODUCT], 1, load, {})) == [MARC, SOFIA]
    without_marc = missing("craft", NADIA)
    assert sorted(choose([without_marc, PRODUCT], 1, load, {})) == [NADIA, SOFIA]


def test_one_who_covers_all_comes_before_two_who_share_it():
    both = [missing("craft", NADIA, MARC), missing("company", NADIA, HUGO)]
    assert choose(both, 1, {NADIA: 9}, {}) == [NADIA]


def test_two_are_asked_where_two_are_needed():
    both = [missing("craft", NADIA, MARC), missing("company", NADIA, HUGO)]
    assert sorted(choose(both, 2, {MARC: 3}, {})) == [NADIA, HUGO]
    assert sorted(choose([missing("crisis", NADIA, MARC, HUGO, n=2)], 1, {MARC: 1}, {})) == [NADIA, HUGO]


def test_least_loaded_then_asked_longest_ago_then_by_number():
    one = [missing("craft", NADIA, MARC, HUGO)]
    assert choose(one, 1, {NADIA: 2, MARC: 1, HUGO: 1}, {MARC: 50.0, HUGO: 20.0}) == [HUGO]
    assert choose(one, 1, {}, {NADIA: 50.0}) == [MARC]
    assert choose(one, 1, {}, {}) == [NADIA]


def test_nothing_missing_nobody_asked():
    assert choose([covered("craft", NADIA, MARC)], 0, {}, {}) == []
    assert choose([], 0, {}, {}) == []


def test_another_pair_of_eyes_is_asked_of_whoever_could():
    assert choose([covered("craft", NADIA, MARC, HUGO)], 1, {MARC: 1}, {}) == [HUGO]


def test_a_third_person_is_found_beside_the_expert_who_is_missing():
    """M = 3, Nadia has approved: Sofia for the product, and one more whose requirement is covered already."""
    found = choose([covered("craft", NADIA, MARC), missing("product:lampe", SOFIA)], 2, {}, {})
    assert sorted(found) == [MARC, SOFIA]


def test_in_duo_whoever_may_read_is_asked_though_they_cover_nothing():
    assert choose([covered("craft", NADIA)], 1, {}, {}, others=[INES]) == [INES]


def test_as_many_as_help_when_no_set_covers_all():
    assert choose([missing("craft", NADIA), missing("legal")], 1, {}, {}) == [NADIA]
    assert choose([missing("legal")], 1, {}, {}) == []
    assert choose([missing("craft", NADIA, n=3)], 1, {}, {}) == [NADIA]


# --- For real ----------------------------------------------------------------------------------------
def asked(cast: Cast, **fields: object) -> set[str]:
    post = cast.submitted(**fields)  # type: ignore[arg-type]
    return set(Request.objects.filter(post=post).values_list("user__name", flat=True))


def test_submitting_asks_who_together_cover_it(cast: Cast):
    assert asked(cast) <= {"Nadia", "Hugo"}
    names = asked(cast, kind="launch", products=[cast.lamp])
    assert len(names) == 2
    assert names & {"Sofia", "Hugo"}


def test_whoever_is_away_or_wrote_it_or_left_is_not_asked(cast: Cast):
    day = in_hours(2).astimezone(cast.brand.zone).date()
    Absence.objects.create(brand=cast.brand, user=cast.hugo, first_day=day - timedelta(days=1), last_day=day)
    assert asked(cast) == {"Nadia"}
    inviting.deactivate(cast.olga, cast.membership("nadia"))
    assert asked(cast) & {"Nadia", "Hugo"} == set()


def test_when_nobody_could_the_author_is_told(cast: Cast):
    for who in ("marc", "nadia", "hugo", "victor", "sofia"):
        inviting.deactivate(cast.olga, cast.membership(who))
    assert asked(cast) == set()
    assert cast.ines.notices.filter(kind="review.nobody").exists()


def test_nobody_is_asked_twice_for_the_same_bytes(cast: Cast):
    post = cast.submitted()
    for _ in range(4):
        ask(fresh(post), verdict_of(fresh(post))[1])
    asked = list(Request.objects.filter(post=post).values_list("user__name", flat=True))
    assert len(asked) == 1


def test_a_team_of_two_in_duo_asks_the_beginner(cast: Cast):
    """The expert wrote it; the beginner reads it. Without the beginner being asked nobody would come."""
    for who in ("marc", "hugo", "victor", "sofia"):
        inviting.deactivate(cast.olga, cast.membership(who))
    cast.adopt("duo")
    post = cast.submitted(author=cast.nadia)
    assert set(Request.objects.filter(post=post).values_list("user__name", flat=True)) == {"Inès"}
    cast.say("ines", post)
    assert fresh(post).state == "scheduled"


def test_the_open_account_of_a_person_is_asked_when_another_is_closed(cast: Cast):
    twin = cast.member("hugo2")
    for domain in ("craft", "company", "channel:demo"):
        # Not by Hugo: what one person granted to another of their accounts would be suspended.
        cast.grant("hugo2", domain, 3, first_grantor=cast.nadia)
    for who in ("nadia", "victor", "marc"):
        inviting.deactivate(cast.olga, cast.membership(who))
    inviting.link(cast.olga, cast.brand, cast.hugo, twin)
    inviting.deactivate(cast.olga, cast.membership("hugo"))
    assert asked(cast) == {"Hugo2"}
    assert User.objects.get(pk=twin.pk).person_id == cast.hugo.pk


@pytest.mark.parametrize("people", [1, 2])
def test_many_members_are_chosen_from_quickly_enough_to_count(people: int):
    """No exponential search among those who could: at most four are combined."""
    crowd = tuple(range(1, 41))
    assert len(choose([missing("craft", *crowd), missing("company", *crowd)], people, {}, {})) == people


# --- The example of the issue, from the database -----------------------------------------------------
def the_example(cast: Cast) -> None:
    """Craft by Nadia (5 open) or Marc (1 open), the product by Sofia alone; nothing else is asked."""
    for who in ("hugo", "victor"):
        inviting.deactivate(cast.olga, cast.membership(who))
    revoke(cast.olga, cast.credentials("sofia", "craft").get().pk, "Pour l’exemple.")
    cast.adopt(
        {
            **PRESETS["team"],
            "kinds": {
                "launch": {
                    "requirements": [{"domain": "craft", "level": 2}, {"domain": "product:*", "level": 2}],
                    "people": 1,
                    "ttl_minutes": 60 * 24,
                },
                "routine": PRESETS["team"]["kinds"]["routine"],
            },
        }
    )
    for who, count in (("nadia", 5), ("marc", 1)):
        for n in range(count):
            post = cast.submitted(f"Pour {who}, {n}.")
            Request.objects.filter(post=post).delete()
            Request.objects.create(post=post, user=cast.people[who], digest=digest_of(post))


def test_asked_are_marc_and_sofia(cast: Cast):
    the_example(cast)
    assert asked(cast, kind="launch", products=[cast.lamp]) == {"Marc", "Sofia"}


@pytest.mark.parametrize("day", ["today", "at the slot"])
def test_with_marc_absent_nadia_and_sofia(cast: Cast, day: str):
    the_example(cast)
    moment = in_hours(0) if day == "today" else in_hours(50)
    local = moment.astimezone(cast.brand.zone).date()
    Absence.objects.create(brand=cast.brand, user=cast.marc, first_day=local, last_day=local)
    names = asked(cast, kind="launch", products=[cast.lamp], slot=in_hours(50).isoformat())
    assert names == {"Nadia", "Sofia"}


def test_answered_and_outdated_requests_are_no_load(cast: Cast):
    the_example(cast)
    for post in Post.objects.filter(requests__user=cast.nadia):
        cast.say("nadia", post, "request_changes")
    assert asked(cast, kind="launch", products=[cast.lamp]) == {"Nadia", "Sofia"}


def test_a_post_that_waits_for_two_accounts_of_a_person_is_one(cast: Cast):
    twin = cast.member("nadia2")
    inviting.link(cast.olga, cast.brand, cast.nadia, twin)
    Request.objects.all().delete()
    posts = [cast.submitted() for _ in range(2)]
    for post in posts:
        Request.objects.filter(post=post).delete()
        for user in (cast.nadia, twin):
            Request.objects.create(post=post, user=user, digest=digest_of(post), asked_at=in_hours(-3))
    Request.objects.create(post=posts[0], user=cast.marc, digest=digest_of(posts[0]), asked_at=in_hours(-2))
    assert _load(cast.brand.pk) == {cast.nadia.pk: 2, cast.marc.pk: 1}
    assert _load(cast.elsewhere.pk) == {}


def test_who_was_asked_last_is_told_by_the_newest_request_of_all_their_accounts_here(cast: Cast):
    twin = cast.member("nadia2")
    inviting.link(cast.olga, cast.brand, cast.nadia, twin)
    post = cast.submitted()
    Request.objects.all().delete()
    newest = in_hours(-3)
    for user, digest, moment in (
        (cast.nadia, "a" * 64, in_hours(-9)),
        (cast.nadia, "b" * 64, in_hours(-5)),
        (twin, "a" * 64, newest),
        (cast.marc, "a" * 64, in_hours(-4)),
    ):
        Request.objects.create(post=post, user=user, digest=digest, asked_at=moment)
    found = _asked_last(cast.brand.pk)
    assert found.keys() == {cast.nadia.pk, cast.marc.pk}
    assert found[cast.nadia.pk] == pytest.approx(newest.timestamp(), abs=1e-3)
    assert found[cast.nadia.pk] > found[cast.marc.pk]
    assert _asked_last(cast.elsewhere.pk) == {}


def test_somebody_away_at_the_slot_is_asked_when_nobody_else_could(cast: Cast):
    for who in ("hugo", "victor", "marc"):
        inviting.deactivate(cast.olga, cast.membership(who))
    day = in_hours(50).astimezone(cast.brand.zone).date()
    Absence.objects.create(brand=cast.brand, user=cast.nadia, first_day=day, last_day=day)
    assert asked(cast, slot=in_hours(50).isoformat()) == {"Nadia"}
    assert not cast.ines.notices.filter(kind="review.nobody").exists()


def test_the_author_and_the_owner_are_told_while_it_is_a_draft_and_once(cast: Cast):
    inviting.deactivate(cast.olga, cast.membership("sofia"))
    inviting.deactivate(cast.olga, cast.membership("hugo"))
    post = cast.draft(kind="launch", products=[cast.lamp])

    def told() -> list[list[str]]:
        rows = Notice.objects.filter(kind="review.nobody", post_id=post.pk, user__in=[cast.ines, cast.olga])
        return [row.data["lacking"] for row in rows]

    assert told() == [["product:lampe-aurore 2"]] * 2, "as soon as it is saved"
    cast.edit("ines", post, text="La lampe, encore.")
    assert len(told()) == 2, "and not again"
    assert fresh(post).state == "draft"


def test_many_experts_are_chosen_one_by_one():
    """Six products, an expert each, and one generalist who covers three of them."""
    coverage = [missing(f"product:{n}", n, *([9] if n <= 3 else [])) for n in range(1, 7)]
    assert sorted(choose(coverage, 1, {}, {})) == [4, 5, 6, 9]
    wide = [missing(f"product:{n}", n) for n in range(1, 7)]
    assert sorted(choose(wide, 1, {}, {})) == [1, 2, 3, 4, 5, 6]
