"""The tab's icon, drawn for what the window does: a ring that fills, a check, an exclamation mark, or the house mark.

It has to be read at 16 pixels on light and dark tabs, also by users who do not see the colours: work is a
square in its server's colour, an end is a disc, and each has its own figure. An idle window has a frame in the colour
of its last server.
"""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import quote

from app.ui.page.tab_title import TabKind, TabSign

# The light values of static/css/tones.css: white stands out on each.
TONE_COLOURS = ("#0b7285", "#9c4221", "#6741d9", "#1f7a35", "#b81e55", "#1864ab", "#7a5b00", "#525d67")
HOUSE = "#0f4c5c"
GOOD, WARN, BAD = "#2b8a3e", "#b35900", "#c92a2a"
STEPS = 20  # as fine as a ring of 16 pixels shows; the title has the percent

_MARK = (
    '<g fill="none" stroke="#fff" stroke-width="2.4" stroke-linecap="round" stroke-linejoin="round">'
    '<circle cx="16" cy="7.8" r="2.6"/>'
    '<path d="M16 10.4V26M11.5 14h9M7 17.5c.4 5 4 8.3 9 8.5 5-.2 8.6-3.5 9-8.5"/></g>'
)
_DOTS = "".join(f'<circle fill="#fff" cx="{x}" cy="16" r="2.8"/>' for x in (8, 16, 24))
_QUESTION = (
    '<path fill="none" stroke="#fff" stroke-width="3.6" stroke-linecap="round" stroke-linejoin="round" '
    'd="M11 11.8a5 5 0 1 1 7.4 4.4c-1.6.9-2.4 1.8-2.4 3.4"/><circle fill="#fff" cx="16" cy="25.4" r="2.2"/>'
)
_CHECK = (
    '<path fill="none" stroke="#fff" stroke-width="4.4" stroke-linecap="round" stroke-linejoin="round" '
    'd="M8.8 16.8l5 5L23.4 11"/>'
)
_EXCLAMATION = (
    '<path fill="none" stroke="#fff" stroke-width="4.4" stroke-linecap="round" d="M16 7.6v9.8"/>'
    '<circle fill="#fff" cx="16" cy="24" r="2.6"/>'
)
_ARROW = '<path fill="#fff" d="M10 6.5v19l16-9.5z"/>'
_RADIUS = 9.0


def draw_icon(sign: TabSign) -> str:
    """The icon as an address that needs no request."""
    step = int(max(0.0, min(1.0, sign.fraction or 0.0)) * STEPS)  # full only when it is
    return _address(sign.kind, sign.tag.tone if sign.tag else None, step)


@lru_cache(maxsize=128)
def _address(kind: TabKind, tone: int | None, step: int) -> str:
    drawn = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">{_figure(kind, tone, step)}</svg>'
    return f"data:image/svg+xml,{quote(drawn, safe=' =/:')}"


def _figure(kind: TabKind, tone: int | None, step: int) -> str:
    colour = HOUSE if tone is None else TONE_COLOURS[tone]
    match kind:
        case TabKind.RUNNING:
            return _square(colour) + _ring(step)
        case TabKind.WAITING:
            return _square(colour) + _DOTS
        case TabKind.NO_ANSWER:
            return _square(colour) + _QUESTION
        case TabKind.DONE:
            return _disc(GOOD) + _CHECK
        case TabKind.INCOMPLETE:
            return _disc(WARN) + _EXCLAMATION
        case TabKind.FAILED | TabKind.LOST:
            return _disc(BAD) + _EXCLAMATION
        case TabKind.HERE:
            return _square(colour) + _ARROW
        case TabKind.IDLE if tone is not None:
            return _frame(colour) + _MARK.replace("#fff", colour)
        case TabKind.MOORED | TabKind.IDLE:
            return _square(colour) + _MARK


def _square(colour: str) -> str:
    return f'<rect width="32" height="32" rx="8" fill="{colour}"/>'


def _frame(colour: str) -> str:
    """Hollow: nothing of the window's is on that server now."""
    return f'<rect x="1.5" y="1.5" width="29" height="29" rx="7" fill="#fff" stroke="{colour}" stroke-width="3"/>'


def _disc(colour: str) -> str:
    return f'<circle cx="16" cy="16" r="16" fill="{colour}"/>'


def _ring(step: int) -> str:
    """A ring with `step` of `STEPS` parts filled, from the top on."""
    around = 2 * 3.14159265 * _RADIUS
    full = (
        f'<circle cx="16" cy="16" r="{_RADIUS}" transform="rotate(-90 16 16)" '
        f'stroke-dasharray="{around * step / STEPS:.2f} {around:.2f}"/>'
    )
    track = f'<circle cx="16" cy="16" r="{_RADIUS}" stroke-opacity=".32"/>'
    return f'<g fill="none" stroke="#fff" stroke-width="6">{track}{full if step else ""}</g>'
