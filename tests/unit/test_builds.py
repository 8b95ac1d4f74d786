"""Stored builds of the page: complete, each content once, compressed, only the last few."""

from __future__ import annotations

import gzip
import io
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from gateway.install.builds import KEPT, Builds, builds_step, packed
from gateway.install.compression import ENDINGS, Interrupted, compress
from gateway.install.failures import CommandFailed
from gateway.install.node import node_command
from gateway.install.place import Installation
from gateway.install.steps import take
from gateway.page.tree import Build, PageTree, digest
from gateway.platforms import system
from tests.kit.codings import decompressed


def a_build(key: str, **files: bytes) -> tuple[Build, dict[str, Path | bytes]]:
    """A build of files by name, with `_` for the dot."""
    named = {name.replace("_", "."): data for name, data in files.items()}
    contents: dict[str, Path | bytes] = {digest(data): data for data in named.values()}
    return Build(key * 32, {name: digest(data) for name, data in named.items()}), contents


@pytest.fixture
def builds(tmp_path: Path) -> Builds:
    return Builds(Installation(tmp_path))


def test_stored_files_are_found_by_their_key(builds: Builds) -> None:
    build, contents = a_build("a", a_js=b"let a;", b_py=b"b = 1")
    assert builds.read(build.key) is None
    builds.keep(build, contents)
    assert builds.read(build.key) == build
    assert builds.file(build.files["a.js"]).read_bytes() == b"let a;"


def test_content_of_several_builds_is_stored_once(builds: Builds) -> None:
    builds.keep(*a_build("a", one_js=b"let a;", two_js=b"let a;"))
    builds.keep(*a_build("b", one_js=b"let a;", two_js=b"let b;"))
    assert {path.name for path in builds.file("").iterdir()} == {digest(b"let a;"), digest(b"let b;")}


def test_file_changed_while_it_is_read_is_not_stored(builds: Builds, tmp_path: Path) -> None:
    source = tmp_path / "a.js"
    source.write_bytes(b"let a;")
    build, _ = a_build("a", a_js=b"let before;")
    with pytest.raises(OSError, match="written to"):
        builds.keep(build, {build.files["a.js"]: source})
    assert builds.read(build.key) is None


def test_only_the_last_builds_are_kept_with_their_files(builds: Builds) -> None:
    made = [a_build(key, same_js=b"same", own_js=key.encode() * 9) for key in "abcdef"]
    for at, (build, contents) in enumerate(made):
        builds.keep(build, contents)
        builds.pack(build)
        os.utime(builds.folder / f"{build.key}.json", ns=(at, at))  # a clock may be too coarse
    kept = [build for build, _ in made if builds.read(build.key)]
    assert kept == [build for build, _ in made[-KEPT:]]
    wanted = {name for build in kept for name in build.files.values()}
    assert {path.name for path in builds.file("").iterdir()} == wanted | {
        f"{name}-{ending}" for name in wanted for ending in ENDINGS.values()
    }


def test_build_that_is_served_a_second_time_is_the_latest(builds: Builds) -> None:
    made = [a_build(key, own_js=key.encode()) for key in "abcdef"[: KEPT + 1]]
    for at, (build, contents) in enumerate([*made[:KEPT], made[0], made[KEPT]]):
        builds.keep(build, contents)
        os.utime(builds.folder / f"{build.key}.json", ns=(at, at))
    assert builds.read(made[0][0].key) is not None
    assert builds.read(made[1][0].key) is None


def test_texts_are_compressed_and_archives_are_not(builds: Builds) -> None:
    build, contents = a_build("a", a_js=b"let a;" * 99, b_zip=b"PK" * 99)
    builds.keep(build, contents)
    builds.pack(build)
    text, archive = (builds.file(build.files[name]) for name in ("a.js", "b.zip"))
    assert gzip.decompress(packed(text, "gzip").read_bytes()) == b"let a;" * 99
    assert not packed(archive, "gzip").exists()
    assert builds.unpacked(build, "gzip") == []
    assert builds.unpacked(build, "zstd") == []
    assert decompressed(packed(text, "zstd").read_bytes(), "zstd") == b"let a;" * 99
    assert not packed(archive, "zstd").exists()


def test_compression_ends_when_the_gateway_does(builds: Builds) -> None:
    build, contents = a_build("a", a_js=b"let a;")
    builds.keep(build, contents)
    builds.pack(build, lambda: True)
    assert [len(builds.unpacked(build, coding)) for coding in ENDINGS] == [1, 1]


@pytest.fixture
def page_clone(tmp_path: Path) -> Installation:
    """A clone with a small page."""
    texts = {"index.html": "", "app/main.py": "x = 1", "static/js/a.js": "let a;"}
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return Installation(tmp_path)


def test_set_up_for_users_leaves_compression_to_the_gateway(page_clone: Installation) -> None:
    shown = io.StringIO()
    take([builds_step(page_clone, packs=False)], shown)
    assert shown.getvalue() == "[1/1] Page files … kept; Mooring packs them while it runs\n"
    builds, build = Builds(page_clone), PageTree(page_clone.root).current().build
    assert builds.has_any()
    assert builds.read(build.key) == build
    assert len(builds.unpacked(build, "zstd")) == len(builds.unpacked(build, "gzip")) > 0


def test_set_up_for_tests_compresses_both_ways(page_clone: Installation) -> None:
    builds, shown = Builds(page_clone), io.StringIO()
    assert not builds.has_any()
    assert not builds.is_ready()
    take([builds_step(page_clone, packs=True)], shown)
    assert re.fullmatch(r"\[1/1\] Packed page files … done in \d+\.\d s\n", shown.getvalue())
    assert builds.has_any()
    assert builds.is_ready()
    (page_clone.root / "static/js/a.js").write_text("let b;")
    assert not builds.is_ready()
    take([builds_step(page_clone, packs=True)], shown)
    assert builds.is_ready()


def test_only_what_is_not_compressed_yet_is_compressed(builds: Builds) -> None:
    builds.keep(*(first := a_build("a", a_js=b"let a;", b_js=b"let b;")))
    builds.pack(first[0])
    kept = {path.name: path.stat().st_mtime_ns for path in builds.file("").iterdir()}
    builds.keep(*(second := a_build("b", a_js=b"let a;", b_js=b"let c;")))
    builds.pack(second[0])
    now = {path.name: path.stat().st_mtime_ns for path in builds.file("").iterdir()}
    assert {name: now[name] for name in kept} == kept
    assert len(now) == len(kept) + 1 + len(ENDINGS)


def test_compression_of_a_large_file_ends_when_the_gateway_does() -> None:
    asked = []

    def is_over() -> bool:
        asked.append(True)
        return len(asked) > 2

    with pytest.raises(Interrupted):
        compress(bytes(10_000_000), "zstd", is_over=is_over)
    assert len(asked) == 3


def test_node_of_the_environment_replaces_a_missing_one(
    page_clone: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program itself, not a Python that would leave it running when it is killed."""
    machine = tmp_path / "bin"
    machine.mkdir()
    monkeypatch.setenv("PATH", str(machine))
    with pytest.raises(CommandFailed, match="no Node"):
        node_command(page_clone)
    wheels = page_clone.venv / system.VENV_NODE.replace("python*", "python3.11").replace("**/", "")
    wheels.parent.mkdir(parents=True)
    wheels.touch()
    assert node_command(page_clone) == [wheels]
    shutil.copy(sys.executable, machine / f"node{Path(sys.executable).suffix}")
    assert Path(str(node_command(page_clone)[0])).parent == machine
