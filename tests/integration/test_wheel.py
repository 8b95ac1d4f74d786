"""The wheel: reproducible, complete, with nothing of this machine in it; installed alone, it serves the page.

It is installed beside the packages of the tests, so no registry is asked. `docs/developing.md` has the commands that
install it from one, in an empty environment.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from gateway.install.place import PAGE_RECORD
from gateway.people.access import LOGIN_FILES
from tests.kit.services import Service, start_installed, wait_until
from tests.kit.wheel import Installed, build, unpack_sdist

ROOT = Path(__file__).resolve().parents[2]
MOST = 40_000_000  # bytes
PARTS = "mooring/parts/"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def contents(wheel: Path) -> dict[str, bytes]:
    """The wheel's files by their paths in it."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_sdist_builds_a_wheel_of_equal_bytes(wheel: Path, tmp_path: Path) -> None:
    """So do two builds of one tree, since this is one more build in another folder."""
    sources = unpack_sdist(build(tmp_path / "sdist", kind="sdist"), tmp_path)
    again = build(tmp_path / "wheel", root=sources)
    assert again.name == wheel.name
    assert hashlib.sha256(again.read_bytes()).digest() == hashlib.sha256(wheel.read_bytes()).digest()


def test_one_package_is_installed_and_nothing_beside_it(contents: dict[str, bytes]) -> None:
    assert {name.partition("/")[0] for name in contents} == {"mooring", "comfy_mooring-0.1.1.dist-info"}


def test_wheel_is_small_and_has_nothing_twice(wheel: Path, contents: dict[str, bytes]) -> None:
    assert wheel.stat().st_size < MOST
    times = Counter(hashlib.sha256(data).hexdigest() for data in contents.values() if data)
    assert [name for name, data in contents.items() if data and times[hashlib.sha256(data).hexdigest()] > 1] == []


def test_wheel_has_all_that_runs_and_no_test(contents: dict[str, bytes]) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "gateway", "demo_comfyui", "wire"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    missing = {name for name in listed.stdout.split() if f"{PARTS}{name}" not in contents}
    assert missing == {
        "gateway/install/join.mjs",
        "gateway/install/snapshot.mjs",
        "gateway/package/__init__.py",
        "gateway/package/__main__.py",
        "gateway/page/template_compiler.py",
    }
    assert "mooring/licences/axe-core.txt" not in contents, "only tests load axe"
    assert [name for name in contents if "test" in name.lower().split("/") or name.endswith((".pyc", ".mjs"))] == []
    build_of_page = json.loads(contents[f"{PARTS}page/{PAGE_RECORD}"])["build"]["files"]
    assert {f"{PARTS}page/files/{content}" for content in build_of_page.values()} <= contents.keys()
    assert {"mooring/docs/install.md", "mooring/docs/README.md", "mooring/licences/pyodide.txt"} <= contents.keys()


def test_wheel_has_no_path_of_this_machine(contents: dict[str, bytes]) -> None:
    homes = {str(ROOT).encode(), sys.prefix.encode(), tempfile.gettempdir().encode() + b"/pytest"}
    plain = {name: gzip.decompress(data) if name.endswith((".gz", "-gz")) else data for name, data in contents.items()}
    # Documents name folders as examples, which may be those of this machine.
    found = [(name, home) for name, data in plain.items() for home in homes if home in data]
    assert [one for one in found if not one[0].startswith("mooring/docs/")] == []


def test_checkers_of_packages_find_nothing(wheel: Path) -> None:
    for words in (["check_wheel_contents", str(wheel)], ["twine", "check", "--strict", str(wheel)]):
        result = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout + result.stderr


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed.make(tmp_path_factory.mktemp("home"), wheel)


def ask(gateway: Service, path: str, **headers: str) -> bytes:
    with urllib.request.urlopen(urllib.request.Request(gateway.url + path, headers=headers)) as answer:
        data: bytes = answer.read()
        return data


def test_installed_command_serves_the_page_and_demo_servers(installed: Installed) -> None:
    with start_installed(installed, demo=1) as service:
        page = ask(service, "/").decode()
        assert 'id="snapshot"' in page, "the first page has a memory snapshot"
        (build_key,) = {part.partition("/")[0] for part in page.split("/b/")[1:]}
        plain = ask(service, f"/b/{build_key}/static/js/boot.mjs")
        packed = ask(service, f"/b/{build_key}/static/js/boot.mjs", **{"Accept-Encoding": "gzip"})
        assert gzip.decompress(packed) == plain and len(packed) < len(plain)
        assert ask(service, "/static/js/boot.mjs") == plain, "also under the name that it has in a clone"
        assert b".login-form" in ask(service, "/static/login.css"), "made of files that are in no wheel"
        assert build_key in ask(service, "/worker.js").decode() and b"maskable" in ask(service, "/manifest.webmanifest")
        assert [server["id"] for server in json.loads(ask(service, "/fleet"))["servers"]] == ["demo-1"]
        wait_until(lambda: b'id="field-1-text"' in ask(service, "/"))  # its first screen is drawn beside it
    assert sorted(path.name for path in (installed.home / ".local/state/mooring").iterdir()) == [
        "builds",
        "demo",
        "page-python",
        "snapshots",
    ]
    assert not (installed.home / ".config").exists(), "nothing is written where the user's own files are"


def test_installed_command_names_itself_and_its_files(installed: Installed) -> None:
    def run(*words: str) -> str:
        command = [installed.command, *words]
        return subprocess.run(command, env=installed.variables, capture_output=True, text=True, check=True).stdout

    own = installed.home / ".config" / "mooring"
    assert f"{own / 'fleet.toml'}  (not there)" in run("paths")
    assert "usage: mooring [" in run("--help") and "serve.py" not in run("--help")
    words = ["user", "add", "alice", "--password-stdin"]
    subprocess.run(
        [installed.command, *words], env=installed.variables, input="a long password\n", text=True, check=True
    )
    assert {"mooring.key", "users.toml"} <= {path.name for path in own.iterdir()}
    with start_installed(installed, demo=1) as service, pytest.raises(urllib.error.HTTPError) as refused:
        assert all(ask(service, f"/{path}") for path in ("login", *LOGIN_FILES))
        ask(service, "/fleet")
    refused.value.close()
    assert refused.value.code == 401, "its own users are asked for"
    (own / "users.toml").unlink()
