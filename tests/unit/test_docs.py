"""Everything users can set, call or request is documented: flags, keys, commands, routes, metrics, console names."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from app.session.console import GETTERS, HELPERS, METHODS
from gateway import flags as gateway_flags
from gateway.check.flags import _parser as check_parser
from gateway.commands import COMMANDS
from gateway.fleet.file_discover import KEYS as DISCOVER_KEYS
from gateway.fleet.file_server import KEYS as SERVER_KEYS
from gateway.fleet.fleet import DeclaredBy, Fleet
from gateway.fleet.rules import KEYS as GATEWAY_KEYS
from gateway.fleet.state import FleetState
from gateway.gpus.flags import _parser as gpus_parser
from gateway.http import routes
from gateway.metrics import GatewayMetrics
from gateway.metrics_text import metrics_text
from gateway.people.user_flags import ACTIONS
from gateway.people.user_flags import _parser as user_parser

ROOT = Path(__file__).resolve().parents[2]
MINE = (ROOT / "docs" / "on-my-machine.md").read_text("utf-8")
TEAM = (ROOT / "docs" / "for-a-team.md").read_text("utf-8")
CONSOLE = (ROOT / "docs" / "console.md").read_text("utf-8")
EXAMPLE = (ROOT / "fleet.example.toml").read_text("utf-8")


def _words(parser: object) -> list[str]:
    options = [option for action in parser._actions for option in action.option_strings]  # type: ignore[attr-defined]
    return [option for option in options if option not in {"-h", "--help"}]


@pytest.mark.parametrize("flag", _words(gateway_flags._parser()))
def test_every_flag_is_documented(flag: str) -> None:
    assert f"`{flag}`" in MINE


@pytest.mark.parametrize("flag", sorted({*_words(user_parser()), *_words(check_parser()), *_words(gpus_parser())}))
def test_every_flag_of_a_command_is_documented(flag: str) -> None:
    assert flag in TEAM + MINE


@pytest.mark.parametrize("words", [*COMMANDS, *(f"user {action}" for action in ACTIONS)])
def test_every_command_is_documented(words: str) -> None:
    assert f"serve.py {words}" in TEAM + MINE


@pytest.mark.parametrize("key", GATEWAY_KEYS)
def test_every_key_of_the_fleet_file_is_documented_and_shown(key: str) -> None:
    assert f"`{key}`" in TEAM and re.search(rf"^(# )?{key} = ", EXAMPLE, re.MULTILINE)


@pytest.mark.parametrize("key", SERVER_KEYS)
def test_every_key_of_a_server_is_documented_and_shown(key: str) -> None:
    assert f"`{key}`" in TEAM and re.search(rf"^(# )?{key} = ", EXAMPLE, re.MULTILINE)


@pytest.mark.parametrize("key", DISCOVER_KEYS)
def test_every_key_of_discovery_is_documented_and_shown(key: str) -> None:
    assert f"`{key}`" in TEAM and re.search(rf"^(# )?{key} = ", EXAMPLE, re.MULTILINE)


@pytest.mark.parametrize("route", [*routes._FIXED, *(shape for shape, _ in routes.ENDPOINTS)])
def test_every_route_is_documented(route: str) -> None:
    assert f"`{route}`" in TEAM


@pytest.mark.parametrize("action", ["drain", "free", "cancel", "queue"])
def test_every_fleet_action_is_documented(action: str) -> None:
    assert routes.find_route(f"/fleet/servers/a/{action}") == routes.FleetAction("a", action)
    assert re.search(rf"`(/fleet/servers/{{id}})?/{action}`", TEAM)


def test_every_metric_is_documented() -> None:
    state = FleetState(Fleet(DeclaredBy.FLAGS, "", ()))
    metrics = GatewayMetrics(state, lambda: {"connections": 1})
    metrics.refusals["x"] += 1
    names = {line.split()[2] for line in metrics_text(metrics).decode().splitlines() if line.startswith("# TYPE")}
    assert names and {name for name in names if f"`{name}`" not in TEAM} == set()


@pytest.mark.parametrize("name", sorted({*GETTERS, *HELPERS, *METHODS}))
def test_every_name_of_the_console_is_documented(name: str) -> None:
    assert re.search(rf"\b{re.escape(name)}\b", CONSOLE)


DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "README.zh-CN.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs" / "decisions").glob("*.md")),
]
MADE = ("docs/screens/", "static/vendor/", "tests/artifacts/")  # made by commands, and not committed


def _anchors(text: str) -> set[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_of_documents_have_targets(document: Path) -> None:
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text("utf-8")):
        name, _, anchor = link.partition("#")
        target = (document.parent / name).resolve() if name else document
        if "://" in link or name.startswith("mailto:") or any(made in link for made in MADE):
            continue
        if not target.exists() or (anchor and anchor not in _anchors(target.read_text("utf-8"))):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_documents_name_existing_files(document: Path) -> None:
    parts = "app|gateway|wire|demo_comfyui|tests|benchmarks|docs|static/js|static/css|static/locales"
    named = re.findall(rf"`((?:{parts})/[\w./-]*)`", document.read_text("utf-8"))
    assert [name for name in named if not name.startswith(MADE) and not (ROOT / name).exists()] == []


@cache
def _names(path: Path) -> frozenset[str]:
    """Return what a module defines: `name`, `Class`, `Class.member`, `member`; of another file, all of its words."""
    text = path.read_text("utf-8")
    if path.suffix != ".py":
        return frozenset(re.findall(r"\w+", text))
    found = set[str]()
    for item in ast.parse(text).body:
        names = _defined(item)
        found |= names
        if isinstance(item, ast.ClassDef):
            members = set[str]().union(*map(_defined, item.body))
            found |= members | {f"{item.name}.{member}" for member in members}
    return frozenset(found)


def _defined(item: ast.stmt) -> set[str]:
    match item:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return {name}
        case ast.AnnAssign(target=ast.Name(id=name)):
            return {name}
        case ast.Assign(targets=targets):
            return {target.id for target in targets if isinstance(target, ast.Name)}
    return set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_documents_name_existing_functions(document: Path) -> None:
    named = re.findall(r"`([\w.]+)`\s+in\s+`([\w./-]+\.(?:py|js))`", document.read_text("utf-8"))
    assert [
        f"{name} in {path}" for name, path in named if (ROOT / path).exists() and name not in _names(ROOT / path)
    ] == []


def test_every_decision_is_listed() -> None:
    listed = (ROOT / "docs" / "decisions" / "README.md").read_text("utf-8")
    assert [path.name for path in DECISIONS if f"]({path.name})" not in listed] == []


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_every_decision_has_its_three_parts(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text.startswith(f"# {path.stem[:4]}: ")
    assert all(f"**{part}.**" in text for part in ("Context", "Decision", "Consequences"))


README_TEXTS = [(ROOT / name).read_text("utf-8") for name in ("README.md", "README.zh-CN.md")]


def test_readmes_stay_short() -> None:
    assert all(len(text.splitlines()) <= 120 for text in README_TEXTS)


def test_readmes_show_every_picture() -> None:
    pictures = sorted((ROOT / "docs" / "images").iterdir())
    assert [path.name for path in pictures if path.stat().st_size > 150_000] == []
    assert pictures and all(f"(docs/images/{path.name})" in text for path in pictures for text in README_TEXTS)


def test_readmes_list_the_same_flags_and_promises() -> None:
    english, chinese = README_TEXTS
    for pattern in (r"^\| (`--[^|]+`) \|", r"^(\d+)\. ", r"^(python3 .*?) "):
        assert re.findall(pattern, english, re.MULTILINE) == re.findall(pattern, chinese, re.MULTILINE) != []
