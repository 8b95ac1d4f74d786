"""The condition of a server, as a probe shows it and the fleet's state reports it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import Enum
from typing import Any

_REFUSING = {401: "login", 403: "forbidden", 407: "login", 429: "busy"}  # statuses, with the cause of each
_SEARCHED = 65_536  # characters of a web page
_PAGE = re.compile(rb"\s*(<!doctype|<html)", re.IGNORECASE)
_LASTING = ("version", "is_demo", "has_jobs", "can_download", "preview_method")
_PASSWORD = re.compile(rb"type\s*=\s*[\"']?password|log ?in|sign ?in", re.IGNORECASE)


class Health(Enum):
    """A server's answer to its last probe."""

    UNKNOWN = "unknown"  # not probed yet, or a health that only a newer gateway knows
    WELL = "well"
    DOWN = "down"  # nothing accepts connections, or a proxy says so
    TIMEOUT = "timeout"
    REFUSES = "refuses"  # it requires a login, or its certificate is not trusted
    NOT_COMFYUI = "not_comfyui"

    @property
    def is_silent(self) -> bool:
        """Whether it is known to take no work now."""
        return self not in (Health.UNKNOWN, Health.WELL)

    @classmethod
    def _missing_(cls, _value: object) -> Health:
        return cls.UNKNOWN


@dataclass(frozen=True, slots=True)
class Condition:
    """One server's condition. A fact that is added here is reported and read without further code.

    One that stays true while the server is silent is named in `after`; its default is not None.

    `detail` is plain text for logs and stays the same while nothing changes.
    """

    health: Health = Health.UNKNOWN
    detail: str = ""
    running: int = 0
    pending: int = 0
    version: str = ""
    is_demo: bool = False
    has_jobs: bool = False  # the newer jobs API
    can_download: bool = False  # models, as `/features` announces
    preview_method: str = ""  # the one that its operator has chosen, with --preview-method
    # Of its health: login | forbidden | web-page | redirect | certificate | busy | another | too-much | late
    cause: str = ""

    def after(self, known: Condition) -> Condition:
        """Return this condition with what was known before and stays true while the server does not answer."""
        if self.health is Health.WELL:
            return self
        kept = {name: getattr(known, name) for name in _LASTING}
        return replace(self, **kept)

    def facts(self) -> dict[str, Any]:
        """Return the facts by name, to make or to replace the values of a server that has them."""
        return {item.name: getattr(self, item.name) for item in fields(Condition)}

    def as_json(self) -> dict[str, object]:
        """Return the facts as an entry of the fleet's state has them."""
        facts = {_JSON_NAMES.get(name, name): value for name, value in self.facts().items()}
        return facts | {"health": self.health.value}


_JSON_NAMES = {"is_demo": "demo", "has_jobs": "jobs", "can_download": "downloads"}


def read_condition(item: Mapping[str, Any]) -> Condition:
    """Read an entry of the fleet's state; what an older gateway does not send has its default."""
    facts = {known.name: item.get(_JSON_NAMES.get(known.name, known.name)) for known in fields(Condition)}
    return Condition(**{name: type(getattr(_NOTHING, name))(value) for name, value in facts.items() if value})


_NOTHING = Condition()


def judge_status(status: int) -> Condition:
    """Return the condition that an answer with another status than 200 shows."""
    detail = f"it answers with status {status}"
    if status in _REFUSING:
        return Condition(Health.REFUSES, detail, cause=_REFUSING[status])
    return Condition(Health.DOWN if status >= 500 else Health.NOT_COMFYUI, detail)


def page_cause(body: bytes | bytearray) -> str:
    """Return the cause if a web page answers instead of ComfyUI: login or web-page; empty if none does."""
    beginning = body[:_SEARCHED]
    if not _PAGE.match(beginning):
        return ""
    return "login" if _PASSWORD.search(beginning) else "web-page"
