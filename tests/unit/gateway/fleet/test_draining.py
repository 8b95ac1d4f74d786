"""Draining from the gateway: one value of the file changes and every other byte stays, or nothing is written."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import ConfigError
from gateway.fleet.draining import drain_in_file, drained_text, set_drain
from gateway.fleet.file import fleet_of, read_fleet
from gateway.fleet.fleet import DeclaredBy, Fleet
from gateway.fleet.state import FleetState
from gateway.fleet.toml_text import TomlText
from gateway.http.servers import Server, ServerId
from gateway.platforms import system
from tests.kit.platforms import has_mode, posix_only
from tests.kit.platforms import link as make_link

A, B = ServerId("a"), ServerId("b")
FILE = Path("/nowhere/fleet.toml")
TEXT = """\
# ours: drain = true is for holidays
[[server]]   # the old one
id = "a"
url = "http://10.0.0.1"  # drain = false

[[server]]
'drain'   =   false\t# until Monday
name = "näme 日本"
id = "b"
url = "http://10.0.0.2"
"""


def drained(text: str, server_id: ServerId, is_drained: bool = True) -> str:
    return drained_text(FILE, text.encode(), server_id, is_drained=is_drained).decode()


def test_missing_key_is_inserted_below_the_table_header() -> None:
    assert drained(TEXT, A) == TEXT.replace("# the old one\n", "# the old one\ndrain = true\n")


def test_existing_value_is_changed_and_comments_stay() -> None:
    assert drained(TEXT, B) == TEXT.replace("=   false\t", "=   true\t")
    assert drained(drained(TEXT, B), B, is_drained=False) == TEXT


def test_unchanged_file_is_not_written() -> None:
    assert drained(TEXT, A, is_drained=False) == TEXT
    assert drained(TEXT, B, is_drained=False) == TEXT


@pytest.mark.parametrize("server_id", [A, B])
def test_line_ends_and_byte_order_mark_stay(server_id: ServerId) -> None:
    text = "\ufeff" + TEXT.removeprefix("# ours: drain = true is for holidays\n").replace("\n", "\r\n")
    found = drained(text, server_id)
    assert found.startswith("\ufeff[[server]]")
    assert found.count("\n") == found.count("\r\n")
    assert found.replace("drain = true\r\n", "").replace("true", "false") == text


@pytest.mark.parametrize(
    "text",
    [
        'server = [{id = "a", url = "http://10.0.0.1"}]\n',
        'server = [{id = "a", url = "http://10.0.0.1", drain = false}]\n',
        '[["server"]]\nid = "a"\nurl = "http://10.0.0.1"\n"dr\\u0061in" = false\n',
        '[gateway]\ndeny_nodes = ["""\\\n[[server]]"""]\n[[server]]\nid = "a"\nurl = "http://10.0.0.1"\n',
    ],
)
def test_file_needing_more_than_one_value_is_refused(text: str) -> None:
    assert fleet_of(TomlText.of(FILE, text.encode())).servers, "it is a good file"
    with pytest.raises(ConfigError, match="by hand"):
        drained(text, A)


def test_invalid_file_is_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "fleet.toml"
    for text, words in ((TEXT + "ulr = 1\n", "line 11: ulr"), (TEXT.replace('"a"', '"c"'), "no server 'a' any more")):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError, match=words):
            drain_in_file(path, A, is_drained=True)
        assert path.read_text(encoding="utf-8") == text


keys = st.lists(
    st.sampled_from(
        ['name = "x"', "drain = false", "drain = true", "# drain = true", "weight = 2", 'tags = ["a"]', ""]
    ),
    unique_by=lambda line: line.split(" =")[0] or id(line),
    max_size=5,
)


@settings(max_examples=200, deadline=None)
@given(st.lists(keys, min_size=1, max_size=4), st.data())
def test_any_tidy_file_changes_in_that_value_only(tables: list[list[str]], data: st.DataObject) -> None:
    text = "".join(
        f'[[server]]\nid = "s{index}"\nurl = "http://10.0.0.{index}"\n' + "".join(f"{line}\n" for line in lines)
        for index, lines in enumerate(tables)
    )
    index = data.draw(st.integers(0, len(tables) - 1))
    is_drained = data.draw(st.booleans())
    before = fleet_of(TomlText(FILE, text))
    found = fleet_of(TomlText(FILE, drained(text, ServerId(f"s{index}"), is_drained)))
    wanted = [replace(one, is_drained=is_drained) if at == index else one for at, one in enumerate(before.servers)]
    assert found.servers == tuple(wanted)


# The file itself


@pytest.fixture
def fleet_path(tmp_path: Path) -> Path:
    path = tmp_path / "fleet.toml"
    path.write_text(TEXT, encoding="utf-8")
    return path


@posix_only("files have no modes")
def test_replaced_file_keeps_its_permissions(fleet_path: Path) -> None:
    fleet_path.chmod(0o640)
    before = fleet_path.stat().st_ino
    fleet = drain_in_file(fleet_path, A, is_drained=True)
    assert [server.is_drained for server in fleet.servers] == [True, False]
    assert fleet == read_fleet(fleet_path)
    assert fleet_path.stat().st_ino != before, "whoever has it open still reads the old one, whole"
    assert has_mode(fleet_path, 0o640)
    assert {file.name for file in fleet_path.parent.iterdir()} == {"fleet.toml", ".fleet.toml.lock"}


def test_a_link_stays_a_link(fleet_path: Path, tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    link = tmp_path / "etc/fleet.toml"
    make_link(link, fleet_path)
    drain_in_file(link, A, is_drained=True)
    assert link.is_symlink()
    assert read_fleet(fleet_path).servers[0].is_drained


def test_write_failure_is_reported_and_leaves_file_whole(fleet_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(system, "replace", refuse)
    with pytest.raises(ConfigError, match=r"fleet\.toml: drain: it cannot be written \(Read-only file system\)"):
        drain_in_file(fleet_path, A, is_drained=True)
    assert fleet_path.read_text(encoding="utf-8") == TEXT
    assert {file.name for file in fleet_path.parent.iterdir()} == {"fleet.toml", ".fleet.toml.lock"}


@posix_only("a folder has no such mode")
@pytest.mark.skipif(system.is_root(), reason="root may write everywhere")
def test_unwritable_folder_is_reported(fleet_path: Path) -> None:
    fleet_path.parent.chmod(0o500)
    with pytest.raises(ConfigError, match="cannot be written"):
        drain_in_file(fleet_path, A, is_drained=True)


def test_simultaneous_changes_are_both_applied(tmp_path: Path) -> None:
    path = tmp_path / "fleet.toml"
    count = 8
    path.write_text("".join(f'[[server]]\nid = "s{n}"\nurl = "http://10.0.0.{n}"\n' for n in range(count)))
    threads = [
        threading.Thread(target=drain_in_file, args=(path, ServerId(f"s{n}")), kwargs={"is_drained": True})
        for n in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(server.is_drained for server in read_fleet(path).servers)


# The gateway


class Gateway:
    """The part of a gateway that draining uses."""

    def __init__(self, fleet: Fleet) -> None:
        self.changing = asyncio.Lock()
        self.state = FleetState(fleet)
        self.changes = 0

    def change(self, fleet: Fleet) -> None:
        self.changes += 1
        self.state.change(fleet)


async def test_gateway_with_file_uses_the_changed_file(fleet_path: Path) -> None:
    gateway = Gateway(read_fleet(fleet_path))
    await set_drain(gateway, A, is_drained=True)
    await set_drain(gateway, A, is_drained=True)
    assert gateway.changes == 1
    assert gateway.state.fleet == read_fleet(fleet_path)
    assert gateway.state.servers[A].is_drained


async def test_gateway_without_file_remembers_the_drain() -> None:
    servers = tuple(Server(one, one, f"http://10.0.0.1:{port}") for port, one in ((1, A), (2, B)))
    gateway = Gateway(Fleet(DeclaredBy.DEMO, "a demo", servers))
    await set_drain(gateway, B, is_drained=True)
    assert [server.is_drained for server in gateway.state.fleet.servers] == [False, True]
    await set_drain(gateway, B, is_drained=False)
    assert gateway.state.fleet.servers == servers


async def test_unknown_server_is_reported(fleet_path: Path) -> None:
    gateway = Gateway(read_fleet(fleet_path))
    with pytest.raises(ConfigError, match="no server 'c'"):
        await set_drain(gateway, ServerId("c"), is_drained=True)
    assert read_fleet(fleet_path) == gateway.state.fleet
