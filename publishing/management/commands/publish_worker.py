"""`manage.py publish_worker`: works the publish queue; survives an outage of Redis."""

from __future__ import annotations

import time
from typing import Any

import django_rq
import redis
import structlog
from django.core.management.base import BaseCommand
from django.db import connection

from publishing import draining
from publishing.jobs import QUEUE
from publishing.pulsing import pulsing
from publishing.working import PublishWorker

log = structlog.get_logger("worker")


class Command(BaseCommand):
    help = "Claims due deliveries and sends them, whenever a ticker hints that there is work."

    def handle(self, *args: Any, **options: Any) -> None:
        connection.close()
        with pulsing():
            self._work()

    def _work(self) -> None:
        while not draining.stopping.is_set():
            try:
                queue = django_rq.get_queue(QUEUE)
                PublishWorker([queue], connection=queue.connection).work(
                    logging_level="WARNING", with_scheduler=False
                )
                return
            except redis.RedisError as error:
                log.warning("redis_away", error=type(error).__name__)
                time.sleep(1)
