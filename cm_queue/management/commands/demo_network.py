"""`manage.py demo_network`: runs the demonstration network until it is told to stop."""

from __future__ import annotations

import argparse

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from cm_queue.demo_network import run


class Command(BaseCommand):
    help = "Runs the demonstration network on loopback, with a public page of what went out."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=settings.DEMO_NETWORK_PORT)

    def handle(self, *, port: int, **options: object) -> None:
        try:
            run(settings.DATA_DIR / "demo_network", port, self.stdout.write)
        except OSError as error:
            raise CommandError(
                f"The demonstration network cannot listen on 127.0.0.1:{port}: {error.strerror}."
            ) from error
