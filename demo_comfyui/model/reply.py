"""The answer of a route, before it becomes HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Reply:
    """A status and a value for JSON; None is an empty body."""

    value: Any = None
    status: int = 200
