"""The lines of the small drawings in the panel *Fleet*."""

from __future__ import annotations

from dataclasses import dataclass

from app.ui.fleet.panel import WIDTH, Bar
from wire.server_stats import MINUTES, Minute, ServerStats

HIGH = 24  # of a sparkline, in its units; a minute is one wide
LEAST_FULL = 4  # queued prompts that fill it, if there were never more
BASE = f"M0 {HIGH - 0.5}h{MINUTES}"
LANE = 16  # height of a lane
LANE_BASE = f"M0 {LANE / 2:g}h{WIDTH}"


@dataclass(frozen=True, slots=True)
class HourPaths:
    """The paths of a sparkline: minutes with an answer, the queue's length, and minutes without an answer."""

    seen: str
    bars: str
    ill: str


def hour_paths(stats: ServerStats) -> HourPaths:
    """Return the queue's length by minutes, as paths."""
    full = max(LEAST_FULL, stats.longest)
    minutes = [(at, item) for at, item in enumerate(stats.hour[-MINUTES:]) if item is not None]
    return HourPaths(
        "".join(f"M{at} {HIGH - 0.5}h1" for at, item in minutes if item.well),
        "".join(_bar(at, item, full) for at, item in minutes if item.longest),
        "".join(f"M{at} {HIGH - 1.5}h1" for at, item in minutes if item.well < item.looks),
    )


def _bar(at: int, item: Minute, full: int) -> str:
    height = max(2.0, (HIGH - 2) * item.longest / full)
    return f"M{at + 0.08:.2f} {HIGH - 1}v-{height:.1f}h.84v{height:.1f}z"


def lane_paths(bars: tuple[Bar, ...]) -> dict[int, str]:
    """Return all bars of each colour as one path: a lane may have hundreds."""
    found: dict[int, str] = {}
    for bar in bars:
        width = max(4, bar.end - bar.start)
        found[bar.tag.tone] = found.get(bar.tag.tone, "") + f"M{bar.start} 2h{width}v{LANE - 4}h-{width}z"
    return found
