"""Why a press of Run was not sent, as text: a refused press keeps its error over a reload.

text = write_refusal(NoServerAvailable("reserve", {"gpu-1": "down"}))
read_refusal(text)                              # the same error
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from app.core.errors import MooringError
from app.core.records import BROKEN, BrokenRecord, decode, encode


def write_refusal(error: MooringError) -> str:
    """The error with its facts; one that newer or other code raised becomes a BrokenRecord when it is read."""
    return json.dumps({"kind": type(error).__name__, "facts": encode(error)}, ensure_ascii=False)


def read_refusal(text: str) -> MooringError:
    """The error that was written, or a BrokenRecord if this version does not know it."""
    try:
        record = json.loads(text)
        kind = next(kind for kind in _kinds(MooringError) if kind.__name__ == record["kind"])
        return decode(kind, record["facts"])
    except BrokenRecord as error:
        return error
    except (ValueError, KeyError, TypeError, StopIteration):
        return BrokenRecord("read", BROKEN, text)


def _kinds(kind: type[MooringError]) -> Iterator[type[MooringError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _kinds(below)
