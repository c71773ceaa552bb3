"""Notices: all of them in pages, read when opened, and told the way their reader chose."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Membership
from cm_queue.desk.notices_page import PER_PAGE
from journal.models import How, Notice, Preference, Topic
from journal.preferring import DEFAULTS, DIGEST, off_token, wishes_of
from tests.casting import Cast
from tests.casting import cast as cast  # noqa: PLC0414
from tests.desk.entering import enter

pytestmark = pytest.mark.django_db
PAGE, PREFER, READ = reverse("notifications"), reverse("notifications_prefer"), reverse("read_notices")


def page(client: Client, url: str = PAGE, **filters: Any) -> str:
    answer = client.get(url, filters)
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def tell(cast: Cast, who: str, number: int = 1, **fields: Any) -> list[Notice]:
    fields = {"kind": "post.missed", "brand": cast.brand, **fields}
    return [Notice.objects.create(user=cast.people[who], **fields) for _n in range(number)]


def choice(**chosen: str) -> dict[str, str]:
    wishes = {topic.value: how.value for topic, how in DEFAULTS.items() if topic != Topic.INCIDENT}
    return {**wishes, "hour": "8", **chosen}


def test_it_says_what_was_told_about_which_post_and_what_is_new(cast: Cast):
    post = cast.submitted("L’atelier ouvre samedi.")
    Notice.objects.all().delete()
    tell(cast, "ines", post_id=post.pk)
    html = page(enter(cast, "ines"))
    assert "1 notice is new." in html
    assert "This post missed its slot: choose another one" in html
    assert "L’atelier ouvre samedi." in html


def test_opening_one_reads_it_and_leads_to_its_thing(cast: Cast):
    post = cast.submitted()
    (told,) = tell(cast, "ines", post_id=post.pk)
    answer = enter(cast, "ines").get(reverse("notifications_open", args=[told.pk]))
    assert answer["Location"] == reverse("post", args=[post.pk])
    told.refresh_from_db()
    assert told.read_at is not None


def test_a_notice_of_another_brand_of_theirs_brings_that_brand(cast: Cast):
    Membership.objects.create(brand=cast.elsewhere, user=cast.ines)
    (told,) = tell(cast, "ines", kind="policy.propose", brand=cast.elsewhere)
    client = enter(cast, "ines")
    assert client.get(PAGE).context["house"].brand == cast.brand
    assert client.get(reverse("notifications_open", args=[told.pk]))["Location"] == reverse("policy")
    assert client.get(PAGE).context["house"].brand == cast.elsewhere


def test_nobody_opens_or_sees_what_another_was_told(cast: Cast):
    (told,) = tell(cast, "ines")
    for who in ("marc", "stranger"):
        assert enter(cast, who).get(reverse("notifications_open", args=[told.pk])).status_code == 404
        assert "This post missed its slot" not in page(enter(cast, who))
    told.refresh_from_db()
    assert told.read_at is None


def test_what_one_was_told_of_a_brand_one_left_is_closed(cast: Cast):
    (told,) = tell(cast, "ines", brand=cast.elsewhere)
    assert enter(cast, "ines").get(reverse("notifications_open", args=[told.pk])).status_code == 404


def test_marking_as_read_comes_back_here_and_leaves_what_came_since(cast: Cast):
    tell(cast, "ines", 2)
    client = enter(cast, "ines")
    up_to = client.get(PAGE).context["up_to"]
    (later,) = tell(cast, "ines")
    assert client.post(READ, {"up_to": up_to, "back": "notifications"})["Location"] == PAGE
    assert client.post(READ, {"up_to": 0, "back": "//evil.example"}).status_code == 302
    assert list(Notice.objects.filter(user=cast.ines, read_at__isnull=True)) == [later]
    assert "1 notice is new." in page(client)


def test_long_lists_come_in_pages_and_only_the_new_ones_on_request(cast: Cast):
    tell(cast, "ines", PER_PAGE + 1)
    client = enter(cast, "ines")
    assert page(client).count('class="new"') == PER_PAGE
    assert page(client, page=2).count('class="new"') == 1
    client.post(READ, {"up_to": 10**9})
    assert "Nothing new." in page(client, only="unread")
    assert "You know everything." in page(client)


def test_somebody_new_learns_what_will_stand_here(cast: Cast):
    Notice.objects.all().delete()
    assert "Nobody told you anything yet." in page(enter(cast, "ines"))


def test_rows_cost_no_queries(cast: Cast):
    client, counts = enter(cast, "ines"), []
    for number in (3, 20):
        for n in range(number):
            tell(cast, "ines", post_id=cast.draft(f"Brouillon {n}.").pk)
        client.get(PAGE)
        with CaptureQueriesContext(connection) as seen:
            client.get(PAGE)
        counts.append(len(seen))
    assert counts[0] == counts[1]


def test_what_is_chosen_is_kept_and_shown(cast: Cast):
    client = enter(cast, "ines")
    answer = client.post(PREFER, choice(talk=How.HERE.value, hour="18"), follow=True)
    assert "Kept: this is how you are told" in unescape(answer.content.decode())
    assert wishes_of([cast.ines.pk])[cast.ines.pk][Topic.TALK] == How.HERE
    form = answer.context["form"]
    assert (form["talk"].value(), str(form["hour"].value())) == (How.HERE.value, "18")


def test_incidents_are_no_choice_and_the_page_says_why(cast: Cast):
    client = enter(cast, "ines")
    html = page(client)
    assert "Incidents, stops, urgent calls" in html
    assert "whoever is on call is waited for" in html
    assert 'name="incident"' not in html
    client.post(PREFER, choice(incident=How.HERE.value))
    assert wishes_of([cast.ines.pk])[cast.ines.pk][Topic.INCIDENT] == How.AT_ONCE


def test_what_cannot_be_chosen_comes_back_with_what_can(cast: Cast):
    answer = enter(cast, "ines").post(PREFER, choice(talk="by_pigeon", team=How.HERE.value))
    assert answer.status_code == 422
    assert answer.context["form"]["team"].value() == How.HERE.value
    assert not Preference.objects.exists()


# --- Off with one click ------------------------------------------------------------------------------
def off(cast: Cast, what: Any = Topic.ANSWERED) -> str:
    return reverse("notifications_off", args=[off_token(cast.ines, what)])


def test_a_mail_program_ends_it_by_itself_without_signing_in(cast: Cast):
    client = Client(enforce_csrf_checks=True)
    answer = client.post(off(cast), {"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert wishes_of([cast.ines.pk])[cast.ines.pk][Topic.ANSWERED] == How.HERE
    assert client.post(off(cast)).status_code == 200, "twice is once"


def test_looking_at_the_link_ends_nothing(cast: Cast):
    cast.ines.language = "en"
    cast.ines.save(update_fields=["language"])
    html = page(Client(), off(cast))
    assert "No more mail about “Somebody decided on your post”?" in html
    assert not Preference.objects.exists()


def test_the_digest_can_be_ended_too(cast: Cast):
    Client().post(off(cast, DIGEST))
    assert How.DIGEST not in wishes_of([cast.ines.pk])[cast.ines.pk].values()


def test_an_address_that_we_did_not_sign_does_nothing(cast: Cast):
    for token in ("abc-def", off_token(cast.ines, Topic.TALK)[:-1] + "x"):
        assert Client().post(reverse("notifications_off", args=[token])).status_code == 404
    assert not Preference.objects.exists()
