"""Stopping a brand, or everything: before the next send, also of what is claimed."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.management import call_command

from accounts.models import Brand
from accounts.refusals import Forbidden, Refused
from journal.models import Entry
from publishing.claiming import claim
from publishing.stopping import start_brand, stop_all, stop_brand
from tests.staging import House

pytestmark = pytest.mark.django_db


def test_a_stopped_brand_sends_nothing_until_an_owner_starts_it(
    lumiere: House, network: Any, release: Any
) -> None:
    lumiere.approved("En attente.")
    stop_brand(lumiere.ines, lumiere.brand, "Je vérifie.")
    assert release() == []
    with pytest.raises(Forbidden):
        start_brand(lumiere.nadia, lumiere.brand)
    start_brand(lumiere.olga, lumiere.brand)
    release()
    assert network.texts() == ["En attente."]


def test_what_is_claimed_when_the_brand_is_stopped_is_given_back(
    lumiere: House, network: Any, release: Any
) -> None:
    lumiere.approved()
    ready = claim("worker-1", 10)
    stop_brand(lumiere.ines, lumiere.brand)
    assert release(ready) == []
    assert network.texts() == []


def test_stopping_everything_is_the_operators(lumiere: House) -> None:
    with pytest.raises(Forbidden):
        stop_all(lumiere.olga)
    out = io.StringIO()
    call_command("stop", "--all", stdout=out)
    assert "maison-lumiere" in out.getvalue()
    assert Brand.objects.filter(stopped_at__isnull=True).count() == 0
    with pytest.raises(Refused):
        stop_brand(lumiere.ines, lumiere.brand)
    call_command("stop", "--all", "--start", stdout=out)
    assert Brand.objects.filter(stopped_at__isnull=False).count() == 0
    assert list(Entry.objects.filter(verb__startswith="brand.st").values_list("verb", flat=True)) == [
        "brand.stop",
        "brand.start",
    ]
