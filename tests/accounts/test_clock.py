"""The database's time."""

from __future__ import annotations

from datetime import UTC, timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.clock import database_now


@pytest.mark.django_db
def test_it_is_aware_and_near_this_machines():
    moment = database_now()
    assert moment.utcoffset() == timedelta(0)
    assert abs(moment - timezone.now()) < timedelta(minutes=1)
    assert moment.astimezone(UTC) == moment


@pytest.mark.django_db
def test_it_goes_on_inside_a_transaction():
    """`now()` would stand still at the transaction's beginning, which may be long ago."""
    with transaction.atomic():
        first = database_now()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        assert database_now() > first
