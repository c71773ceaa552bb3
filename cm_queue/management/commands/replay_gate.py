"""`manage.py replay_gate [--since DATE]`: exits 1 and names every gate decision that no longer comes out."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.dateparse import parse_date, parse_datetime

from approvals.replaying import differences


def read_since(text: str) -> datetime:
    """A day (from its beginning, in UTC) or an instant. Raises CommandError."""
    try:
        moment = parse_datetime(text) if "T" in text or " " in text else None
        day = parse_date(text) if moment is None else None
    except ValueError:
        moment = day = None
    if moment is None and day is not None:
        moment = datetime.combine(day, time(), UTC)
    if moment is None:
        raise CommandError(f"{text!r} is no date: write it like 2026-11-22.")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class Command(BaseCommand):
    help = "Evaluates every stored gate decision again and names those that come out otherwise."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--since", default="", help="only from this day on, such as 2026-11-22")

    def handle(self, *args: Any, **options: Any) -> None:
        since = read_since(options["since"]) if options["since"] else None
        looked = wrong = 0
        for found in differences(since):
            looked += 1
            if found is not None:
                wrong += 1
                self.stderr.write(
                    f"#{found.pk}, post {found.post_id}: stored {found.stored}, now {found.now}"
                )
        if wrong:
            self.stderr.write(f"{wrong} of {looked} gate decisions do not come out as they were stored.")
            raise SystemExit(1)
        self.stdout.write(f"{looked} gate decisions evaluated again: all come out as they were stored.")
