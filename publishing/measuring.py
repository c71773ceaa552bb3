"""What Prometheus is told. Served by the ticker, which sees every outcome whoever recorded it.

Counters begin at the ticker's start and are complete from then on, however many workers there are;
several tickers count the same, so scrape one, or take the maximum.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db.models import Min
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from accounts.clock import database_now
from adapters.registry import networks_by_hand
from posts.lifecycle import DeliveryState
from posts.models import Delivery
from publishing.claiming import due
from publishing.models import Attempt, Outcome

# An outcome may be committed a little later than it is dated: look back this far, and count it once.
_LOOK_BACK: Final = timedelta(seconds=30)
_BUCKETS: Final = (0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600)


class Measures:
    """The metrics of one ticker process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ["network"]
        self.lateness = Histogram(
            "cmq_lateness_seconds",
            "From the due instant to accepted by the network.",
            labels,
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.attempts = Counter(
            "cmq_attempts", "Attempts ended.", [*labels, "outcome"], registry=self.registry
        )
        self.waiting = Gauge("cmq_deliveries_due", "Deliveries due and not claimed.", registry=self.registry)
        self.age = Gauge(
            "cmq_queue_age_seconds", "How long the oldest due delivery has waited.", registry=self.registry
        )
        self.unknown = Gauge("cmq_deliveries_unknown", "Outcomes nobody knows yet.", registry=self.registry)
        self.by_hand = Gauge(
            "cmq_deliveries_by_hand", "Waiting for a person to post them.", registry=self.registry
        )
        self.ticked = Gauge(
            "cmq_last_tick_timestamp_seconds", "When this ticker last ticked.", registry=self.registry
        )
        self._since: datetime | None = None
        self._counted: set[int] = set()

    def update(self) -> None:
        """Counts what ended since the last time, and looks at the queue. Six bounded statements."""
        now = database_now()
        since = self._since or now
        ended = Attempt.objects.filter(ended_at__gt=since - _LOOK_BACK, ended_at__lte=now).exclude(
            outcome=Outcome.SENDING
        )
        # Read once: what is committed a moment after the read is new to the next one, and must not pass for counted.
        rows = list(
            ended.values_list("pk", "ended_at", "outcome", "delivery__channel__network", "delivery__due_at")
        )
        if self._since is not None:
            for pk, ended_at, outcome, network, due_at in rows:
                if pk not in self._counted and ended_at is not None:
                    self._count(network, outcome, ended_at, due_at)
        self._counted = {pk for pk, *_ in rows}
        self._since = now
        waiting = Delivery.objects.filter(due(now))
        oldest = waiting.aggregate(oldest=Min("next_at"))["oldest"]
        self.waiting.set(waiting.count())
        self.age.set((now - oldest).total_seconds() if oldest else 0)
        unsettled = Delivery.objects.filter(state=DeliveryState.UNKNOWN.value)
        by_hand = unsettled.filter(channel__network__in=networks_by_hand()).count()
        self.unknown.set(unsettled.count() - by_hand)
        self.by_hand.set(by_hand)
        self.ticked.set(now.timestamp())

    def _count(self, network: str, outcome: str, ended_at: datetime, due_at: datetime | None) -> None:
        self.attempts.labels(network, outcome.lower()).inc()
        if outcome == Outcome.DELIVERED and due_at is not None:
            self.lateness.labels(network).observe(max(0.0, (ended_at - due_at).total_seconds()))

    def serve(self, port: int, host: str = "127.0.0.1") -> None:
        """Listens for a scraper, in a thread of its own that reads memory only."""
        start_http_server(port, addr=host, registry=self.registry)
