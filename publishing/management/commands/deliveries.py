"""`manage.py deliveries [--state …]`: what is due, claimed, unknown, late, in one look."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db.models import Count, Q, QuerySet

from accounts.clock import database_now
from posts.lifecycle import DeliveryState
from posts.models import Delivery
from publishing.claiming import due
from publishing.models import ChannelHealth

D = DeliveryState


class Command(BaseCommand):
    help = "Counts what is due, claimed, being sent, unknown, late and waiting, and lists the oldest of each."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--brand", default="", help="a brand's short name")
        parser.add_argument("--list", type=int, default=5, metavar="N", help="how many of each to list")

    def handle(self, *args: Any, **options: Any) -> None:
        now = database_now()
        rows = Delivery.objects.select_related("brand", "channel", "post")
        if options["brand"]:
            rows = rows.filter(brand__slug=options["brand"])
        approved = Q(state=D.PENDING.value, approved_digest__isnull=False)
        groups: list[tuple[str, QuerySet[Delivery]]] = [
            ("due now", rows.filter(due(now))),
            (
                "due, but their channel or brand waits",
                rows.filter(approved, next_at__lte=now).exclude(due(now)),
            ),
            ("claimed", rows.filter(state=D.CLAIMED.value)),
            ("being sent", rows.filter(state=D.SENDING.value)),
            ("lease expired", rows.filter(state__in=[D.CLAIMED.value, D.SENDING.value], lease_until__lt=now)),
            ("unknown", rows.filter(state=D.UNKNOWN.value)),
            ("late", rows.filter(approved, due_at__lt=now)),
            ("scheduled ahead", rows.filter(approved, next_at__gt=now)),
        ]
        for name, found in groups:
            self._group(name, found, options["list"])
        self._states(rows)
        for health in ChannelHealth.objects.filter(ok=False).select_related("channel__brand"):
            self.stdout.write(
                f"channel in trouble: {health.channel.brand.slug}/{health.channel.key}: {health.problem}"
            )

    def _group(self, name: str, found: QuerySet[Delivery], most: int) -> None:
        self.stdout.write(f"{name}: {found.count()}")
        for one in found.order_by("next_at", "pk")[:most]:
            self.stdout.write(
                f"  delivery {one.pk} post {one.post_id} {one.brand.slug}/{one.channel.key} "
                f"due {one.due_at:%Y-%m-%d %H:%M:%S%z} attempts {one.attempts} {one.claimed_by}"
                if one.due_at
                else f"  delivery {one.pk} post {one.post_id} {one.brand.slug}/{one.channel.key} on approval"
            )

    def _states(self, rows: QuerySet[Delivery]) -> None:
        counts = rows.order_by().values_list("state").annotate(n=Count("pk"))
        self.stdout.write("all: " + ", ".join(f"{state} {n}" for state, n in sorted(counts)))
