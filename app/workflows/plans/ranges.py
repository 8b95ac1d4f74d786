"""Ranges of numbers as users write them: first and last with two points between, and a step if it is not 1.

    read_range("4..12 step 4")      # (4, 8, 12)
    read_range("1..0.5 step 0.25")  # (1.0, 0.75, 0.5): it counts towards the last one
    read_range("20")                # None: no range

Counted in decimals, so that 0.1 + 0.2 is 0.3.
"""

from __future__ import annotations

import re
from decimal import Decimal

from app.core.errors import BadPlan

MOST = 10_000  # numbers of one range
LONGEST = 40  # digits; more than any user writes
_NUMBER = r"([-+]?\d+(?:\.\d+)?)"
_RANGE = re.compile(rf"\s*{_NUMBER}\s*(?:\.\.+|…)\s*{_NUMBER}\s*(?:(?:step|by|步长)\s*{_NUMBER}\s*)?", re.I)


def read_range(text: str) -> tuple[int | float, ...] | None:
    """The numbers of a range, both ends included; None if the text is no range. BadPlan: bad-step, too-many-runs."""
    found = _RANGE.fullmatch(text)
    if found is None or any(len(word or "") > LONGEST for word in found.groups()):
        return None
    first, last, step = Decimal(found[1]), Decimal(found[2]), abs(Decimal(found[3] or 1))
    if not step:
        raise BadPlan("bad-step", detail=text.strip())
    count = int(abs(last - first) / step) + 1
    if count > MOST:
        raise BadPlan("too-many-runs", detail=str(count), name=str(MOST))
    if last < first:
        step = -step
    is_whole = not any("." in (word or "") for word in found.groups())
    numbers = (first + step * place for place in range(count))
    return tuple(int(number) if is_whole else float(number) for number in numbers)
