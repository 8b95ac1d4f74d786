"""The parts of the page on a phone, where one of them is seen at a time, and what their tabs tell of them.

Which part is seen is the business of `static/js/tabs.js`: nothing is drawn anew for it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TabsView:
    """What the tabs tell: how much is under way, whether something there waits for the person, how much has ended."""

    busy: int = 0
    has_left: bool = False
    ended: int = 0
