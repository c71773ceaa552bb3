"""With which permit each delivery of a post went out, and on which gate decision, under which rules."""

from __future__ import annotations

from collections.abc import Sequence

from publishing.models import Permit


def permits_of(post_id: int) -> Sequence[Permit]:
    """The spent permits, oldest first, each with its delivery, channel, gate decision and policy: one query."""
    return list(
        Permit.objects.filter(delivery__post_id=post_id, spent_at__isnull=False)
        .select_related("delivery__channel", "gate_decision__policy")
        .defer("delivery__payload", "gate_decision__facts")
        .order_by("pk")
    )
