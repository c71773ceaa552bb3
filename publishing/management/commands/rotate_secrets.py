"""`manage.py rotate_secrets`: encrypts every channel's secret anew with the first of ENCRYPTION_KEYS."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from publishing.keeping import SecretLost, rotate


class Command(BaseCommand):
    help = "Encrypts every channel's secret anew with the first key, so that old keys can be taken out."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            turned = rotate()
        except SecretLost as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{turned} secrets are now encrypted with the first key.")
