"""Two small drawings of the panel *Fleet*: a server's last hour, and the timeline of who was moored where."""

from __future__ import annotations

import htpy as h

from app.ui.fleet.panel import WIDTH, Bar
from wire.server_stats import MINUTES, Minute, ServerStats

HIGH = 24  # of a sparkline, in its units; a minute is one wide
LEAST_FULL = 4  # prompts in line that fill it, if there were never more
LANE = 16  # height of a lane


def sparkline(vitals: ServerStats, words: str) -> h.Element | None:
    """The line's length by minutes; a minute in which something ran is filled, one without an answer marked below."""
    if not vitals.hour:
        return None
    full = max(LEAST_FULL, vitals.longest)
    minutes = [(at, item) for at, item in enumerate(vitals.hour[-MINUTES:]) if item is not None]
    return h.svg(
        ".spark", viewBox=f"0 0 {MINUTES} {HIGH}", preserveAspectRatio="none", role="img", aria_label=words
    )[
        h.path(".spark-base", d=f"M0 {HIGH - 0.5}h{MINUTES}"),
        h.path(".spark-seen", d="".join(f"M{at} {HIGH - 0.5}h1" for at, item in minutes if item.well)),
        h.path(".spark-bars", d="".join(_bar(at, item, full) for at, item in minutes if item.longest)),
        h.path(".spark-ill", d="".join(f"M{at} {HIGH - 1.5}h1" for at, item in minutes if item.well < item.looks)),
    ]  # fmt: skip


def _bar(at: int, item: Minute, full: int) -> str:
    height = max(2.0, (HIGH - 2) * item.longest / full)
    return f"M{at + 0.08:.2f} {HIGH - 1}v-{height:.1f}h.84v{height:.1f}z"


def lane(bars: tuple[Bar, ...]) -> h.Element:
    """One session's moorings, each in its server's colour; what it shows stands as text below the timeline."""
    return h.svg(
        ".lane", viewBox=f"0 0 {WIDTH} {LANE}", preserveAspectRatio="none", aria_hidden="true", focusable="false"
    )[
        h.path(".lane-base", d=f"M0 {LANE / 2:g}h{WIDTH}"),
        (h.path(class_=["lane-bars", f"tone-{tone}"], d=boxes) for tone, boxes in _boxes(bars).items()),
    ]  # fmt: skip


def _boxes(bars: tuple[Bar, ...]) -> dict[int, str]:
    """By colour, all bars as one path: a lane may have hundreds."""
    found: dict[int, str] = {}
    for bar in bars:
        width = max(4, bar.end - bar.start)
        found[bar.tag.tone] = found.get(bar.tag.tone, "") + f"M{bar.start} 2h{width}v{LANE - 4}h-{width}z"
    return found
