"""File names of saved results: the user's template, filled in, safe on every system.

    file_name("{project}_{date}_{workflow}_{input}_{server}_{seed}_{n}", facts)
    # harbour_2026-11-26_Dunes_IMG-1_gpu-2_77_00012.png

`out_00001_.png` exists on every server, so the task's id is appended to a name that does not contain the server.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

TEMPLATE = "{project}_{date}_{workflow}_{input}_{server}_{seed}_{n}"
PARTS = ("project", "date", "time", "workflow", "input", "server", "seed", "n", "id")
MAX_TEMPLATE = 200  # characters
MAX_NAME = 150  # characters, without the ending; with UTF-8 of three bytes each a name still fits into 255 × 2

_HOLE = re.compile(r"\{(\w+)\}")
_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\u2028-\u202e\u2066-\u2069]+')
_JOINTS = re.compile(r"([_\-. ])(?:[_\-. ]*\1)+|(?<=[_\-])[_\-]+")
_NUMBER = re.compile(r"_(\d{3,})_?$")
_RESERVED = frozenset(
    {"con", "prn", "aux", "nul", *(f"{name}{number}" for name in ("com", "lpt") for number in range(1, 10))}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NameFacts:
    """What a name can contain. `at` is the user's local time: year, month, day, hour, minute, second."""

    original: str  # as the server calls it
    task: str  # the prompt_id
    server: str = ""
    workflow: str = ""
    input: str = ""  # the user's name of the file that it was made from
    project: str = ""
    seed: str = ""
    index: int = 0
    at: tuple[int, int, int, int, int, int] = (1970, 1, 1, 0, 0, 0)


@lru_cache(maxsize=1024)
def file_name(template: str, facts: NameFacts) -> str:
    """The name, with the original's extension. Parts without a value are left out."""
    stem, dot, ending = facts.original.rpartition(".")
    stem, ending = (stem, f"{dot}{ending}") if dot and stem else (facts.original, "")
    values = _values(facts, stem)
    used = set(_HOLE.findall(template))
    filled = _HOLE.sub(lambda hole: safe(values.get(hole[1], "")), template[:MAX_TEMPLATE])
    if not (used & {"server", "id"}):
        filled = f"{filled}_{values['id']}"
    name = _JOINTS.sub(lambda found: found[1] or "", safe(filled)).strip("_-. ")
    name = name[:MAX_NAME].rstrip("_-. ") or values["id"]
    return f"{name}_" * (name.casefold() in _RESERVED) + name * (name.casefold() not in _RESERVED) + safe(ending)


def unknown_parts(template: str) -> tuple[str, ...]:
    """The parts in a template that do not exist, in order."""
    return tuple(dict.fromkeys(part for part in _HOLE.findall(template) if part not in PARTS))


def safe(text: str) -> str:
    """The text with all characters replaced that some system forbids in file names."""
    return _UNSAFE.sub("-", text).strip()


def _stem(name: str) -> str:
    """A file's name without its ending; its folders stay, so that equal names in two folders differ."""
    stem, dot, ending = name.rpartition(".")
    return stem if dot and stem and "/" not in ending else name


def _values(facts: NameFacts, stem: str) -> dict[str, str]:
    year, month, day, hour, minute, second = facts.at
    number = _NUMBER.search(stem)
    return {
        "project": facts.project,
        "date": f"{year:04}-{month:02}-{day:02}",
        "time": f"{hour:02}-{minute:02}-{second:02}",
        "workflow": facts.workflow,
        "input": _stem(facts.input),
        "server": facts.server,
        "seed": facts.seed,
        "n": number[1] if number else str(facts.index + 1),
        "id": facts.task[:8],
    }
