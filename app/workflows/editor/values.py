"""Single values as JavaScript has them, where the editor's way of parsing them affects what it sends."""

from __future__ import annotations

import re
from typing import Final


class Missing:
    """JavaScript's `undefined`: a value that is not sent."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing()

_REPOSITORY = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9._-]*[a-zA-Z0-9])?")
_USER = re.compile(r"(?!-)(?!.*--)[a-zA-Z0-9-]+(?<!-)")
_HASH = re.compile(r"[0-9a-f]{4,40}", re.IGNORECASE)
_VERSION = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([\da-z-]+(?:\.[\da-z-]+)*))?(?:\+([\da-z-]+(?:\.[\da-z-]+)*))?",
    re.IGNORECASE | re.ASCII,
)


def as_text(value: object) -> str:
    """The result of `String(value)`; integers without `.0`."""
    match value:
        case str():
            return value
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer() and abs(value) < 1e21:
            return str(int(value))
        case list():
            return ",".join("" if item is None else as_text(item) for item in value)
        case dict():
            return "[object Object]"
        case Missing():
            return "undefined"
    return str(value)


def as_area(value: object) -> str:
    """The text of a text area after this value was set: null is empty."""
    return "" if value is None else as_text(value)


def as_id(value: object) -> str:
    """A node's id as text; empty for an invalid one."""
    if type(value) is int:  # as nearly all are
        return str(value)
    if isinstance(value, str):
        return value
    return as_text(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def as_slot(value: object) -> int:
    """The number of a slot, also if it was written as text; -1 for an invalid one."""
    if type(value) is int:  # as nearly all are
        return value if abs(value) < 1e9 else -1
    if isinstance(value, bool):
        return -1
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdecimal() else -1
    return int(value) if isinstance(value, int | float) and abs(value) < 1e9 else -1


def pack_facts(properties: object) -> dict[str, str]:
    """What the editor sends about a node's pack: its id in the registry or its repository, and its version."""
    if not isinstance(properties, dict):
        return {}
    facts = {}
    name, repository, version = (properties.get(key) for key in ("cnr_id", "aux_id", "ver"))
    if isinstance(name, str) and len(name) <= 100 and _REPOSITORY.fullmatch(name):
        facts["cnr_id"] = name
    if isinstance(repository, str) and repository.count("/") == 1:
        user, project = repository.split("/")
        if len(user) <= 39 and _USER.fullmatch(user) and len(project) <= 100 and _REPOSITORY.fullmatch(project):
            facts["aux_id"] = repository
    if isinstance(version, str):
        bare = version.removeprefix("v")
        if _VERSION.fullmatch(bare) or _HASH.fullmatch(bare):
            facts["ver"] = bare
        elif version == "unknown":
            facts["ver"] = version
    return facts
