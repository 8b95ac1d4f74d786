"""Memory snapshots at set-up: named by their sources, complete or absent, made once, skipped on failure."""

from __future__ import annotations

import io
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from gateway.install.exclusion import exclusive
from gateway.install.failures import CommandFailed, SnapshotFailed
from gateway.install.place import Installation
from gateway.install.snapshot import FORMS, KEPT, MAKER, SCRIPTS, Busy, MemorySnapshot, Snapshots, snapshot_step
from gateway.install.steps import take
from gateway.page.archive import digest_sources, make_archive

FILES = {"pyodide/pyodide.asm.wasm": 3, "python/site.zip": 4, "pyscript/core.js": 5}


class Node:
    """A fake Node that writes what the maker writes."""

    def __init__(self) -> None:
        self.ran: list[list[str]] = []
        self.fails = False

    def __call__(self, command: list[str | Path]) -> None:
        words = [str(word) for word in command]
        self.ran.append(words)
        if self.fails:
            raise CommandFailed("SyntaxError: this Node is too old")
        *_, app, out = words
        assert Path(app).read_bytes().startswith(b"PK")
        for ending in FORMS.values():
            Path(f"{out}.{ending}").write_text(f"memory, packed as {ending}")
        Path(f"{out}.json").write_text(json.dumps({"size": 1000, "sum": 77}))


@pytest.fixture
def app_clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """A clone with a small app, on a machine with a Node."""
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    texts = {"app/__init__.py": "", "app/model.py": "x = 1", **dict.fromkeys(SCRIPTS, "// a script")}
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    write_runtime(tmp_path)
    return Installation(tmp_path)


def write_runtime(root: Path, **changed: Any) -> None:
    (root / "static" / "vendor").mkdir(parents=True, exist_ok=True)
    record = {"from": "locked", "dev": False, "files": FILES, **changed}
    (root / "static" / "vendor" / "mooring.json").write_text(json.dumps(record))


def key_of(place: Installation) -> str:
    key = Snapshots(place).key(digest_sources(place.root))
    assert key is not None
    return key


def make(place: Installation, node: Node) -> MemorySnapshot:
    made = Snapshots(place).make(make_archive(place.root), node)
    assert made is not None
    return made


def test_snapshot_is_made_once_and_found_by_its_key(app_clone: Installation) -> None:
    node = Node()
    made = make(app_clone, node)
    assert made == MemorySnapshot(key_of(app_clone), 1000, 77) == Snapshots(app_clone).find(made.key)
    assert make(app_clone, node) == made
    (ran,) = node.ran
    assert MAKER in ran
    left = {path.name for path in Snapshots(app_clone).folder.iterdir()}
    assert left == {f"{made.key}.{ending}" for ending in (*FORMS.values(), "json")} | {"lock"}


@pytest.mark.parametrize("name", ["app/model.py", *SCRIPTS])
def test_changed_source_changes_the_key(app_clone: Installation, name: str) -> None:
    make(app_clone, Node())
    (app_clone.root / name).write_text("x = 2")
    assert Snapshots(app_clone).find(key_of(app_clone)) is None
    assert not Snapshots(app_clone).is_ready()
    make(app_clone, Node())
    assert Snapshots(app_clone).is_ready()


@pytest.mark.parametrize(
    "changed", [{"from": "other locks"}, {"files": {**FILES, "python/site.zip": 9}}], ids=["locks", "packages"]
)
def test_changed_runtime_changes_the_key(app_clone: Installation, changed: dict[str, Any]) -> None:
    before = key_of(app_clone)
    write_runtime(app_clone.root, **changed)
    assert key_of(app_clone) != before


def test_unrelated_files_do_not_change_the_key(app_clone: Installation) -> None:
    """The files of the tests are in `static/vendor/` too."""
    before = key_of(app_clone)
    write_runtime(app_clone.root, dev=True, files={**FILES, "test/axe.min.js": 1, "pyscript/core.js": 6})
    assert key_of(app_clone) == before


@pytest.mark.parametrize("ending", [*FORMS.values(), "json"])
@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_damaged_snapshot_is_rebuilt(app_clone: Installation, ending: str, damage: str) -> None:
    made = make(app_clone, Node())
    file = Snapshots(app_clone).folder / f"{made.key}.{ending}"
    file.unlink()
    if damage == "cut":
        file.write_text("mem")
    assert Snapshots(app_clone).find(made.key) is None
    assert make(app_clone, Node()) == made
    assert Snapshots(app_clone).find(made.key) == made


def test_failed_snapshot_is_not_retried_for_the_same_sources(app_clone: Installation) -> None:
    node = Node()
    node.fails = True
    with pytest.raises(SnapshotFailed):
        make(app_clone, node)
    snapshots = Snapshots(app_clone)
    assert snapshots.find(key_of(app_clone)) is None
    assert snapshots.has_failed(key_of(app_clone))
    assert snapshots.is_ready(), "there is nothing to be done about it"
    (app_clone.root / "app" / "model.py").write_text("x = 3")
    assert not snapshots.is_ready()


def test_set_up_continues_without_it_with_one_line(app_clone: Installation) -> None:
    node, shown = Node(), io.StringIO()
    node.fails = True
    take([snapshot_step(app_clone, node)], shown)
    assert shown.getvalue() == (
        "[1/1] Memory snapshot … left out: Node could not make it, so windows open slower"
        " (details: .mooring/setup.log)\n"
    )
    node.fails = False
    shown = io.StringIO()
    take([snapshot_step(app_clone, node)], shown)
    assert re.fullmatch(r"\[1/1\] Memory snapshot … done in \d+\.\d s\n", shown.getvalue())


def test_partial_output_of_node_is_no_snapshot(app_clone: Installation) -> None:
    def half(command: list[str | Path]) -> None:
        Path(f"{command[-1]}.json").write_text('{"size": 1000')

    with pytest.raises(SnapshotFailed):
        Snapshots(app_clone).make(make_archive(app_clone.root), half)
    assert Snapshots(app_clone).find(key_of(app_clone)) is None


def test_one_process_makes_it_at_a_time(app_clone: Installation) -> None:
    snapshots = Snapshots(app_clone)
    with exclusive(snapshots.folder / "lock", lambda: None), pytest.raises(Busy):
        make(app_clone, Node())


def test_only_the_latest_are_kept(app_clone: Installation) -> None:
    keys = []
    for number in range(KEPT + 2):
        (app_clone.root / "app" / "model.py").write_text(f"x = {number}")
        keys.append(make(app_clone, Node()).key)
    found = [key for key in keys if Snapshots(app_clone).find(key)]
    assert found == keys[-KEPT:]
    assert len(list(Snapshots(app_clone).folder.glob("*.zst"))) == KEPT


def test_nothing_is_made_without_a_runtime(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    snapshots = Snapshots(Installation(tmp_path))
    assert snapshots.is_ready()
    assert snapshots.make(make_archive(tmp_path), Node()) is None
