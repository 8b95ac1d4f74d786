"""Pure functions that are not called again for the same objects, as memoize-one does in JavaScript."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from operator import is_
from typing import TypeVar, TypeVarTuple

Ts = TypeVarTuple("Ts")
R = TypeVar("R")


def memoize_one(function: Callable[[*Ts], R]) -> Callable[[*Ts], R]:
    """Return the function with its last result, which is kept until an argument is another object.

    Objects that are equal are not the same: to compare forms of hundreds of fields takes long.
    """
    last: list[tuple[tuple[object, ...], R]] = []  # at most one

    @wraps(function)
    def call(*args: *Ts) -> R:
        if not last or not all(map(is_, args, last[0][0])):
            last[:] = [(args, function(*args))]
        return last[0][1]

    return call
