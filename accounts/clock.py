"""The database's time: the only clock the gate and the release engine believe."""

from __future__ import annotations

from datetime import datetime

from django.db import connection
from django.utils import timezone


def database_now() -> datetime:
    """The instant by the database's clock, aware, in UTC. Several machines agree on it; on SQLite
    there is one machine, and its clock is the one."""
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        row = cursor.fetchone()
    moment: datetime = row[0]
    return moment
