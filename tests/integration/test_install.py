"""Set-up with real pip and npm on a fresh copy of the repository, with a kill half-way and without network.

One full installation serves all tests here: it is started, killed, and then started by two processes.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.install.environment import Environment
from gateway.install.place import Installation, write_record
from gateway.install.snapshot import FORMS, Snapshots
from gateway.page.archive import make_archive
from gateway.platforms import system
from gateway.site.policy import VIEWER_STYLE
from tests.kit.platforms import link as make_link
from tests.kit.platforms import posix_only
from tests.kit.services import free_ports

ROOT = Path(__file__).resolve().parents[2]
PYTHON: str = getattr(sys, "_base_executable", sys.executable)  # as on a fresh machine: not .venv's
PATIENCE_SECONDS = 300.0
READY = "Mooring is ready: "
LEFT_OUT = (
    "*_html.py",
    ".git",
    ".venv",
    ".mooring",
    "vendor",
    "node_modules",
    "__pycache__",
    ".*_cache",
    ".hypothesis",
    "artifacts",
)


@dataclass
class Serve:
    """A running `python3 serve.py`."""

    process: subprocess.Popen[str]
    printed: str = ""

    def until_ready(self) -> str:
        """Return everything printed until it accepts connections; fail if it ends earlier."""
        assert self.process.stdout is not None
        watchdog = threading.Timer(PATIENCE_SECONDS, self.process.kill)
        watchdog.start()
        try:
            for line in self.process.stdout:
                self.printed += line
                if READY in line:
                    return self.printed
        finally:
            watchdog.cancel()
        pytest.fail(f"serve.py ended with {self.process.wait()}:\n{self.printed}")

    def stop(self) -> None:
        """End the process and wait."""
        system.end(self.process)
        self.process.communicate(timeout=60)


@dataclass(frozen=True)
class Clone:
    """A copy of the repository without its set-up, and the output of its installation."""

    root: Path
    printed: tuple[str, ...] = ()

    def serve(self, env: dict[str, str] | None = None) -> Serve:
        """Start with one server, which does not need to exist."""
        port = free_ports(2)
        command = [PYTHON, "serve.py", "--port", str(port), "--server", f"a=http://127.0.0.1:{port + 1}"]
        process = subprocess.Popen(
            command,
            cwd=self.root,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            **system.ENDABLE,
        )
        return Serve(process)

    def assert_fails(self, env: dict[str, str] | None = None) -> str:
        """Run `serve.py`, which must fail, and return its stderr."""
        ended = subprocess.run(
            [PYTHON, "serve.py"],
            cwd=self.root,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        assert ended.returncode == 1, ended.stdout + ended.stderr
        return ended.stderr

    def set_up(self) -> str:
        """Run the set-up alone, and return its output."""
        code = "from pathlib import Path; from gateway.install import set_up; set_up(Path('.').resolve())"
        ended = subprocess.run(
            [PYTHON, "-c", code],
            cwd=self.root,
            capture_output=True,
            encoding="utf-8",
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout


def fresh(folder: Path) -> Clone:
    """Copy the repository without what set-up makes."""
    root = folder / "mooring"
    shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns(*LEFT_OUT))
    return Clone(root)


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Wait until `condition` holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"waited in vain for {what}")
        time.sleep(0.01)


def without_node(folder: Path) -> dict[str, str]:
    """Return the environment of this machine without Node and npm."""
    for place in os.get_exec_path():
        for program in Path(place).glob("*"):
            link = folder / program.name
            if program.stem not in ("node", "nodejs", "npm", "npx") and not link.is_symlink():
                make_link(link, program)
    return {**os.environ, "PATH": str(folder)}


def steps_here() -> int:
    """Return the number of steps of a first set-up here: npm comes from a wheel if it is not installed."""
    return 7 if shutil.which("npm") else 8


@pytest.fixture(scope="module")
def installed_clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone whose set-up was killed while pip copied packages, and then completed by two simultaneous starts.

    The first set-up finds no Node, and the others use what this machine has.
    """
    clone = fresh(tmp_path_factory.mktemp("install"))
    first = clone.serve(without_node(tmp_path_factory.mktemp("programs")))
    copied = clone.root / ".venv"
    wait_for(lambda: any(copied.rglob("site-packages/aiohappyeyeballs*")), "pip to copy the first package")
    first.process.kill()
    killed, _ = first.process.communicate(timeout=60)
    record = json.loads((clone.root / ".venv" / "mooring.json").read_text("utf-8"))
    assert record == {"state": "unfinished"}, "the kill came too late to be an interruption"
    both = [clone.serve(), clone.serve()]
    try:
        printed = tuple(serve.until_ready() for serve in both)
    finally:
        for serve in both:
            serve.stop()
    return Clone(clone.root, (killed, *printed))


@pytest.fixture
def offline() -> Iterator[dict[str, str]]:
    """An environment in which every request leads to a closed port."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound, so that no other process takes it, and not listening
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}"
        names = ["http_proxy", "https_proxy", "all_proxy", "PIP_PROXY", "npm_config_proxy"]
        env = {**os.environ, **dict.fromkeys(names, nowhere)}
        env |= {name.upper(): nowhere for name in names[:3]}
        env |= {"no_proxy": "", "NO_PROXY": "", "npm_config_https_proxy": nowhere}
        env |= {"PIP_INDEX_URL": f"{nowhere}/simple/", "npm_config_registry": f"{nowhere}/"}
        yield env


def test_interrupted_set_up_is_repaired_by_the_next_run(installed_clone: Clone) -> None:
    assert "[2/8] Python packages" in installed_clone.printed[0], "one step more, for npm"
    assert READY not in installed_clone.printed[0]
    python = installed_clone.root / ".venv" / "bin" / "python"
    check = subprocess.run([python, "-I", "-m", "pip", "check"], capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stdout
    imports = "import aiohttp, PIL.Image, jinja2, markupsafe"
    subprocess.run([python, "-I", "-c", imports], check=True)


def test_each_step_is_printed_with_its_time(installed_clone: Clone) -> None:
    (worked,) = [text for text in installed_clone.printed[1:] if "[1/" in text]
    lines = [line for line in worked.splitlines() if line.startswith("[")]
    count = steps_here()
    assert [line.split("]")[0] for line in lines] == [f"[{number}/{count}" for number in range(1, count + 1)]
    assert all(
        re.fullmatch(r"\[\d/\d\] [\w ,]+ … (done in \d+\.\d s|kept; Mooring packs them while it runs)", line)
        for line in lines
    ), lines


def test_simultaneous_set_ups_wait_for_each_other(installed_clone: Clone) -> None:
    """Both started to serve, and only one did the set-up."""
    assert sum("[1/" in text for text in installed_clone.printed[1:]) == 1
    assert sum("Another set-up is at work" in text for text in installed_clone.printed[1:]) >= 1


def test_second_start_has_no_steps_and_needs_no_network(installed_clone: Clone, offline: dict[str, str]) -> None:
    """`python3 -m benchmarks install` says how long it takes."""
    serve = installed_clone.serve(offline)
    try:
        printed = serve.until_ready()
    finally:
        serve.stop()
    assert "[1/" not in printed


def test_missing_browser_file_is_restored(installed_clone: Clone) -> None:
    vendor = installed_clone.root / "static" / "vendor"
    module = vendor / "pyodide" / "pyodide.mjs"
    whole = module.read_bytes()
    module.write_bytes(whole[:100])
    (vendor / "python" / "site.zip").unlink()
    assert "[1/4] npm packages" in installed_clone.set_up()
    assert module.read_bytes() == whole
    assert (vendor / "python" / "site.zip").is_file()
    assert installed_clone.set_up() == ""


def test_page_loads_only_from_the_gateway(installed_clone: Clone) -> None:
    vendor = installed_clone.root / "static" / "vendor"
    for name in (
        "pyscript/core.js",
        "pyscript/core.css",
        "idiomorph/idiomorph.esm.js",
        "dagre/dagre.esm.js",
        "client-zip/index.js",
        "panzoom/panzoom.es.js",
        "model-viewer/model-viewer.min.js",
        "model-viewer/draco_wasm_wrapper.js",
        "model-viewer/draco_decoder.wasm",
        "model-viewer/meshopt_decoder.js",
    ):
        assert (vendor / name).stat().st_size > 0
    have = {path.name for path in (vendor / "pyscript").iterdir()}
    unused = ("codemirror", "index-", "xterm", "zip-")
    for path in (vendor / "pyscript").glob("*.js"):
        asked = set(re.findall(r'(?:from|import\()"\./([^"]+)"', path.read_text("utf-8")))
        assert {name for name in asked - have if not name.startswith(unused)} == set()
    assert not list(vendor.rglob("*.map"))


def test_policy_allows_the_viewers_style_and_no_other(installed_clone: Clone) -> None:
    viewer = (installed_clone.root / "static/vendor/model-viewer/model-viewer.min.js").read_text("utf-8")
    (style,) = re.findall(r"<style>(.*?)</style>", viewer, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"'sha256-{digest}'" == VIEWER_STYLE


def test_browser_bundle_works_without_compiled_modules(installed_clone: Clone) -> None:
    archive = installed_clone.root / "static" / "vendor" / "python" / "site.zip"
    code = (
        f"import sys; sys.path.insert(0, {str(archive)!r}); import markupsafe;"
        "print(markupsafe.escape('<b>'), markupsafe._escape_inner.__module__, markupsafe.__file__)"
    )
    python = installed_clone.root / ".venv" / "bin" / "python"
    ended = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=True)
    markup, escape, origin = ended.stdout.split()
    assert markup == "&lt;b&gt;"
    assert escape == "markupsafe._native"
    assert origin.startswith(str(archive))


def test_console_packages_work_without_compiled_modules(installed_clone: Clone, tmp_path: Path) -> None:
    archive = installed_clone.root / "static" / "vendor" / "python" / "scripting.zip"
    with zipfile.ZipFile(archive) as zipped:
        assert {Path(name).suffix for name in zipped.namelist()} == {".py"}
        zipped.extractall(tmp_path)
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r});"
        "import requests, pyodide_http, idna, charset_normalizer.md as md;"
        "print(requests.__file__, md.__file__, requests.get.__name__)"
    )
    ended = subprocess.run([PYTHON, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.split() == [
        str(tmp_path / "requests/__init__.py"),
        str(tmp_path / "charset_normalizer/md.py"),
        "get",
    ]
    assert ended.stderr == ""


def test_memory_snapshot_exists_after_the_first_start(installed_clone: Clone) -> None:
    (record,) = (installed_clone.root / ".mooring" / "snapshots").glob("*.json")
    snapshot = json.loads(record.read_text("utf-8"))
    assert snapshot["size"] > 20_000_000
    assert set(snapshot["files"]) == {"zstd", "gzip", "identity"}
    assert str(installed_clone.root).encode() not in unpacked(record.with_suffix(".gz")), "it goes to every browser"


def test_memory_snapshot_is_made_of_equal_bytes_again(installed_clone: Clone) -> None:
    """The wheel has the one of the tests' own clone, which is another folder."""
    ours, theirs = Snapshots(Installation(ROOT)), Snapshots(Installation(installed_clone.root))
    made = ours.make(make_archive(ROOT), lambda command: subprocess.run(command, cwd=ROOT, check=True))
    assert made is not None
    for coding in FORMS:
        assert theirs.file(made.key, coding).read_bytes() == ours.file(made.key, coding).read_bytes(), coding


def unpacked(file: Path) -> bytes:
    """The content of a gzip file."""
    with gzip.open(file) as opened:
        return opened.read()


def test_missing_network_is_reported_in_one_sentence(
    installed_clone: Clone, tmp_path: Path, offline: dict[str, str]
) -> None:
    """After the first step: pip is there, and no package."""
    clone = fresh(tmp_path)
    environment = Environment(Installation(clone.root))
    subprocess.run([PYTHON, "-m", "venv", "--without-pip", str(environment.place.venv)], check=True)
    pip = Environment(Installation(installed_clone.root)).packages() / "pip"
    shutil.copytree(pip, environment.packages() / "pip")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    write_record(environment.record, {"python": version, "locks": {}})
    said = clone.assert_fails(offline)
    assert said.startswith("pip could not reach its package registry: check this machine's network")
    assert said.count("\n") == 1


def test_foreign_environment_is_left_alone(tmp_path: Path) -> None:
    clone = fresh(tmp_path)
    mine = clone.root / ".venv" / "mine.txt"
    mine.parent.mkdir()
    mine.write_text("mine", "utf-8")
    said = clone.assert_fails()
    assert "was not made by Mooring" in said
    assert said.count("\n") == 1
    assert mine.read_text("utf-8") == "mine"


@posix_only("a folder has no such mode")
@pytest.mark.skipif(system.is_root(), reason="root may write everywhere")
def test_read_only_folder_is_reported_in_one_sentence(tmp_path: Path) -> None:
    clone = fresh(tmp_path)
    clone.root.chmod(0o555)
    try:
        said = clone.assert_fails()
    finally:
        clone.root.chmod(0o755)
    assert "may not write" in said
    assert said.count("\n") == 1
