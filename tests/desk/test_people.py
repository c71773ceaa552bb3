"""The matrix: who knows what, what hangs on whom, in a bounded number of queries."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.clock import database_now
from accounts.models import Absence
from approvals.expertise import revoke
from approvals.models import CredentialState
from approvals.suspending import suspend
from cm_queue.desk.people import gather
from tests.approvals.working import accepted
from tests.casting import Cast
from tests.casting import cast as cast  # noqa: PLC0414
from tests.desk.entering import enter

pytestmark = pytest.mark.django_db
PEOPLE = reverse("people")


def page(client: Client) -> str:
    answer = client.get(PEOPLE)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", unescape(answer.content.decode()))


def row_of(html: str, name: str) -> str:
    found = re.search(rf'<tr><th scope="row"><a href="/people/\d+/">{name}</a>.*?</tr>', html)
    assert found, f"no row of {name}"
    return found.group()


def column(cast: Cast, domain: str):
    team = gather(cast.brand, database_now())
    return next(one for one in team.columns if one.domain == domain)


def test_levels_stand_by_word_disc_and_end(cast: Cast):
    html = page(enter(cast, "ines"))
    assert "Every domain has two people who know it." in html
    row = row_of(html, "Hugo")
    assert row.count("#lv3") == 5
    assert "mentor" in row
    assert "founding" in row
    olga = row_of(html, "Olga")
    assert "approves nothing" in olga
    assert olga.count('class="nil"') == 5


def test_a_row_leads_to_the_person_and_shows_how_far_they_are(cast: Cast):
    accepted(cast, 2, by="nadia")
    html = page(enter(cast, "nadia"))
    ines = row_of(html, "Inès")
    assert f'href="/people/{cast.ines.pk}/"' in ines
    assert ines.count("2 of 20") == 3
    assert "of 20" not in row_of(html, "Marc")


def test_what_ends_within_two_weeks_is_flagged_by_its_day(cast: Cast):
    ago = database_now() - timedelta(days=80)
    cast.credentials("nadia", "company").update(valid_from=ago, confirmed_at=ago)
    assert '<span class="st wait">' in row_of(page(enter(cast, "ines")), "Nadia")
    assert '<span class="st wait">' not in row_of(page(enter(cast, "ines")), "Hugo")


def test_what_is_suspended_is_said(cast: Cast):
    suspend(cast.olga, cast.credentials("nadia", "company").get().pk, "Doute.")
    assert "suspended" in row_of(page(enter(cast, "ines")), "Nadia")


def test_a_title_or_ownership_gives_nobody_a_level(cast: Cast):
    team = gather(cast.brand, database_now())
    olga = next(line for line in team.lines if line.name == "Olga")
    assert olga.is_owner
    assert all(cell.level is None for cell in olga.cells)


def test_what_hangs_on_one_person_is_amber_and_on_nobody_red(cast: Cast):
    cast.product("lampe-brume")
    revoke(cast.olga, cast.credentials("sofia", f"product:{cast.lamp}").get().pk, "Elle a quitté la maison.")
    html = page(enter(cast, "marc"))
    assert "1 domain hangs on one person, 1 domain on nobody." in html
    assert "Lampe-Brume: nobody." in html
    assert "Lampe Aurore: Hugo alone." in html
    foot = html[html.index("<tfoot") :]
    assert "Hugo alone" in foot
    assert 'class="st stop"' in foot
    assert 'class="st wait"' in foot
    assert column(cast, f"product:{cast.lamp}").able == ["Hugo"]


def test_fewer_than_the_policy_asks_for_at_once_is_said(cast: Cast):
    revoke(cast.olga, cast.credentials("victor", "crisis").get().pk, "Il prend sa retraite.")
    assert column(cast, "crisis").asked == 2
    assert "The policy asks for 2 at once." in page(enter(cast, "ines"))


def test_a_level_that_is_over_or_lapsed_does_not_count(cast: Cast):
    ended = cast.credentials("nadia", "company")
    ended.update(state=CredentialState.LAPSED, ended_at=database_now())
    assert column(cast, "company").able == ["Hugo", "Victor"]
    html = page(enter(cast, "ines"))
    assert "lapsed" in row_of(html, "Nadia")


def test_two_accounts_of_one_person_are_one_row(cast: Cast):
    second = cast.member("hugo2")
    second.same_person_as = cast.hugo
    second.save(update_fields=["same_person_as"])
    team = gather(cast.brand, database_now())
    assert [line.name for line in team.lines].count("Hugo") == 1
    assert "Hugo2" not in [line.name for line in team.lines]


def test_absences_are_shown_while_they_last(cast: Cast):
    today = database_now().astimezone(cast.brand.zone).date()
    Absence.objects.create(brand=cast.brand, user=cast.sofia, first_day=today, last_day=today)
    past = today - timedelta(days=3)
    Absence.objects.create(brand=cast.brand, user=cast.marc, first_day=past, last_day=past)
    team = gather(cast.brand, database_now())
    assert [one.user for one in team.absences] == [cast.sofia]
    assert column(cast, f"product:{cast.lamp}").away == ["Sofia"]


def test_more_people_ask_no_more_of_the_database(cast: Cast):
    with CaptureQueriesContext(connection) as few:
        gather(cast.brand, database_now())
    for name in ("ada", "bea", "cleo", "dora"):
        cast.member(name, craft=2, company=1)
    with CaptureQueriesContext(connection) as many:
        team = gather(cast.brand, database_now())
    assert len(team.lines) == 11
    assert len(many) == len(few)


def test_an_outsider_sees_their_own_people_only(cast: Cast):
    html = page(enter(cast, "stranger"))
    assert "Zoé" in html
    assert "Nadia" not in html
    assert Client().get(PEOPLE).status_code == 302
