"""A process that stands still with the database in its hands does not hold up those who stop a brand."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from django.db import connection, transaction

from accounts.locks import change_standing
from accounts.models import Brand
from tests.conftest import Launch
from tests.staging import House

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]
# As a worker that judges a claim, or commits a start: the brand's lock shared, and a transaction open.
HOLDER = """
import sys, time, django
django.setup()
from django.db import transaction
from accounts.locks import share_brands
with transaction.atomic():
    share_brands([int(sys.argv[1])])
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_frozen_worker_loses_its_locks(
    lumiere: House, child_environment: dict[str, str], launch: Launch
) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no server that could end who stands still")
    environment = {
        **child_environment,
        "DJANGO_SETTINGS_MODULE": "cm_queue.settings",
        "TRANSACTION_IDLE_S": "1",
    }
    frozen = launch(
        [sys.executable, "-c", HOLDER, str(lumiere.brand.pk)], environment, stdout=subprocess.PIPE
    )
    assert frozen.stdout is not None
    assert frozen.stdout.readline() == b"held\n"
    os.kill(frozen.pid, signal.SIGSTOP)
    before = Brand.objects.get(pk=lumiere.brand.pk).standing
    with transaction.atomic():
        with connection.cursor() as cursor:
            # So that it fails where it would wait for ever.
            cursor.execute("SET LOCAL lock_timeout = '60s'")
        change_standing(lumiere.brand.pk)
    assert Brand.objects.get(pk=lumiere.brand.pk).standing == before + 1
    os.kill(frozen.pid, signal.SIGCONT)
