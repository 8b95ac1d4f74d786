"""The stylesheets as text: one stylesheet per class, and room for wide fonts and long names."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "static" / "css"
SHEETS = {
    path.name: re.sub(r"/\*.*?\*/", "", path.read_text("utf-8"), flags=re.DOTALL) for path in FOLDER.glob("*.css")
}
NESTED = re.compile(r"@[\w-]+[^{};]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}")  # rules that apply only in some windows
MINMAX = re.compile(r"minmax\((?:[^()]|\([^()]*\))*\)")


def test_class_is_drawn_by_one_stylesheet() -> None:
    """With two, the later one applies everywhere, though the class may mean something else there."""
    homes: dict[str, set[str]] = defaultdict(set)
    for name, text in SHEETS.items():
        for selectors in re.findall(r"([^{}]+)\{", NESTED.sub("", text)):
            for selector in selectors.split(","):
                if found := re.fullmatch(r"\s*(\.[\w-]+)\s*", selector):
                    homes[found[1]].add(name)
    assert {selector: names for selector, names in homes.items() if len(names) > 1} == {}


@pytest.mark.parametrize("name", SHEETS)
def test_share_of_the_width_has_a_least_width(name: str) -> None:
    """A bare `1fr` is never narrower than its longest word, and pushes its neighbour off the screen."""
    columns = re.findall(r"grid-(?:template|auto)-columns:([^;}]*)", SHEETS[name])
    assert [text for text in columns if "fr" in MINMAX.sub("", text)] == []
