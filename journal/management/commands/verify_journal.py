"""`manage.py verify_journal [BRAND] [--against FILE]`: exits 1 and names the first broken entry of each chain,
and every checkpoint (`checkpoint_journal`) that the chains no longer bear out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import Brand
from journal.checkpointing import compare
from journal.sealing import seal
from journal.verifying import verify


class Command(BaseCommand):
    help = "Walks the journal's hash chain and names the first entry that was altered, removed or reordered."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("brand", nargs="?", help="a brand's short name; without it, every chain")
        parser.add_argument("--against", metavar="FILE", default="", help="checkpoints written before")
        parser.add_argument(
            "--key", default="", help="the public key of the checkpoints, when SECRET_KEY was another then"
        )

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
        if options["against"]:
            faults += self._compare(Path(options["against"]), options["key"], brands[0] if slug else None)
        if faults:
            raise SystemExit(1)

    def _compare(self, path: Path, key: str, brand: Brand | None) -> int:
        faults = 0
        try:
            for sentence in compare(path, key, brand):
                faults += 1
                self.stderr.write(f"CHECKPOINT: {sentence}")
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from error
        except ValueError as error:
            raise CommandError(f"--key: not a public key of checkpoints: {error}") from error
        if not faults:
            self.stdout.write(f"{path}: every checkpoint is borne out")
        return faults
