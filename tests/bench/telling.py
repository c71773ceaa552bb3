"""The table for people and the one line for machines."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

Numbers = dict[str, Any]
Row = tuple[str, str, str]


def gather(found: dict[str, Numbers]) -> Numbers:
    """The JSON object: under "0ms" and "50ms" the pairs, beside them the rest. A figure that both pairs
    have stands beside them too, as the worse of the two."""
    told: Numbers = dict(found.get("pairs", {}))
    of_pairs = list(told.values())
    for name in ("cpu_ms_per_delivery", "sql_per_delivery", "commits_per_delivery"):
        if of_pairs:
            told[name] = max(one[name] for one in of_pairs)
    if of_pairs:
        told["rss_mb"] = {
            name: max(one["rss_mb"].get(name, 0) for one in of_pairs) for name in of_pairs[0]["rss_mb"]
        }
    lateness = {**found.get("light", {}), **found.get("minute", {})}
    if "growth" in found:
        grown = dict(found["growth"])
        lateness |= {f"{n}_at_once": late for n, late in grown.pop("at_once").items()}
        told |= grown
    if lateness:
        told["lateness"] = lateness
    if "tick" in found:
        ticked = found["tick"]
        place = "tick_ms_at_1m" if ticked["ahead"] == 1_000_000 else f"tick_ms_at_{ticked['ahead']}"
        told |= {"tick": ticked, place: ticked["tick_ms"]}
    if "sqlite" in found:
        told["sqlite_per_s"] = found["sqlite"]["per_s"]
        told["sqlite"] = found["sqlite"]
    return told


def _rows(told: Numbers) -> Iterator[Row]:
    for delay, least in (("0ms", 0.5), ("50ms", 0.8)):
        if delay in told:
            yield from _pair_rows(delay, told[delay], least)
    for name, late in told.get("lateness", {}).items():
        figures = "  ".join(f"{key} {value:.3f}" for key, value in late.items())
        yield (f"lateness, {name.replace('_', ' ')}, s", figures, "p95 < 1" if name == "light" else "")
    if "per_s_at_10000" in told:
        figures = f"{told['per_s_at_10000']:.0f} / {told['per_s_at_2000']:.0f} = {told['growth_ratio']:.2f}"
        yield ("10,000 at once / 2,000 at once, per s", figures, "≥ 0.80")
        figures = (
            f"{told['last_of_10000_s']:.1f} / {told['limit_last_of_10000_s']:.1f} = {told['last_ratio']:.2f}"
        )
        yield ("last of 10,000 / limit's last, s", figures, "≤ 2")
    if "tick" in told:
        ticked = told["tick"]
        yield (
            f"tick, {ticked['ahead']:,} ahead, ms",
            f"{ticked['tick_ms']:.1f}  p95 {ticked['tick_ms_p95']:.1f}",
            "< 50",
        )
    if "sqlite_per_s" in told:
        yield ("SQLite (FULL), one worker, per s", f"{told['sqlite_per_s']:.0f}", "≥ 300")


def _pair_rows(delay: str, pair: Numbers, least: float) -> Iterator[Row]:
    yield (
        f"{delay}: deliveries / limit, per s",
        f"{pair['deliveries_per_s']:.0f} / {pair['limit_per_s']:.0f}",
        "",
    )
    yield (
        f"{delay}: ratio, median of {len(pair['ratios'])}",
        f"{pair['ratio']:.2f}  {pair['ratios']}",
        f"≥ {least:.2f}",
    )
    yield (f"{delay}: worker CPU a delivery, ms", f"{pair['cpu_ms_per_delivery']:.2f}", "≤ 2")
    figures = (
        f"{pair['sql_per_delivery']:.2f} = {pair['sql_sent_per_delivery']:.2f} sent"
        f" + {pair['foreign_keys_per_delivery']:.2f} foreign keys"
    )
    yield (f"{delay}: statements a delivery", figures, "≤ 2")
    yield (f"{delay}: commits a delivery", f"{pair['commits_per_delivery']:.2f}", "")
    yield (f"{delay}: cores busy with other programs", f"{pair['others_busy']:.0%}", "")
    yield (
        f"{delay}: memory, MB",
        ", ".join(f"{name} {size:.0f}" for name, size in pair["rss_mb"].items()),
        "",
    )
    yield (
        f"{delay}: CPU s in all",
        ", ".join(f"{name} {ms / 1000:.1f}" for name, ms in pair["cpu_ms"].items()),
        "",
    )


def table(told: Numbers) -> str:
    rows: list[Row] = [("measured", "", "to reach"), *_rows(told)]
    first, second = (max(len(row[place]) for row in rows) for place in (0, 1))
    lines = [f"{name:<{first}}  {figure:<{second}}  {aim}".rstrip() for name, figure, aim in rows]
    lines.insert(1, "-" * (first + second + 12))
    lines.append(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    return "\n".join(lines)


def line(told: Numbers) -> str:
    return json.dumps(told, separators=(", ", ": "))
