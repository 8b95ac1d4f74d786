"""How large each folder is, and how much of it is structure: modules, Protocols, names with several meanings.

    python3 -m benchmarks tree [REVISION]       # of the files on disk, or of a revision of git

*Several meanings* are class names that more than one module of the row defines. *In tests* is the share of the lines
of test files that are inside test functions, their decorators included; the rest are helpers, classes and imports.
"""

from __future__ import annotations

import argparse
import ast
import io
import statistics
import subprocess
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON, SCRIPT, STYLE, TEMPLATE, DOCUMENT = (".py",), (".js", ".mjs"), (".css",), (".html",), (".md",)
TEXTS = (*PYTHON, *SCRIPT, *STYLE, *TEMPLATE, *DOCUMENT)
PARTS_OF_APP = ("app/core", "app/session", "app/ui", "app/browser", "app/workflows")
LAYERS = ("unit", "simulation", "contract", "integration", "e2e", "mutants", "oracle")
HEADS = ["folder", "files", "lines", "median", "longest", "Protocols", "several meanings", "in tests", "words"]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: files with these endings in any of these folders, but not in those of `without`."""

    name: str
    folders: tuple[str, ...]
    endings: tuple[str, ...] = PYTHON
    without: tuple[str, ...] = ()

    def has(self, path: str) -> bool:
        """Return whether a file belongs to this row."""
        return path.endswith(self.endings) and is_in(path, self.folders) and not is_in(path, self.without)


def is_in(path: str, folders: tuple[str, ...]) -> bool:
    """Return whether a file is in one of these folders, at any depth; `.` is the root without its folders."""
    return any("/" not in path if folder == "." else path.startswith(f"{folder}/") for folder in folders)


def folder(name: str, endings: tuple[str, ...] = PYTHON) -> Row:
    """Return the row of one folder."""
    return Row(name, (name,), endings)


ROWS = (
    *(folder(part) for part in PARTS_OF_APP),
    Row("rest of app", ("app",), without=PARTS_OF_APP),
    folder("gateway"),
    folder("wire"),
    Row("app, gateway, wire", ("app", "gateway", "wire")),
    folder("demo_comfyui"),
    *(folder(f"tests/{layer}") for layer in LAYERS),
    Row("rest of tests", ("tests",), without=tuple(f"tests/{layer}" for layer in LAYERS)),
    folder("tests"),
    folder("benchmarks"),
    Row("app/ui, templates", ("app/ui",), TEMPLATE),
    folder("static/js", SCRIPT),
    folder("static/css", STYLE),
    Row("docs, guides", ("docs",), DOCUMENT, without=("docs/decisions",)),
    folder("docs/decisions", DOCUMENT),
    Row("README and others", (".",), DOCUMENT),
    Row("benchmarks, results", ("benchmarks",), DOCUMENT),
)


@dataclass(frozen=True, slots=True)
class File:
    """What is counted of one file; the last three of Python alone."""

    lines: int
    words: int
    classes: frozenset[str] = frozenset()
    protocols: int = 0
    in_tests: int = 0  # lines

    @classmethod
    def of(cls, path: str, text: str) -> File:
        lines, words = len(text.splitlines()), len(text.split())
        if not path.endswith(PYTHON):
            return cls(lines, words)
        nodes = list(ast.walk(ast.parse(text)))
        classes = [node for node in nodes if isinstance(node, ast.ClassDef)]
        functions = (node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
        return cls(
            lines,
            words,
            frozenset(item.name for item in classes),
            sum(map(is_protocol, classes)),
            sum(map(length_of, (item for item in functions if item.name.startswith("test_")))),
        )


def is_protocol(item: ast.ClassDef) -> bool:
    """Return whether a class is a Protocol itself, and does not merely implement one."""
    bases = (base.value if isinstance(base, ast.Subscript) else base for base in item.bases)
    return any(isinstance(base, ast.Name) and base.id == "Protocol" for base in bases)


def length_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines of a function, its decorators included."""
    first = min((function.lineno, *(decorator.lineno for decorator in function.decorator_list)))
    return (function.end_lineno or first) - first + 1


def main() -> None:
    """Read the tree and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("revision", nargs="?", help="a revision of git; without it, the files on disk")
    revision = parser.parse_args().revision
    found = files_of(revision) if revision else files_on_disk()
    files = {path: File.of(path, text) for path, text in found if any(row.has(path) for row in ROWS)}
    for cells in (HEADS, ["---"] * len(HEADS), *table_of(files)):
        print(f"| {' | '.join(cells)} |")


def files_on_disk() -> Iterator[tuple[str, str]]:
    """Yield the documents and sources that git knows or would add, as they are on disk."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    for name in names:
        if name.endswith(TEXTS) and (ROOT / name).is_file():
            yield name, (ROOT / name).read_text("utf-8")


def files_of(revision: str) -> Iterator[tuple[str, str]]:
    """Yield the documents and sources of a revision."""
    command = ["git", "archive", "--format=tar", revision]
    packed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        for member in archive:
            if member.name.endswith(TEXTS) and (stream := archive.extractfile(member)) is not None:
                yield member.name, stream.read().decode()


def table_of(files: Mapping[str, File]) -> Iterator[list[str]]:
    """Yield the cells of each row that has files."""
    for row in ROWS:
        if found := [file for path, file in files.items() if row.has(path)]:
            yield [row.name, *cells_of(row, found)]


def cells_of(row: Row, files: Sequence[File]) -> list[str]:
    """Return the figures of one row."""
    lengths = sorted(file.lines for file in files)
    cells = [f"{len(files):,}", f"{sum(lengths):,}", f"{statistics.median_low(lengths)}", f"{lengths[-1]:,}"]
    if row.endings == DOCUMENT:
        return [*cells, "", "", "", f"{sum(file.words for file in files):,}"]
    if row.endings != PYTHON:
        return [*cells, "", "", "", ""]
    in_tests = f"{sum(file.in_tests for file in files) / sum(lengths):.0%}" if is_of_tests(row) else ""
    return [*cells, str(sum(file.protocols for file in files)), str(len(several_meanings(files))), in_tests, ""]


def is_of_tests(row: Row) -> bool:
    return row.folders[0].startswith("tests")


def several_meanings(files: Iterable[File]) -> set[str]:
    """Return the class names that more than one module defines."""
    counts = Counter(name for file in files for name in file.classes)
    return {name for name, count in counts.items() if count > 1}


if __name__ == "__main__":
    main()
