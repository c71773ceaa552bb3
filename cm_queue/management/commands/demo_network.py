"""`manage.py demo_network`: runs the demonstration network until it is told to stop."""

from __future__ import annotations

import argparse
import signal
import threading
from types import FrameType

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from cm_queue.demo_network import serve


class Command(BaseCommand):
    help = "Runs the demonstration network on loopback, with a public page of what went out."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=settings.DEMO_NETWORK_PORT)

    def handle(self, *, port: int, **options: object) -> None:
        stop = threading.Event()

        def ask_to_stop(_signal: int, _frame: FrameType | None) -> None:
            stop.set()

        signal.signal(signal.SIGTERM, ask_to_stop)
        signal.signal(signal.SIGINT, ask_to_stop)
        try:
            server = serve(settings.DATA_DIR / "demo_network", port)
        except OSError as error:
            raise CommandError(
                f"The demonstration network cannot listen on 127.0.0.1:{port}: {error.strerror}."
            ) from error
        listening = threading.Thread(target=server.serve_forever, name="demo-network", daemon=True)
        listening.start()
        self.stdout.write(
            f"The demonstration network shows what goes out at http://127.0.0.1:{server.server_port}/"
        )
        stop.wait()
        server.shutdown()
        server.server_close()
