"""`manage.py up`: the whole installation in one terminal.

Prepares the data folder, the keys and the database, then starts the web server, the publish workers,
the ticker, a Valkey when no REDIS_URL is given and, with DEMO=1, the demonstration network. Ctrl-C or
SIGTERM ends them all.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import sys
import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from accounts.models import User
from cm_queue import embedded, starting
from cm_queue.seeding import move_demo_network
from cm_queue.supervising import Part, Supervisor

_READY_PATIENCE_S = 240.0


class Command(BaseCommand):
    help = (
        "Starts everything: web server, publish workers, ticker, Valkey and, with DEMO=1, the demonstration."
    )
    # The tests run Django's checks; here and in every child they would add seconds to each start.
    requires_system_checks: list[str] = []

    def handle(self, *_args: Any, **_options: Any) -> None:
        try:
            lock = starting.lock_data_folder(settings.DATA_DIR)
            try:
                with (
                    starting.listen(settings.HOST, settings.PORT) as listener,
                    Supervisor(lock) as supervisor,
                ):
                    self._run(supervisor, listener)
            finally:
                os.close(lock)
        except (starting.CannotStart, embedded.NoValkey) as error:
            raise CommandError(str(error)) from error
        except sqlite3.Error as error:
            raise CommandError(f"The database could not be copied before migrating it: {error}.") from error
        self._say("Stopped.")

    def _run(self, supervisor: Supervisor, listener: socket.socket) -> None:
        # WhiteNoise warns about a folder that is not there; nothing need be collected into it.
        settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
        starting.wait_for_database(lambda: supervisor.asked_to_stop)
        if supervisor.asked_to_stop:
            return
        copy = starting.migrate()
        if copy is not None:
            self._say(f"The database was copied to {copy} before it was migrated.")
        shared = self._environment()
        if settings.REDIS_IS_OURS:
            self._start_valkey(supervisor)
        starting.mark_demonstration(settings.DATA_DIR, settings.DEMO)
        if settings.DEMO and not self._seed(supervisor, shared):
            return
        for part in self._parts(listener, shared):
            supervisor.start(part)
        if self._wait_until_ready(supervisor):
            self._announce(shared)
        while supervisor.tend():
            pass
        self._say("Stopping …")

    def _environment(self) -> dict[str, str]:
        """What every child is told beyond our own environment."""
        shared = {
            "CMQ_DATA_DIR": str(settings.DATA_DIR),
            "PYTHONUNBUFFERED": "1",
            "TZ": "UTC",  # RQ keeps local time
        }
        if settings.DEMO:
            shared["DEMO_NETWORK_PORT"] = str(starting.free_port(settings.DEMO_NETWORK_PORT))
        return shared

    def _start_valkey(self, supervisor: Supervisor) -> None:
        embedded.stop_stray(settings.DATA_DIR)
        # The last stage: workers and web server lean on it while they finish.
        part = Part("Valkey", embedded.command(settings.DATA_DIR), stage=2)
        if embedded.wait_for(supervisor.start(part), settings.DATA_DIR):
            return
        supervisor.forget(part)
        if embedded.set_aside(settings.DATA_DIR):
            self._say("Valkey could not read its files; they were set aside. Nothing is lost by that.")
            if embedded.wait_for(supervisor.start(part), settings.DATA_DIR):
                return
        raise starting.CannotStart(
            f"Valkey did not start; {settings.DATA_DIR}/valkey/valkey.log says why. REDIS_URL may name another."
        )

    def _seed(self, supervisor: Supervisor, shared: dict[str, str]) -> bool:
        """Fills an empty database with the demonstration; False when we were asked to stop meanwhile."""
        empty = not User.objects.exists()
        if not empty:
            move_demo_network(f"http://127.0.0.1:{shared['DEMO_NETWORK_PORT']}")
        connections.close_all()
        if not empty:
            return True
        status = supervisor.run(Part("seed_demo", _manage("seed_demo"), environment=shared))
        if status:
            raise starting.CannotStart("The demonstration could not be made; the reason is above.")
        return status == 0

    def _parts(self, listener: socket.socket, shared: dict[str, str]) -> list[Part]:
        web = [
            *(sys.executable, "-m", "gunicorn", "cm_queue.wsgi", "--bind", f"fd://{listener.fileno()}"),
            *("--worker-class", "gthread", "--workers", str(settings.WEB_WORKERS)),
            *("--threads", str(settings.WEB_THREADS), "--timeout", "60", "--graceful-timeout", "4"),
            # Loaded once and forked, which halves what a start costs.
            *("--preload", "--no-control-socket", "--log-level", "warning"),
        ]
        parts = [
            Part("web server", web, keep_open=[listener.fileno()], environment=shared),
            Part("ticker", _manage("tick"), environment=shared),
        ]
        parts += [
            Part(f"publish worker {number}", _manage("publish_worker"), environment=shared)
            for number in range(1, settings.PUBLISH_WORKERS + 1)
        ]
        if settings.DEMO:
            network = [
                *(sys.executable, "-m", "cm_queue.demo_network", "--port", shared["DEMO_NETWORK_PORT"]),
                *("--folder", str(settings.DATA_DIR / "demo_network")),
            ]
            parts.append(Part("demonstration network", network, stage=1, environment=shared))
        return parts

    def _wait_until_ready(self, supervisor: Supervisor) -> bool:
        until = time.monotonic() + _READY_PATIENCE_S
        while supervisor.tend():
            down = supervisor.down()
            missing = f"{down} is not running" if down else starting.what_is_missing()
            if missing is None:
                return True
            if time.monotonic() > until:
                raise starting.CannotStart(f"Not ready after {_READY_PATIENCE_S:.0f} s: {missing}.")
            supervisor.pause(0.2)
        return False

    def _announce(self, shared: dict[str, str]) -> None:
        lines = ["", f"CM Queue is ready: {settings.BASE_URL}"]
        if settings.DEMO:
            lines += [
                f"What went out:     http://localhost:{shared['DEMO_NETWORK_PORT']}",
                "",
                "The cast, each signed in with one click on the sign-in page:",
                *(
                    f"  {user.name:<8} {user.email}"
                    for user in User.objects.filter(is_active=True).order_by("pk")[:20]
                ),
            ]
        elif not User.objects.filter(is_active=True).exists():
            lines += [
                "",
                "Nobody can sign in yet. Make the first account with `manage.py createsuperuser`: whoever signs",
                "in with it is led through the first brand, and invites everybody else.",
            ]
        connections.close_all()
        self._say("\n".join([*lines, "", "Ctrl-C stops everything."]))

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def _manage(*command: str) -> list[str]:
    return [sys.executable, str(settings.BASE_DIR / "manage.py"), *command]
