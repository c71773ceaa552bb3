"""The chosen time on the compose page: what goes out around it, quiet hours, both clocks; and texts that are
out already."""

from __future__ import annotations

from datetime import datetime, timedelta
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Brand, User
from posts.lifecycle import PostState
from posts.models import Post
from tests.casting import Cast, due, fresh, work
from tests.casting import cast as cast  # noqa: PLC0414
from tests.desk.entering import at_field, enter, filled

pytestmark = pytest.mark.django_db
PREVIEW = reverse("compose_preview")
PARIS = ZoneInfo("Europe/Paris")


def tomorrow(clock: str = "10:00") -> datetime:
    day = timezone.now().astimezone(PARIS).date() + timedelta(days=1)
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=PARIS)


def preview(cast: Cast, who: str = "ines", **fields: Any) -> str:
    answer = enter(cast, who).post(PREVIEW, filled(**fields))
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def at_slot(cast: Cast, **fields: Any) -> str:
    return at_field(preview(cast, **fields), "slot")


# --- Around the chosen time ---------------------------------------------------------------------
def test_what_goes_out_around_it_on_the_same_channel_is_named(cast: Cast):
    cast.submitted("Le guide des ampoules.", slot=tomorrow("10:20").isoformat())
    told = at_slot(cast, slot=tomorrow().isoformat())
    assert "Close to it on the same channel: 10:20, “Le guide des ampoules.” (in review)." in told


def test_what_goes_out_elsewhere_later_or_never_is_not(cast: Cast):
    cast.channel("console")
    cast.submitted("Ailleurs.", channels=["console"], slot=tomorrow().isoformat())
    cast.submitted("Plus tard.", slot=tomorrow("10:30").isoformat())
    refused = cast.submitted("Refusé.", slot=tomorrow().isoformat())
    cast.say("nadia", refused, "reject")
    assert "Close to it" not in at_slot(cast, slot=tomorrow().isoformat())


def test_many_around_it_are_not_all_named(cast: Cast):
    for n in range(5):
        cast.draft(f"Numéro {n} de la série.", slot=tomorrow(f"10:0{n}").isoformat())
    told = at_slot(cast, slot=tomorrow().isoformat())
    assert "Numéro 2 de la série." in told
    assert "Numéro 3" not in told
    assert ", and more." in told


def test_a_post_is_not_in_its_own_way_and_an_opened_draft_says_it_at_once(cast: Cast):
    mine = cast.draft("Le mien.", slot=tomorrow().isoformat())
    address, ines = reverse("edit_post", args=[mine.pk]), enter(cast, "ines")
    assert "Close to it" not in ines.get(address).content.decode()
    cast.draft("L’autre.", slot=tomorrow("09:45").isoformat())
    told = at_field(unescape(ines.get(address).content.decode()), "slot")
    assert "09:45, “L’autre.” (draft)" in told
    assert "Le mien." not in told


def test_a_slot_in_quiet_hours_or_on_a_holiday_is_marked_where_it_is_chosen(cast: Cast):
    html = preview(cast, slot=tomorrow("22:00").isoformat())
    assert '<small class="wait">quiet hours</small>' in html
    day = tomorrow().date().isoformat()
    Brand.objects.filter(pk=cast.brand.pk).update(holidays=[{"day": day, "name": "Sainte-Lumière"}])
    html = preview(cast, slot=tomorrow().isoformat())
    assert '<small class="wait">Sainte-Lumière</small>' in html
    assert "Sainte-Lumière" in at_field(html, "slot")


def test_a_writer_elsewhere_reads_both_clocks(cast: Cast):
    User.objects.filter(pk=cast.ines.pk).update(time_zone="Asia/Tokyo")
    html = enter(cast, "ines").get(reverse("compose")).content.decode()
    assert " in Tokyo</small>" in html
    assert " in Tokyo</small>" not in enter(cast, "marc").get(reverse("compose")).content.decode()


# --- Out already --------------------------------------------------------------------------------
TEXT = "Trois gestes simples pour nettoyer un abat-jour en lin sans le tacher."


@pytest.fixture
def out(cast: Cast) -> Post:
    """One that went out on the console."""
    cast.channel("console")
    post = cast.approved(TEXT, channels=["console"])
    due(post)
    work()
    assert fresh(post).lifecycle == PostState.PUBLISHED
    return post


def on_console(cast: Cast, text: str) -> str:
    return preview(cast, text=text, channels=["console"], **{"on-console-language": "fr"})


def test_a_text_that_is_out_already_is_recognised(cast: Cast, out: Post):
    html = on_console(cast, TEXT.upper() + " https://exemple.fr")
    assert "This very text is already out on Console" in html
    assert f'href="/posts/{out.pk}/"' in html
    near = on_console(cast, TEXT.replace("simples", "très simples"))
    assert "Nearly the same text is already out on Console" in near


def test_another_text_or_another_channel_is_not(cast: Cast, out: Post):
    assert "already out" not in on_console(
        cast, "Portrait : Jeanne, souffleuse de verre, vingt ans de métier."
    )
    assert "already out" not in on_console(cast, "")
    assert "already out" not in preview(cast, text=TEXT, channels=["demo"])


def test_recognising_never_blocks(cast: Cast, out: Post):
    post = cast.submitted(TEXT, channels=["console"])
    assert fresh(post).lifecycle == PostState.IN_REVIEW


def test_the_preview_asks_no_more_however_much_is_out_or_around(cast: Cast, out: Post):
    ines, sent = enter(cast, "ines"), filled(text=TEXT, channels=["console"], slot=tomorrow().isoformat())
    ines.post(PREVIEW, sent)
    with CaptureQueriesContext(connection) as few:
        ines.post(PREVIEW, sent)
    for _n in range(4):
        more = cast.approved(TEXT, channels=["console"])
        due(more)
        cast.draft(TEXT, channels=["console"], slot=tomorrow("10:10").isoformat())
    work()
    with CaptureQueriesContext(connection) as many:
        ines.post(PREVIEW, sent)
    # One for those around it, of which there was none before.
    assert len(many) <= len(few)
