"""The lock files: exact, hashed, and without a registry's address."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ["requirements", "requirements-build", "requirements-dev", "requirements-node"]
PIP_LOCKS = [f"{name}.txt" for name in LOCKS]
SOURCES = [*PIP_LOCKS, *(f"{name}.in" for name in LOCKS)]
NPM = ["package.json", "package-lock.json", ".npmrc"]
EXACT = re.compile(r"\d+\.\d+\.\d+")


def pins(name: str) -> dict[str, str]:
    """The version by package of a pip lock file."""
    text = (ROOT / name).read_text("utf-8")
    return dict(re.findall(r"^([a-z0-9-]+)==([^ \\]+)", text, re.MULTILINE))


@pytest.mark.parametrize("name", [*SOURCES, *NPM])
def test_lock_files_name_no_address_or_local_path(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    assert "://" not in text
    assert not re.search(r"(index-url|find-links|trusted-host|registry *=|/(home|root|work|tmp|opt)/)", text)


@pytest.mark.parametrize("name", PIP_LOCKS)
def test_every_python_package_is_pinned_with_hashes(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert entries
    for entry in entries:
        assert re.match(r"[a-z0-9-]+==\d", entry), entry
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry), entry


@pytest.mark.parametrize("name", LOCKS)
def test_each_lock_has_what_its_source_requires(name: str) -> None:
    asked = re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / f"{name}.in").read_text("utf-8"), re.MULTILINE)
    assert asked
    assert dict(asked).items() <= pins(f"{name}.txt").items()


def test_tests_run_on_the_products_versions() -> None:
    assert pins("requirements.txt").items() <= pins("requirements-dev.txt").items()


def test_wheel_is_built_with_what_the_tests_build_it_with() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert pins("requirements-build.txt").items() <= pins("requirements-dev.txt").items()
    assert project["build-system"]["requires"] == [f"hatchling=={pins('requirements-build.txt')['hatchling']}"]


def test_npm_versions_are_exact_and_match_their_lock() -> None:
    package = json.loads((ROOT / "package.json").read_text("utf-8"))
    lock = json.loads((ROOT / "package-lock.json").read_text("utf-8"))
    assert lock["packages"][""]["dependencies"] == package["dependencies"]
    assert lock["packages"][""]["devDependencies"] == package["devDependencies"]
    for name, version in {**package["dependencies"], **package["devDependencies"]}.items():
        assert EXACT.fullmatch(version), name
        assert lock["packages"][f"node_modules/{name}"]["version"] == version


def test_every_npm_package_has_a_hash_and_no_origin() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text("utf-8"))
    for name, entry in lock["packages"].items():
        assert "resolved" not in entry, name
        assert not name or entry["integrity"].startswith("sha512-"), name


def test_old_python_can_parse_the_entry_points() -> None:
    for name in ("serve.py", "tests/__init__.py", "tests/__main__.py"):
        ast.parse((ROOT / name).read_text("utf-8"), name, feature_version=(3, 8))
