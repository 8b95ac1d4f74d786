"""Changes of the fleet from the page: in its file, or until the gateway ends if it has none."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from gateway.errors import ConfigError
from gateway.fleet.changes import FleetChanges, Known, OwnFile, change_file
from gateway.fleet.file import read_fleet
from gateway.fleet.file_edits import FleetText, with_value
from gateway.fleet.fleet import DeclaredBy, Fleet
from gateway.fleet.state import FleetState
from gateway.http.servers import DiscoveredIdentity, Proof, ProofKind, Server, ServerId
from gateway.platforms import system
from tests.kit.platforms import has_mode, posix_only
from tests.kit.platforms import link as make_link
from wire.new_servers import AddedServer, Kept

A, B, C = ServerId("a"), ServerId("b"), ServerId("c")
TEXT = """\
[[server]]   # the old one
id = "a"
url = "http://10.0.0.1"

[[server]]
id = "b"
name = "näme 日本"
url = "http://10.0.0.2"
weight = 2.0
"""
NEW = Server(C, "Left desk", "http://10.0.0.3:8188")
LINES = '[[server]]\nid = "c"\nurl = "http://10.0.0.3:8188"\nname = "Left desk"'


@pytest.fixture
def fleet_path(tmp_path: Path) -> Path:
    path = tmp_path / "fleet.toml"
    path.write_text(TEXT, encoding="utf-8")
    return path


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def overwrite(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


# The file itself


def drain_in_file(path: Path, server_id: ServerId) -> Fleet:
    return change_file(path, partial(with_value, server_id=server_id, key="drain", value=True))


@posix_only("files have no modes")
def test_replaced_file_keeps_its_permissions(fleet_path: Path) -> None:
    fleet_path.chmod(0o640)
    before = fleet_path.stat().st_ino
    fleet = drain_in_file(fleet_path, A)
    assert [server.is_drained for server in fleet.servers] == [True, False]
    assert fleet == read_fleet(fleet_path)
    assert fleet_path.stat().st_ino != before, "a program that has it open still reads all of the old one"
    assert has_mode(fleet_path, 0o640)
    assert {file.name for file in fleet_path.parent.iterdir()} == {"fleet.toml", ".fleet.toml.lock"}


def test_a_link_stays_a_link(fleet_path: Path, tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    link = tmp_path / "etc/fleet.toml"
    make_link(link, fleet_path)
    drain_in_file(link, A)
    assert link.is_symlink()
    assert read_fleet(fleet_path).servers[0].is_drained


def refuse_writing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(system, "replace", refuse)


def test_write_failure_is_reported_and_leaves_file_whole(fleet_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_writing(monkeypatch)
    with pytest.raises(ConfigError, match=r"fleet\.toml: it cannot be written \(Read-only file system\)"):
        drain_in_file(fleet_path, A)
    assert text_of(fleet_path) == TEXT
    assert {file.name for file in fleet_path.parent.iterdir()} == {"fleet.toml", ".fleet.toml.lock"}


@posix_only("a folder has no such mode")
@pytest.mark.skipif(system.is_root(), reason="root may write everywhere")
def test_unwritable_folder_is_reported(fleet_path: Path) -> None:
    fleet_path.parent.chmod(0o500)
    with pytest.raises(ConfigError, match="cannot be written"):
        drain_in_file(fleet_path, A)


def test_simultaneous_changes_are_both_applied(tmp_path: Path) -> None:
    path = tmp_path / "fleet.toml"
    count = 8
    path.write_text("".join(f'[[server]]\nid = "s{n}"\nurl = "http://10.0.0.{n}"\n' for n in range(count)))
    threads = [threading.Thread(target=drain_in_file, args=(path, ServerId(f"s{n}"))) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(server.is_drained for server in read_fleet(path).servers)


def test_file_that_has_changed_meanwhile_is_left(fleet_path: Path) -> None:
    seen = FleetText(fleet_path, fleet_path.read_bytes()).toml.digest
    fleet_path.write_text(TEXT + "# of another writer\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="just been changed"):
        change_file(fleet_path, partial(with_value, server_id=A, key="drain", value=True), seen)
    assert text_of(fleet_path) == TEXT + "# of another writer\n"


# A fleet with a file


class Gateway:
    """The part of a gateway that changes use."""

    def __init__(self, fleet: Fleet) -> None:
        self.changing = asyncio.Lock()
        self.state = FleetState(fleet)
        self.changes = 0

    def change(self, fleet: Fleet) -> None:
        self.changes += 1
        self.state.change(fleet)

    @property
    def ids(self) -> list[ServerId]:
        return [server.id for server in self.state.fleet.servers]


def of_file(path: Path) -> tuple[Gateway, FleetChanges]:
    gateway = Gateway(read_fleet(path))
    return gateway, FleetChanges(gateway, OwnFile(path.with_name("own.toml")))


async def test_gateway_with_file_uses_the_changed_file(fleet_path: Path) -> None:
    gateway, changes = of_file(fleet_path)
    await changes.drain(A, is_drained=True)
    await changes.drain(A, is_drained=True)
    assert gateway.changes == 1
    assert gateway.state.fleet == read_fleet(fleet_path)
    assert gateway.state.servers[A].is_drained


async def test_unknown_server_is_reported(fleet_path: Path) -> None:
    gateway, changes = of_file(fleet_path)
    for change in (changes.drain(C, is_drained=True), changes.rename(C, "x"), changes.remove(C)):
        with pytest.raises(ConfigError, match="no server 'c'"):
            await change
    assert read_fleet(fleet_path) == gateway.state.fleet


async def test_discovered_server_is_changed_where_it_was_found(fleet_path: Path) -> None:
    gateway, changes = of_file(fleet_path)
    found = replace(NEW, found=DiscoveredIdentity("dns://pods:8188", "pod-1", Proof(ProofKind.MINTED, "pod-1")))
    gateway.state.change(gateway.state.fleet.with_found((found,)))
    for change in (changes.drain(C, is_drained=True), changes.rename(C, "x"), changes.remove(C)):
        with pytest.raises(ConfigError, match="change it there"):
            await change


async def test_added_server_is_in_the_file_and_used(fleet_path: Path) -> None:
    gateway, changes = of_file(fleet_path)
    added = await changes.add(NEW)
    assert added == AddedServer(server_id=C, kept=Kept.FILE, path=str(fleet_path))
    assert text_of(fleet_path) == f"{TEXT}\n{LINES}\n"
    assert gateway.state.fleet == read_fleet(fleet_path)
    assert await changes.add(replace(NEW, id=ServerId("d"))) == added, "also from another window"
    assert gateway.ids == [A, B, C]


async def test_fleet_file_that_cannot_be_written_gets_lines_to_paste(
    fleet_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway, changes = of_file(fleet_path)
    refuse_writing(monkeypatch)
    added = await changes.add(NEW)
    assert added.lines == LINES and "cannot be written (Read-only file system)" in added.problem
    assert not added.server_id and gateway.ids == [A, B]


@pytest.mark.parametrize("text", [TEXT + "# of another writer\n", TEXT + "[[server"])
async def test_fleet_file_that_has_changed_or_is_invalid_gets_lines_to_paste(fleet_path: Path, text: str) -> None:
    gateway, changes = of_file(fleet_path)
    overwrite(fleet_path, text)
    added = await changes.add(NEW)
    assert added.lines == LINES and "fleet.toml" in added.problem
    assert text_of(fleet_path) == text and gateway.ids == [A, B]


async def test_renamed_server_keeps_its_id(fleet_path: Path) -> None:
    gateway, changes = of_file(fleet_path)
    await changes.rename(B, "Left desk")
    assert gateway.state.servers[B].name == "Left desk"
    assert text_of(fleet_path) == TEXT.replace("näme 日本", "Left desk")


async def test_server_that_takes_work_is_not_removed(fleet_path: Path) -> None:
    gateway, changes = of_file(fleet_path)
    with pytest.raises(ConfigError, match="drained first"):
        await changes.remove(B)
    assert text_of(fleet_path) == TEXT and gateway.ids == [A, B]


async def test_removed_server_comes_back_with_its_id_and_settings(fleet_path: Path) -> None:
    gateway, changes = of_file(fleet_path)
    before = gateway.state.servers[B]
    await changes.drain(B, is_drained=True)
    await changes.remove(B)
    assert gateway.ids == [A]
    known = await changes.known(before.address)
    assert known.server is not None and (known.server.id, known.is_listed) == (B, False)
    added = await changes.add(Server(C, "other", before.address))
    assert added.server_id == B and gateway.state.servers[B] == before
    assert text_of(fleet_path) == TEXT.replace('id = "b"', 'drain = false\nid = "b"')


async def test_ids_of_removed_servers_stay_taken(fleet_path: Path) -> None:
    _, changes = of_file(fleet_path)
    await changes.drain(B, is_drained=True)
    await changes.remove(B)
    assert await changes.known(NEW.address) == Known(taken=frozenset({A, B}))


async def test_file_that_has_changed_is_neither_renamed_in_nor_removed_from(fleet_path: Path) -> None:
    gateway, changes = of_file(fleet_path)
    await changes.drain(B, is_drained=True)
    text = text_of(fleet_path) + "# of another writer\n"
    overwrite(fleet_path, text)
    for change in (changes.rename(B, "x"), changes.remove(B)):
        with pytest.raises(ConfigError, match="just been changed"):
            await change
    assert text_of(fleet_path) == text and gateway.ids == [A, B]


# A fleet without a file


def without_file(
    own_file: OwnFile | None = None, source: DeclaredBy = DeclaredBy.FLAGS
) -> tuple[Gateway, FleetChanges]:
    servers = tuple(Server(one, one, f"http://10.0.0.1:{port}") for port, one in ((1, A), (2, B)))
    gateway = Gateway(Fleet(source, "for a test.", servers))
    return gateway, FleetChanges(gateway, own_file)


async def test_gateway_without_file_remembers_the_drain() -> None:
    gateway, changes = without_file()
    before = gateway.state.fleet.servers
    await changes.drain(B, is_drained=True)
    assert [server.is_drained for server in gateway.state.fleet.servers] == [False, True]
    await changes.drain(B, is_drained=False)
    assert gateway.state.fleet.servers == before


async def test_gateway_without_file_remembers_name_and_removal() -> None:
    gateway, changes = without_file()
    before = gateway.state.servers[B]
    await changes.rename(B, "Left desk")
    await changes.drain(B, is_drained=True)
    await changes.remove(B)
    assert gateway.ids == [A]
    assert (await changes.known(before.address)).taken >= {A, B}
    await changes.drain(A, is_drained=True)
    with pytest.raises(ConfigError, match="only server"):
        await changes.remove(A)
    await changes.add(Server(C, "other", before.address))
    assert gateway.state.servers[B] == replace(before, name="Left desk")


@pytest.mark.parametrize("is_read", [True, False])
async def test_file_for_the_next_start_is_made(tmp_path: Path, is_read: bool) -> None:
    own = OwnFile(tmp_path / "data/fleet.toml", is_read)
    gateway, changes = without_file(own)
    added = await changes.add(NEW)
    assert added == AddedServer(server_id=C, kept=Kept.NEXT_START if is_read else Kept.NAMED, path=str(own.path))
    assert gateway.ids == [A, B, C] and gateway.state.fleet.source is DeclaredBy.FOUND
    assert [one.address for one in read_fleet(own.path).servers] == [one.address for one in gateway.state.fleet.servers]


async def test_gateway_without_a_place_for_a_file_keeps_the_server_until_it_ends() -> None:
    gateway, changes = without_file()
    assert await changes.add(NEW) == AddedServer(server_id=C)
    assert gateway.ids == [A, B, C]


async def test_file_for_the_next_start_that_cannot_be_written_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway, changes = without_file(OwnFile(tmp_path / "fleet.toml"))
    refuse_writing(monkeypatch)
    added = await changes.add(NEW)
    assert added.server_id == C and added.kept is Kept.NOWHERE and added.lines == LINES and added.problem
    assert gateway.ids == [A, B, C], "it is used until the gateway ends"


async def test_further_changes_are_in_the_file_for_the_next_start(tmp_path: Path) -> None:
    own = OwnFile(tmp_path / "fleet.toml")
    gateway, changes = without_file(own)
    await changes.add(NEW)
    await changes.rename(C, "Right desk")
    await changes.drain(C, is_drained=True)
    (server,) = (one for one in read_fleet(own.path).servers if one.id == C)
    assert (server.name, server.is_drained) == ("Right desk", True)
    await changes.remove(C)
    assert [one.id for one in read_fleet(own.path).servers] == gateway.ids == [A, B]
    assert (await changes.add(replace(NEW, id=ServerId("d")))).server_id == C


@pytest.mark.parametrize("text", ['[[server]]\nid = "b"\nurl = "http://10.9.9.9"\n', "[[server"])
async def test_own_file_of_another_fleet_is_left(tmp_path: Path, text: str) -> None:
    own = OwnFile(tmp_path / "fleet.toml", is_read=False)
    overwrite(own.path, text)
    gateway, changes = without_file(own)
    await changes.rename(B, "Left desk")
    await changes.drain(B, is_drained=True)
    await changes.remove(B)
    assert gateway.ids == [A] and text_of(own.path) == text


async def test_server_of_the_own_file_keeps_its_id(tmp_path: Path) -> None:
    own = OwnFile(tmp_path / "fleet.toml", is_read=False)
    overwrite(own.path, f'[[server]]\nid = "left"\nurl = "{NEW.address}"\n')
    gateway, changes = without_file(own)
    known = await changes.known(NEW.address)
    assert known.server is not None and (known.server.id, known.is_listed) == ("left", False)
    assert "left" in (await changes.known("http://10.0.0.9:8188")).taken
    assert (await changes.add(known.server)).kept is Kept.NAMED
    assert [one.id for one in read_fleet(own.path).servers] == ["left"] and "left" in gateway.ids


async def test_own_file_with_another_server_of_that_id_gets_lines_to_paste(tmp_path: Path) -> None:
    own = OwnFile(tmp_path / "fleet.toml", is_read=False)
    overwrite(own.path, text := f'[[server]]\nid = "{C}"\nurl = "http://10.9.9.9"\n')
    _, changes = without_file(own)
    added = await changes.add(NEW)
    assert (added.server_id, added.kept, added.lines) == (C, Kept.NOWHERE, LINES)
    assert "already" in added.problem and text_of(own.path) == text


async def test_listed_server_is_kept_on_request(tmp_path: Path) -> None:
    own = OwnFile(tmp_path / "fleet.toml")
    gateway, changes = without_file(own)
    server = gateway.state.servers[A]
    assert (await changes.add(replace(server, id=C))).server_id == A
    assert {one.id for one in read_fleet(own.path).servers} == {A, B}
    assert gateway.ids == [A, B]


async def test_first_server_of_a_demo_replaces_it(tmp_path: Path) -> None:
    own = OwnFile(tmp_path / "fleet.toml")
    gateway, changes = without_file(own, DeclaredBy.DEMO)
    await changes.add(NEW)
    assert [one.is_drained for one in gateway.state.fleet.servers] == [True, True, False]
    assert [one.id for one in read_fleet(own.path).servers] == [C], "the next start has no demo servers"
    for change in (changes.remove(A), changes.add(gateway.state.servers[A])):
        with pytest.raises(ConfigError, match="ends with Mooring"):
            await change


async def test_simultaneous_additions_are_all_there(fleet_path: Path) -> None:
    gateway, changes = of_file(fleet_path)
    news = [Server(ServerId(f"n{n}"), f"n{n}", f"http://10.0.1.{n}") for n in range(8)]
    await asyncio.gather(*(changes.add(one) for one in news))
    assert {one.id for one in read_fleet(fleet_path).servers} == {A, B, *(one.id for one in news)} == set(gateway.ids)
