"""Values that cross between Python and JavaScript, converted once.

JavaScript's `null` arrives as `jsnull`, which `is not None`; `undefined` arrives as None. Objects cross as JSON
text or as one plain object, never field by field.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import js
from pyodide.ffi import JsException, jsnull, to_js


def present(value: Any) -> Any | None:
    """The value, or None for JavaScript's null and undefined."""
    return None if value is jsnull else value


def js_object(values: Mapping[str, Any]) -> Any:
    """A plain JavaScript object with these properties; JavaScript values in it are not changed."""
    made = js.Object.new()
    for name, value in values.items():
        setattr(made, name, value)
    return made


def plain(value: Any) -> Any:
    """A JSON-like Python value as plain JavaScript objects and arrays, in one crossing; None becomes null."""
    return js.JSON.parse(json.dumps(value, allow_nan=False))


def from_plain(value: Any) -> Any:
    """A JSON-like JavaScript value as Python's, in one crossing; values that JSON lacks are left out."""
    text = js.JSON.stringify(value)
    return json.loads(text) if isinstance(text, str) else None


def json_text(value: Any) -> str:
    """JSON. Fields of dataclasses get names in JavaScript's style; other values that JSON lacks become text."""
    return json.dumps(value, default=_json_value)


def camel_keys(facts: Mapping[str, object]) -> dict[str, object]:
    """Facts with names in JavaScript's style: `prompt_id` becomes `promptId`."""
    return {_camel(name): value for name, value in facts.items()}


def _json_value(value: object) -> object:
    if is_dataclass(value):
        return camel_keys({item.name: getattr(value, item.name) for item in fields(value)})
    return dict(value) if isinstance(value, Mapping) else str(value)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def bytes_to_js(data: bytes) -> Any:
    """A Uint8Array with a copy of the bytes."""
    return to_js(data)


def error_name(error: JsException) -> str:
    """The name of a JavaScript error: TypeError, AbortError, QuotaExceededError …"""
    return str(getattr(error, "name", "") or "Error")


def error_text(error: Any) -> str:
    """A JavaScript error as one line for the log."""
    known = present(error)
    if known is None:
        return ""
    return f"{getattr(known, 'name', '') or 'Error'}: {getattr(known, 'message', '') or ''}".rstrip(": ")
