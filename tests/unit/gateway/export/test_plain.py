"""The page as plain files: everything that it names exists, under names that any web server serves correctly."""

from __future__ import annotations

import json
import posixpath
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from gateway.errors import ConfigError
from gateway.export.plain import write_plain
from gateway.fleet.fleet import DeclaredBy, Fleet, ReadFile
from gateway.fleet.rules import Rules
from gateway.http.servers import Server, ServerId
from gateway.install.builds import KEPT
from gateway.install.place import Installation
from gateway.page.home_screen import FOLDER as HOME_SCREEN
from gateway.page.tree import PageTree
from gateway.site.policy import document_policy, header_policy
from tests.kit.services import ROOT

SERVERS = (
    Server(ServerId("a"), "Attic", "http://gpu:8188", colour="teal", tags=("x",), is_direct=True),
    Server(ServerId("b"), "b", "https://gpu.lan/comfy", is_drained=True, is_direct=True),
    Server(ServerId("c"), "c", "http://hidden:8188"),
)
FLEET = Fleet(DeclaredBy.FILE, "", SERVERS, files=(ReadFile(Path("fleet.toml"), ""),))


@pytest.fixture(scope="module")
def plain_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a site with two direct servers."""
    folder = tmp_path_factory.mktemp("site")
    found = write_plain(Installation(ROOT), PageTree(ROOT).current(), FLEET, folder)
    assert [one.id for one in found.servers] == ["a", "b"]
    assert [one.id for one in found.left_out] == ["c"]
    return folder


def html(site: Path) -> str:
    return (site / "index.html").read_text("utf-8")


def test_page_names_existing_files_by_relative_paths(plain_site: Path) -> None:
    text = html(plain_site)
    named = [name for name in re.findall(r'(?:src|href)="([^"#]+)"', text) if name != "./"]
    config = json.loads(unescape(re.findall(r'config="([^"]*)"', text)[0]))
    named += [config["interpreter"], *config["js_modules"]["main"]]
    assert len(named) > 30
    assert [name for name in named if not name.startswith("./") or not (plain_site / name).is_file()] == []


def test_each_module_finds_its_imports(plain_site: Path) -> None:
    missing = [
        f"{path.name}: {name}"
        for folder in ("static/js", "static/vendor/pyodide")
        for path in next((plain_site / "b").iterdir()).joinpath(folder).glob("*.js")
        for name in re.findall(r"""(?:from|import\()\s*["'](\.{1,2}/[^"'$]+)["']""", path.read_text("utf-8"))
        if not Path(posixpath.normpath(path.parent / name)).is_file()
    ]
    assert missing == []


def test_no_file_needs_unusual_type_or_encoding(plain_site: Path) -> None:
    endings = {path.suffix for path in plain_site.rglob("*") if path.is_file()}
    assert not endings & {".mjs", ".gz", ".zst"}, endings


def test_list_has_only_direct_servers(plain_site: Path) -> None:
    listed = json.loads((plain_site / "fleet.json").read_text("utf-8"))
    assert [(one["id"], one["address"], one["drained"]) for one in listed["servers"]] == [
        ("a", "http://gpu:8188", False),
        ("b", "https://gpu.lan/comfy", True),
    ]
    assert (plain_site / "b" / listed["build"]).is_dir()
    assert "//hidden" not in html(plain_site)


def test_page_policy_allows_only_listed_servers(plain_site: Path) -> None:
    found = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html(plain_site))
    rules = dict(rule.strip().split(" ", 1) for rule in unescape(found[0]).split(";"))
    origins = "http://gpu:8188 https://gpu.lan"
    assert rules["connect-src"] == f"'self' blob: data: {origins} ws://gpu:8188 wss://gpu.lan"
    assert rules["img-src"] == f"'self' blob: data: {origins}"
    assert rules["default-src"] == "'self'" and "gpu" not in rules["script-src"]
    assert html(plain_site).index("Content-Security-Policy") < html(plain_site).index("<script")


def test_both_policies_are_equal_but_for_header_only_directives() -> None:
    header = header_policy("ws://x")
    assert header.replace(" ws://x", "").removesuffix("; frame-ancestors 'none'") == document_policy(())


def test_foreign_files_are_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ConfigError, match="other files"):
        write_plain(Installation(ROOT), PageTree(ROOT).current(), FLEET, tmp_path)


def test_fleet_without_direct_servers_is_refused(tmp_path: Path) -> None:
    fleet = Fleet(DeclaredBy.FILE, "", SERVERS[2:], files=FLEET.files)
    with pytest.raises(ConfigError, match=r"fleet.toml: direct: .*direct = true"):
        write_plain(Installation(ROOT), PageTree(ROOT).current(), fleet, tmp_path)


def test_worker_and_icons_are_beside_the_page(plain_site: Path) -> None:
    worker = (plain_site / "worker.js").read_text("utf-8")
    home = re.findall(r'const HOME = "(\./b/[0-9a-f]{32}/)"', worker)[0]
    assert (plain_site / home / "static/home/away.html").is_file()
    manifest = json.loads((plain_site / "manifest.webmanifest").read_text("utf-8"))
    assert "id" not in manifest  # the page may be below any path, and another Mooring beside it
    assert all((plain_site / icon["src"]).is_file() for icon in manifest["icons"])
    assert '<html data-fleet="fleet.json" data-worker="worker.js"' in html(plain_site)


def test_unwanted_worker_removes_itself(tmp_path: Path) -> None:
    fleet = replace(FLEET, rules=Rules(home_screen=False))
    write_plain(Installation(ROOT), PageTree(ROOT).current(), fleet, tmp_path)
    assert "unregister" in (tmp_path / "worker.js").read_text("utf-8")
    assert "data-worker" not in html(tmp_path)


def test_site_can_be_rewritten(plain_site: Path) -> None:
    write_plain(Installation(ROOT), PageTree(ROOT).current(), FLEET, plain_site)
    assert not list(plain_site.rglob("*.new"))


def test_latest_builds_are_kept(tmp_path: Path) -> None:
    site = tmp_path / "site"
    tree = PageTree(ROOT).current()
    few = {name: content for name, content in tree.build.files.items() if name.startswith(HOME_SCREEN)}
    for number in range(KEPT + 2):
        build = replace(tree.build, key=f"{number:032x}", files=few)
        write_plain(Installation(ROOT), replace(tree, build=build), FLEET, site)
    kept = {path.name for path in (site / "b").iterdir()}
    assert kept == {f"{number:032x}" for number in range(2, KEPT + 2)}
