"""`manage.py stop --all | BRAND … [--start] [--reason …]`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import Brand
from accounts.refusals import Refused
from journal.recording import OPERATOR
from publishing.stopping import start_brand, stop_all, stop_brand


class Command(BaseCommand):
    help = "Stops brands before their next send, or starts them again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("brand", nargs="*", help="short names")
        parser.add_argument("--all", action="store_true", help="every brand of the installation")
        parser.add_argument("--start", action="store_true", help="start the named brands again")
        parser.add_argument("--reason", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        slugs = options["brand"]
        if options["all"] and not options["start"]:
            stopped = stop_all(OPERATOR, options["reason"])
            self.stdout.write(f"stopped: {', '.join(one.slug for one in stopped) or 'nothing was running'}")
            return
        brands = list(Brand.objects.all() if options["all"] else Brand.objects.filter(slug__in=slugs))
        missing = set(slugs) - {one.slug for one in brands}
        if missing or not brands:
            raise CommandError(
                f"There is no brand {', '.join(sorted(missing)) or 'named'}: name one, or --all."
            )
        for brand in brands:
            try:
                if options["start"]:
                    start_brand(OPERATOR, brand)
                else:
                    stop_brand(OPERATOR, brand, options["reason"])
            except Refused as refusal:
                self.stderr.write(refusal.sentence)
            else:
                self.stdout.write(f"{'started' if options['start'] else 'stopped'}: {brand.slug}")
