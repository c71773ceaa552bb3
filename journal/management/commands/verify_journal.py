"""`manage.py verify_journal [BRAND]`: exits 1 and names the first broken entry."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import Brand
from journal.sealing import seal
from journal.verifying import verify


class Command(BaseCommand):
    help = "Walks the journal's hash chain and names the first entry that was altered, removed or reordered."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("brand", nargs="?", help="a brand's short name; without it, every chain")

    def handle(self, *args: Any, **options: Any) -> None:
        slug = options["brand"]
        brands: list[Brand | None] = list(
            Brand.objects.filter(slug=slug) if slug else Brand.objects.order_by("pk")
        )
        if slug and not brands:
            raise CommandError(f"There is no brand {slug}.")
        while seal():
            pass
        faults = 0
        for brand in brands if slug else [*brands, None]:
            found = verify(brand)
            name = brand.slug if brand else "(installation)"
            if found.fault:
                faults += 1
                self.stderr.write(f"{name}: BROKEN after {found.sealed} good entries: {found.fault.sentence}")
            else:
                self.stdout.write(f"{name}: whole, {found.sealed} entries sealed")
        if faults:
            raise SystemExit(1)
