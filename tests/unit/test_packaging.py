"""What the wheel depends on: what its programs import, from the tested version to the next that may break something."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
IMPORTED_AS = {
    "PIL": "pillow",
    "backports": "backports.zstd",
    "dns": "dnspython",
    "prometheus_client": "prometheus-client",
}
NEWER = {"compression"}  # a part of Python from 3.14
KEEPS_MINORS = {"backports.zstd", "pillow", "platformdirs"}  # minor versions break nothing
OF_AIOHTTP = {"multidict", "yarl"}  # parts of its interface
# Imported only where the page is made: the wheel has it made.
MAKERS = {"gateway/page/languages.py": {"polib"}, "gateway/page/template_compiler.py": {"jinja2", "markupsafe"}}


def _tested() -> dict[str, Version]:
    """The version of each package that the tests run on."""
    text = (ROOT / "requirements.in").read_text("utf-8")
    return {name: Version(version) for name, version in re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE)}


def test_ranges_are_from_tested_version_to_one_that_may_break() -> None:
    """`python -m tests.ranges` runs the tests at both ends."""
    for requirement in map(Requirement, PROJECT["dependencies"]):
        at, has_minors_that_break = _tested()[requirement.name], requirement.name not in KEEPS_MINORS
        parts = {part.operator: part.version for part in requirement.specifier}
        assert parts.keys() == {">=", "<"} and parts[">="] == str(at)
        end = Version(parts["<"]).release
        assert len(end) == (2 if has_minors_that_break else 1) and end > at.release


def test_dependencies_are_what_the_programs_import() -> None:
    found: set[str] = set()
    for part in ("gateway", "demo_comfyui", "wire"):
        for path in (ROOT / part).rglob("*.py"):
            name = path.relative_to(ROOT).as_posix()
            imported = set(third_party(ast.parse(path.read_text("utf-8"))))
            found |= imported - MAKERS.get(name, set())
    assert {IMPORTED_AS.get(name, name) for name in found - OF_AIOHTTP - NEWER} == {
        Requirement(line).name for line in PROJECT["dependencies"]
    }


def third_party(tree: ast.Module) -> list[str]:
    """Return the packages that a module imports and that are neither ours nor Python's."""

    ours = {"app", "demo_comfyui", "gateway", "wire", "__future__"}
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return [top for name in names if (top := name.partition(".")[0]) not in ours | sys.stdlib_module_names]
