"""`manage.py tick [--once]`: the supervised loop that says when."""

from __future__ import annotations

import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from accounts.ending import Ending
from publishing import ticking
from publishing.measuring import Measures


class Command(BaseCommand):
    help = "Looks what is due, hints to the workers, sweeps, seals the journal. For ever, or once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="one round, then end")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["once"]:
            ticking.tick()
            return
        measures = Measures()
        if settings.METRICS_PORT:
            measures.serve(settings.METRICS_PORT)
        ending = Ending()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ending.set())
        ticking.run(ending.wait, measures if settings.METRICS_PORT else None)
