"""The page's modules joined to a few files: the same names and exports, one instance of each module, nothing lost."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from gateway.install.joined import JOINER, KEPT, ROLLUP, page_tree
from gateway.install.node import node_command
from gateway.install.place import Installation
from gateway.page.tree import PageTree, Tree, text_of
from tests.kit.services import ROOT

PAGE = """<!doctype html><html lang="en"><head>
<script type="module" src="static/js/main.js"></script>
<link rel="modulepreload" href="static/js/second.js">
</head></html>"""
FILES = {
    "index.html": PAGE,
    "static/js/main.js": 'import { count } from "./shared.js";\nexport const one = () => count();\n',
    "static/js/second.js": 'import { count } from "./shared.js";\nexport const two = () => count();\n'
    'export const later = () => import("./later.js");\n',
    "static/js/shared.js": "let number = 0;\nexport const count = () => (number += 1);\n",
    "static/js/later.js": 'import { count } from "./shared.js";\nexport const three = count;\n',
    "static/js/worker.js": 'import { help } from "./help.js";\nhelp();\n',
    "static/js/help.js": "export const help = () => 1;\n",
}
RUN = """
const [home] = process.argv.slice(2);
const { one } = await import(`${home}/main.js`);
const { two, later } = await import(`${home}/second.js`);
const { three } = await later();
console.log(JSON.stringify([one(), two(), three()]));
"""


@pytest.fixture
def joinable_clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a small clone with the tool that joins, and with Node, which may be only in our .venv."""
    node = Path(shutil.which(node_command(Installation(ROOT))[0]) or "")
    monkeypatch.setenv("PATH", f"{node.parent}{os.pathsep}{os.environ['PATH']}")
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    (tmp_path / JOINER).parent.mkdir(parents=True)
    shutil.copyfile(ROOT / JOINER, tmp_path / JOINER)
    shutil.copytree(ROOT / ROLLUP, tmp_path / ROLLUP)
    return tmp_path


def written(tree: Tree, folder: Path) -> Path:
    """Write the build's scripts to a folder, as a browser would find them."""
    for name in tree.build.files:
        if name.startswith("static/js/"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text_of(tree, name), "utf-8")
    (folder / "static/js/package.json").write_text('{"type": "module"}', "utf-8")
    return folder / "static/js"


def test_joined_files_share_one_instance_of_each_module(
    joinable_clone: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = written(page_tree(Installation(joinable_clone)).current(), tmp_path_factory.mktemp("site"))
    (home / "run.mjs").write_text(RUN, "utf-8")
    command = [*node_command(Installation(ROOT)), home / "run.mjs", home.as_uri()]
    ended = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True)
    assert json.loads(ended.stdout) == [1, 2, 3]


def test_what_else_imports_a_module_keeps_it(joinable_clone: Path) -> None:
    (joinable_clone / "static/js/main.js").write_text('import "./help.js";\nimport "./shared.js";', "utf-8")
    files = page_tree(Installation(joinable_clone)).current().build.files
    assert {"static/js/worker.js", "static/js/help.js"} < set(files)


def test_changed_module_is_joined_again(joinable_clone: Path) -> None:
    files = page_tree(Installation(joinable_clone))
    before = files.current().build
    (joinable_clone / "static/js/shared.js").write_text("export const count = () => 'changed';\n", "utf-8")
    tree = files.current()
    assert tree.build.key != before.key
    texts = [text_of(tree, name) for name in tree.build.files if name.endswith(".js")]
    assert any("changed" in text for text in texts)


def test_same_modules_are_joined_once(joinable_clone: Path) -> None:
    first = page_tree(Installation(joinable_clone)).current().build
    (kept,) = (Installation(joinable_clone).state / "joined").iterdir()
    seen = kept.stat().st_mtime_ns
    assert page_tree(Installation(joinable_clone)).current().build == first
    assert kept.stat().st_mtime_ns == seen


def test_only_last_results_are_kept(joinable_clone: Path) -> None:
    files = page_tree(Installation(joinable_clone))
    for number in range(KEPT + 2):
        (joinable_clone / "static/js/shared.js").write_text(f"export const count = () => {number};\n", "utf-8")
        files.current()
    assert len(list((Installation(joinable_clone).state / "joined").iterdir())) == KEPT


def test_modules_that_cannot_be_joined_are_loaded_alone(joinable_clone: Path, caplog: pytest.LogCaptureFixture) -> None:
    (joinable_clone / "static/js/shared.js").write_text("export const count = () => (;\n", "utf-8")
    with caplog.at_level(logging.WARNING):
        tree = page_tree(Installation(joinable_clone)).current()
    assert text_of(tree, "static/js/main.js") == FILES["static/js/main.js"]
    assert "static/js/shared.js" in tree.build.files
    assert "could not join" in caplog.text


def test_our_page_loads_few_files() -> None:
    tree = page_tree(Installation(ROOT)).current()
    html = tree.page.write("/b/x/", "")
    loaded = re.findall(r'(?:src|rel="modulepreload" href)="/b/x/(static/js/[^"]+)"', html)
    assert sorted(loaded) == [
        f"static/js/{name}" for name in ("boot.mjs", "by_name.js", "classic.js", "page.js", "start.js")
    ]
    imported = re.findall(r"""from ['"]\./(\w+)""", text_of(tree, "static/js/page.js"))
    assert set(imported) == {"start", "by_name"}
    assert PageTree(ROOT).current().build.key != tree.build.key
