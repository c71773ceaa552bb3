"""Tells people: a notice on their desk, and a mail sent later by the ticker.

Written in the transaction of what happened, so that nobody is told of what was rolled back and
nothing that happened goes untold.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from accounts.models import Brand, User
from journal.models import Notice


def tell(
    users: Iterable[User], brand: Brand | int, kind: str, *, post_id: int | None = None, **data: Any
) -> None:
    """One notice for each active person, once each. `kind` is stable; pages and mails word it."""
    brand_id = brand.pk if isinstance(brand, Brand) else brand
    once = {user.pk: user for user in users if user.is_active}
    Notice.objects.bulk_create(
        Notice(user=user, brand_id=brand_id, kind=kind, post_id=post_id, data=data) for user in once.values()
    )
