"""The guided first draft: for whoever is still learning, waved away once."""

from __future__ import annotations

import pytest
from django.urls import reverse

from accounts.models import User
from tests.casting import Cast
from tests.casting import cast as cast  # noqa: PLC0414
from tests.desk.entering import enter

pytestmark = pytest.mark.django_db
COMPOSE = reverse("compose")
AWAY = reverse("wave_hint_away", args=["first-draft"])
GUIDE = "Your first drafts, in four steps"


def test_a_beginner_is_guided_and_somebody_entrusted_is_not(cast: Cast):
    assert GUIDE in enter(cast, "ines").get(COMPOSE).content.decode()
    assert GUIDE not in enter(cast, "nadia").get(COMPOSE).content.decode()


def test_waved_away_it_stays_away_on_every_device(cast: Cast):
    assert enter(cast, "ines").post(AWAY)["Location"] == COMPOSE
    assert GUIDE not in enter(cast, "ines").get(COMPOSE).content.decode()
    assert GUIDE in enter(cast, "olga").get(COMPOSE).content.decode(), "each for themselves"


def test_with_a_script_only_the_hint_goes(cast: Cast):
    answer = enter(cast, "ines").post(AWAY, headers={"HX-Request": "true"})
    assert (answer.status_code, answer.content) == (200, b"")
    enter(cast, "ines").post(AWAY)
    assert User.objects.get(pk=cast.ines.pk).hints_seen == ["first-draft"]


def test_a_hint_that_is_none_is_not_stored(cast: Cast):
    assert enter(cast, "ines").post(reverse("wave_hint_away", args=["else"])).status_code == 404
    assert enter(cast, "ines").get(AWAY).status_code == 405
