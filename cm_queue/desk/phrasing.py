"""A moment inside a sentence: « il part demain à 9 h »."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from journal import moments


def at_time(moment: datetime) -> str:
    """« à 11 h 15 », « demain à 9 h », « hier à 18 h », « le vendredi 20 novembre à 9 h »."""
    words = {"clock": moments.clock(moment), "day": moments.day(moment)}
    away = (moments.local(moment).date() - moments.local(timezone.now()).date()).days
    if away == 0:
        return _("at %(clock)s") % words
    if away == 1:
        return _("tomorrow at %(clock)s") % words
    if away == -1:
        return _("yesterday at %(clock)s") % words
    return _("on %(day)s at %(clock)s") % words
