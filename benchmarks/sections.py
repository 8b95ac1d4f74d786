"""Sections of a page of results, each written by its own command.

write_section("START.md", "Ten windows together", text)      # from its heading to the next one, or at the end
write_head("START.md", text)                                # the text before the first section
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
SECTION = re.compile(r"^## .*$", re.MULTILINE)


def write_section(page: str, title: str, text: str) -> None:
    """Put `text` under the heading `title` of a page."""
    path = FOLDER / page
    path.write_text(with_section(path.read_text("utf-8"), title, text), "utf-8")


def write_head(page: str, text: str) -> None:
    """Put `text` before the sections of a page."""
    path = FOLDER / page
    first = SECTION.search(found := path.read_text("utf-8"))
    rest = found[first.start() :] if first else ""
    path.write_text(f"{text.strip()}\n" + (f"\n{rest}" if rest else ""), "utf-8")


def with_section(page: str, title: str, text: str) -> str:
    """Return the page with that section in place of the one with the same title, or after all others."""
    fresh = f"## {title}\n\n{text.strip()}\n"
    headings = list(SECTION.finditer(page))
    for at, heading in enumerate(headings):
        if heading[0] == f"## {title}":
            rest = page[headings[at + 1].start() :] if at + 1 < len(headings) else ""
            return page[: heading.start()] + fresh + (f"\n{rest}" if rest else "")
    return f"{page.rstrip()}\n\n{fresh}"


def write_json(name: str, found: Any) -> None:
    """Write measurements to `benchmarks/out/`."""
    out = FOLDER / "out" / f"{name}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(found, indent=1), "utf-8")


class Load:
    """The machine's load from other work: taken before a measurement, reported after it."""

    def __init__(self) -> None:
        self._before = os.getloadavg()[0]

    def __str__(self) -> str:
        return f"load {self._before:.1f} before, {os.getloadavg()[0]:.1f} after, {os.cpu_count()} cores"


def table(heads: list[str], rows: list[list[str]]) -> str:
    """Format cells as Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
