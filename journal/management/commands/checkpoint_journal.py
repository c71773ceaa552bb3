"""`manage.py checkpoint_journal --to FILE`: signed notes of the chains' heads, kept outside the database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from journal.checkpointing import checkpoint, public_hex, signing_key


class Command(BaseCommand):
    help = "Appends a signed checkpoint of each journal chain to a file that the database cannot reach."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--to", required=True, metavar="FILE", help="the file to append to")

    def handle(self, *args: Any, **options: Any) -> None:
        path = Path(options["to"])
        try:
            written = checkpoint(path)
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from error
        self.stdout.write(f"{written} checkpoints appended to {path}; public key {public_hex(signing_key())}")
