"""docs/concurrency.md has a row for each lock, lane and budget of the page, the scripts and the gateway."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from tests.unit.gates import Gate, find_gates, gates_in

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = "docs/concurrency.md"
_ROW = re.compile(r"^\| `([^`]+\.(?:py|js|mjs))`((?: `\w+`)+) \|", re.MULTILINE)


@cache
def gates() -> frozenset[Gate]:
    """The gates of today's sources."""
    return find_gates(ROOT)


@cache
def rows() -> frozenset[Gate]:
    """The gates that the document describes."""
    found = _ROW.findall((ROOT / DOCUMENT).read_text("utf-8"))
    return frozenset(Gate(file, name) for file, names in found for name in re.findall(r"\w+", names))


def missing(found: frozenset[Gate]) -> list[str]:
    """The beginnings of the rows that the document lacks."""
    return [f"| `{gate.file}` `{gate.name}` | what it protects | held across |" for gate in sorted(found - rows())]


def test_every_gate_has_a_row() -> None:
    assert not missing(gates()), f"{DOCUMENT} lacks these rows:\n" + "\n".join(missing(gates()))


def test_every_row_has_its_gate() -> None:
    gone = [f"`{gate.file}` `{gate.name}`" for gate in sorted(rows() - gates())]
    assert not gone, f"{DOCUMENT} has rows whose gate is gone:\n" + "\n".join(gone)


def test_every_row_says_everything() -> None:
    for line in (ROOT / DOCUMENT).read_text("utf-8").splitlines():
        if line.startswith("| `"):
            cells = [cell.strip() for cell in line.strip("|").split(" | ")]
            assert len(cells) == 3 and all(cells), line


_MUTANTS = {
    "a lock of a handler": (
        "gateway/people/links.py",
        "\nclass Added:\n    def __init__(self) -> None:\n        self._added = asyncio.Lock()\n",
        "_added",
    ),
    "a lock by another name": (
        "gateway/people/links.py",
        "\nfrom asyncio import Semaphore as Many\n_ADDED = Many(2)\n",
        "_ADDED",
    ),
    "a lock for each key": (
        "app/session/facts.py",
        "\nfrom collections import defaultdict\n_added = defaultdict(asyncio.Lock)\n",
        "_added",
    ),
    "a lane made by hand": (
        "gateway/http/peers.py",
        "\nclass AddedLane:\n    def enter(self) -> None:\n        self.count += 1\n",
        "AddedLane",
    ),
    "a budget in use": (
        "gateway/fleet/prober.py",
        "\nfrom gateway.http.budget import Budget\n\ndef make() -> None:\n    added = Budget(most=1)\n",
        "added",
    ),
    "a count of work under way": (
        "gateway/fleet/prober.py",
        "\nclass Added:\n    async def go(self):\n        self.added += 1\n        await x\n        self.added -= 1\n",
        "added",
    ),
    "a future that another caller resolves": (
        "app/session/files.py",
        "\nasync def wait(loop):\n    added = loop.create_future()\n    await added\n",
        "added",
    ),
    "a lock of threads": (
        "gateway/people/keys.py",
        "\nimport threading\n_ADDED = threading.Condition()\n",
        "_ADDED",
    ),
    "a file lock": (
        "gateway/people/keys.py",
        "\ndef added(path):\n    with exclusive(path, print):\n        pass\n",
        "added",
    ),
    "a Web Lock of Python": (
        "app/browser/tray.py",
        "\nasync def added():\n    await js.navigator.locks.request('x', 1)\n",
        "added",
    ),
    "a Web Lock": (
        "static/js/tabs.js",
        "\nexport async function added() {\n  await navigator.locks.request('x', () => 1);\n}\n",
        "added",
    ),
    "a chain of promises": (
        "static/js/tabs.js",
        "\nlet added = Promise.resolve();\nconst next = (work) => { added = added.then(work); };\n",
        "added",
    ),
    "a flag across an await": (
        "static/js/tabs.js",
        "\nasync function go() {\n  if (added) return;\n  added = true;\n  await fetch('x');\n  added = false;\n}\n",
        "added",
    ),
    "a lane of a script": (
        "static/js/tabs.js",
        "\nclass AddedLane {\n  enter() {}\n}\n",
        "AddedLane",
    ),
}


@pytest.mark.parametrize("mutant", _MUTANTS)
def test_added_gate_is_missed(mutant: str) -> None:
    file, added, name = _MUTANTS[mutant]
    texts = {item: (ROOT / item).read_text("utf-8") for item in {file, "gateway/http/budget.py"}}
    found = gates_in(texts | {file: texts[file] + added}) - gates_in(texts)
    assert found == {Gate(file, name)}
    assert missing(found) == [f"| `{file}` `{name}` | what it protects | held across |"]


@pytest.mark.parametrize(
    "text",
    [
        "import asyncio\nlock: asyncio.Lock\n",
        "import asyncio\ndef use(lock: asyncio.Lock) -> asyncio.Queue[str]: ...\n",
        "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass Lane:\n    name: str\n",
        "from enum import Enum\nclass Place(Enum):\n    A = 1\n",
        "class QueueError(Exception): ...\n",
        "total = 0\nfor one in range(3):\n    total += one\n    total -= 1\n",
    ],
)
def test_type_or_value_is_no_gate(text: str) -> None:
    assert not gates_in({"app/some.py": text})


def test_comment_is_no_gate() -> None:
    assert not gates_in({"static/js/some.js": "// navigator.locks.request(x)\n/* navigator.locks */\nconst a = 1;\n"})
