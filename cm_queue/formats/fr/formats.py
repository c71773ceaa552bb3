"""« 01/01/2026 09:50 »: in figures, because « 1er janvier » is more than a format can say."""

from __future__ import annotations

DATE_FORMAT = "d/m/Y"
DATETIME_FORMAT = "d/m/Y H:i"
MONTH_DAY_FORMAT = "d/m"
