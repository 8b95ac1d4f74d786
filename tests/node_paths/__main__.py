"""Makes the table, or compares it with the sources: see `tests/node_paths/__init__.py`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.node_paths.node_classes import Examined, examine
from tests.node_paths.reviewed import USES
from tests.recordings import catalogue
from wire.file_inputs import FILE_TYPES
from wire.paths import Use

TABLE = Path(__file__).resolve().parents[2] / "wire" / "path_table.py"
STRONGEST = (Use.OVERWRITES, Use.LISTS, Use.READS, Use.WRITES, Use.MODEL)
_HEAD = '''\
"""The inputs of ComfyUI's own nodes that become paths of files. Made by `python -m tests.node_paths`: do not edit.

`ROWS` are class, input, use and the versions in which it is so; `EXAMINED` are all classes whose code was followed,
and `TYPES` the types of their inputs that hold neither a file nor a text.
"""

from __future__ import annotations

'''


def rows_of(found: Iterable[Examined]) -> tuple[tuple[str, str, str, str], ...]:
    """Return the table's rows, from what was found in each version."""
    uses: dict[tuple[str, str], tuple[Use, list[str]]] = {}
    for one in found:
        repeated = {place for place, use in USES.items() if use is Use.REPEATS and place[0] in one.classes}
        for place in repeated:
            uses.setdefault(place, (Use.REPEATS, []))[1].append(one.version)
        for class_type, inputs in one.classes.items():
            for name, ways in inputs.items():
                decided = USES.get((class_type, name), next(use for use in STRONGEST if use in ways))
                if decided is not None and decided is not Use.REPEATS:
                    known = uses.setdefault((class_type, name), (decided, []))
                    strongest = min(decided, known[0], key=STRONGEST.index) if decided in STRONGEST else decided
                    uses[class_type, name] = (strongest, [*known[1], one.version])
    return tuple((*place, use.value, " ".join(versions)) for place, (use, versions) in sorted(uses.items()))


def types_of(versions: Iterable[str]) -> frozenset[str]:
    """Return the types of inputs in the recorded catalogues of these versions, without those that may be a text."""
    kinds = {
        kind
        for version in versions
        for node in catalogue(version).values()
        for group, inputs in node["input"].items()
        for spec in (inputs.values() if group != "hidden" and isinstance(inputs, dict) else ())
        for kind in (spec[0].split(",") if isinstance(spec[0], str) else ())
    }
    return frozenset(kinds - FILE_TYPES - {"STRING", "*", "COMFY_MATCHTYPE_V3"})


def write(found: Iterable[Examined]) -> str:
    """Return the table's module as text."""
    known = list(found)
    versions = tuple(one.version for one in known)
    rows = "".join(f"    {_tuple(row)},\n" for row in rows_of(known))
    names = sorted({name for one in known for name in one.classes})
    return (
        f"{_HEAD}VERSIONS = {_tuple(versions)}\n"
        f"ROWS: tuple[tuple[str, str, str, str], ...] = (\n{rows})\n"
        f"EXAMINED = {_set(names)}TYPES = {_set(types_of(versions))}"
    )


def _tuple(values: Iterable[str]) -> str:
    return f"({', '.join(json.dumps(value) for value in values)})"


def _set(names: Iterable[str]) -> str:
    items = "".join(f"        {json.dumps(name)},\n" for name in sorted(names))
    return f"frozenset(\n    {{\n{items}    }}\n)\n"


def faults(found: Iterable[Examined]) -> Mapping[str, object]:
    """Return what the table has no answer for: inputs by any name, and decisions about inputs that are gone."""
    known = list(found)
    any_name = [
        (one.version, class_type, name)
        for one in known
        for class_type, inputs in one.classes.items()
        for name in inputs
        if name in {"args", "kwargs"}
    ]
    places = {(class_type, name) for one in known for class_type, inputs in one.classes.items() for name in inputs}
    unlisted = {
        version: sorted(
            name
            for name, node in catalogue(version).items()
            if not node["python_module"].startswith("custom_nodes") and not any(name in one.classes for one in known)
        )
        for version in (one.version for one in known)
    }
    return {
        "inputs by any name": any_name,
        "decided, and in no version": sorted(place for place in USES.keys() - places if USES[place] is not Use.REPEATS),
        "in a catalogue, and not found": {version: names for version, names in unlisted.items() if names},
    }


def main() -> int:
    """Write or check the table; return 1 if something is undecided, or the table differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.node_paths", description=__doc__)
    parser.add_argument("sources", nargs="+", type=Path, help="a checkout of one version of ComfyUI")
    parser.add_argument("--check", action="store_true", help="only compare the table with the sources")
    given = parser.parse_args()
    found = sorted((examine(folder) for folder in given.sources), key=lambda one: [*map(int, one.version.split("."))])
    wrong = {name: places for name, places in faults(found).items() if places}
    for name, places in wrong.items():
        sys.stderr.write(f"{name}: {places}\n")
    text = write(found)
    if given.check:
        return 1 if wrong or text != TABLE.read_text("utf-8") else 0
    TABLE.write_text(text, "utf-8")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
