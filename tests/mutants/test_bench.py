"""The copy in which mutants are tried."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.mutants.bench import Bench


def test_everything_that_judges_import_is_copied(tmp_path: Path) -> None:
    bench = Bench.set_up(tmp_path.resolve())
    paths = [path for judge in bench.judges for path in files_at(bench.root / judge)]
    wanted = {name for path in paths for name in imports_of(path)}
    assert [name for name in sorted(wanted) if not [*bench.root.glob(f"{name.replace('.', '/')}*")]] == []


def files_at(place: Path) -> Iterator[Path]:
    yield from place.rglob("*.py") if place.is_dir() else [place]


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(("tests.", "demo_comfyui.")):
            yield node.module
