"""How a script's call is sent to the page, and how its answer is returned: JSON text beside a list of bytes.

    text, blobs = pack(["text.png", b"…"])          # ["text.png", {"\\u0000blob": 0}], [b"…"]
    unpack('{"value": {"ok": true}}')               # the value; an error is raised as its Python class

The page has the console's own interface (`app/browser/console.py`): values are JSON-like, an error has its class name,
its message and its facts. Such an error is raised as that very class of `app.core.errors`, its facts as attributes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from app.core import errors
from app.core.errors import MooringError

BLOB_KEY = "\0blob"  # marks bytes among JSON-like arguments
BUILT_IN: Mapping[str, type[Exception]] = {"TypeError": TypeError, "ValueError": ValueError, "IndexError": IndexError}

ERRORS: Mapping[str, type[MooringError]] = {
    name: found for name, found in vars(errors).items() if isinstance(found, type) and issubclass(found, MooringError)
}


class PageError(Exception):
    """The page failed with an error that is not Mooring's own."""


def pack(arguments: Sequence[Any]) -> tuple[str, list[bytes]]:
    """Return arguments as JSON text, and the bytes among them. Raises TypeError for any other value."""
    blobs: list[bytes] = []

    def mark(value: Any) -> Any:
        if isinstance(value, bytes | bytearray | memoryview):
            blobs.append(bytes(value))
            return {BLOB_KEY: len(blobs) - 1}
        raise TypeError(f"{type(value).__name__} cannot be sent: plain data and bytes can")

    return json.dumps(arguments, default=mark, allow_nan=False), blobs


def unpack(text: str) -> Any:
    """Return the value of an answer. Raises the error in it."""
    answer = json.loads(text)
    if "error" in answer:
        raise revive(answer["error"])
    return answer.get("value")


def revive(answer: Mapping[str, Any]) -> Exception:
    """Turn the error of an answer into an exception."""
    name, message = str(answer.get("name", "")), str(answer.get("message", ""))
    if (built_in := BUILT_IN.get(name)) is not None:
        return built_in(message)
    if (own := ERRORS.get(name)) is None:
        return PageError(f"{name}: {message}" if name else message)
    facts = {snake(key): value for key, value in dict(answer.get("facts") or {}).items()}
    known = {item.name for item in fields(own)}
    return own(**{key: value for key, value in facts.items() if key in known})


def snake(name: str) -> str:
    """Write a JavaScript name in Python's style: `promptId` becomes `prompt_id`."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def camel(name: str) -> str:
    """Write a Python name in JavaScript's style."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
