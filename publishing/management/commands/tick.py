"""`manage.py tick [--once]`: the supervised loop that says when."""

from __future__ import annotations

import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from accounts.collecting import spare_what_is_loaded
from accounts.ending import Ending
from posts.timekeeping import keep_local_times
from publishing import ticking
from publishing.measuring import Measures


class Command(BaseCommand):
    help = "Looks what is due, hints to the workers, sweeps, seals the journal. For ever, or once."
    # They load every page and form, which is half of a start; `migrate` makes them.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="one round, then end")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["once"]:
            keep_local_times()
            ticking.tick()
            return
        measures = Measures()
        if settings.METRICS_PORT:
            measures.serve(settings.METRICS_PORT)
        ending = Ending()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ending.set())
        spare_what_is_loaded()
        ticking.run(ending.wait, measures if settings.METRICS_PORT else None)
