"""`[[discover]]` in the fleet file: its keys, and mistakes reported with line and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import ConfigError
from gateway.fleet.file import read_fleet
from gateway.fleet.file_discover import KEYS
from gateway.fleet.fleet import DeclaredBy, Discover, Fleet
from gateway.http.servers import DiscoveredIdentity, Proof, ProofKind, Server, ServerId

WHOLE = """\
[[discover]]
from = "dns://comfyui.internal:8188"
id = "gpu"
mint = true
nameservers = ["127.0.0.1:8600", "::1"]
leaving = "dns://all.comfyui.internal:8188"
most = 40
colour = "green"
weight = 2
tags = ["24 GB"]
max_requests = 8
"""


def read(folder: Path, text: str) -> Fleet:
    path = folder / "fleet.toml"
    path.write_text(text, "utf-8")
    return read_fleet(path)


def table(**values: str) -> str:
    known = {"from": '"dns://comfyui.internal:8188"', "id": '"gpu"', **values}
    return "\n".join(["[[discover]]", *(f"{key} = {value}" for key, value in known.items()), ""])


def test_a_whole_table_is_read(tmp_path: Path) -> None:
    fleet = read(tmp_path, WHOLE)
    (found,) = fleet.discover
    assert (found.name, found.port, found.prefix, found.is_minted) == ("comfyui.internal", 8188, "gpu", True)
    assert found.nameservers == (("127.0.0.1", 8600), ("::1", 53))
    assert found.leaving == ("all.comfyui.internal", 8188)
    assert (found.most, found.colour, found.weight, found.tags) == (40, "green", 2.0, ("24 GB",))
    assert found.limits.requests == 8
    assert fleet.servers == () and fleet.warnings == ()
    assert fleet.why == "fleet.toml names those under dns://comfyui.internal:8188."


def test_srv_records_have_the_ports(tmp_path: Path) -> None:
    (found,) = read(tmp_path, table(**{"from": '"srv://_comfyui._tcp.comfyui.internal"'})).discover
    assert (found.name, found.port) == ("_comfyui._tcp.comfyui.internal", None)


def test_addresses_without_ids_give_a_warning(tmp_path: Path) -> None:
    assert "mint = true" in read(tmp_path, table()).warnings[0]


def test_a_table_may_stand_beside_servers(tmp_path: Path) -> None:
    fleet = read(tmp_path, '[[server]]\nid = "a"\nurl = "http://10.0.0.1:8188"\n' + table())
    assert [server.id for server in fleet.servers] == ["a"]
    assert fleet.why == "fleet.toml names 1 server, and those under dns://comfyui.internal:8188."


@pytest.mark.parametrize(
    ("values", "line", "key"),
    [
        ({"from": '"comfyui.internal:8188"'}, 2, "from"),
        ({"from": '"dns://comfyui.internal"'}, 2, "from"),
        ({"from": '"dns://10.0.0.1:8188"'}, 2, "from"),
        ({"from": '"dns://comfyui.internal:8188/x"'}, 2, "from"),
        ({"from": '"dns://me@comfyui.internal:8188"'}, 2, "from"),
        ({"from": '"dns://comfyui.internal:99999"'}, 2, "from"),
        ({"from": '"dns://com fy:1"'}, 2, "from"),
        ({"from": '"srv://comfyui.internal:8188"'}, 2, "from"),
        ({"from": '"http://comfyui.internal:8188"'}, 2, "from"),
        ({"id": '"Gpu"'}, 3, "id"),
        ({"id": f'"{"g" * 21}"'}, 3, "id"),
        ({"mint": '"yes"'}, 4, "mint"),
        ({"most": "501"}, 4, "most"),
        ({"nameservers": '["dns.internal"]'}, 4, "nameservers"),
        ({"nameservers": '["127.0.0.1:0x"]'}, 4, "nameservers"),
        ({"nameservers": '["127.0.0.1/8"]'}, 4, "nameservers"),
        ({"nameservers": '["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"]'}, 4, "nameservers"),
        ({"leaving": '"comfyui-all"'}, 4, "leaving"),
        ({"leaving": '"dns://comfyui-all"'}, 4, "leaving"),
        ({"tls_verify": "false"}, 4, "tls_verify"),
        ({"url": '"http://10.0.0.1"'}, 4, "url"),
    ],
)
def test_mistake_is_reported_with_line_and_key(tmp_path: Path, values: dict[str, str], line: int, key: str) -> None:
    with pytest.raises(ConfigError) as error:
        read(tmp_path, table(**values))
    assert (error.value.line, error.value.key) == (line, key)


def test_two_tables_have_two_ids(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="another table has the id 'gpu'") as error:
        read(tmp_path, table() + table())
    assert error.value.line == 6


def test_it_is_a_table_of_tables(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"write each name that is looked up as a \[\[discover\]\] table"):
        read(tmp_path, 'discover = "dns://comfyui.internal:8188"\n')


def test_every_key_is_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        read(tmp_path, table(nonsense="1"))
    assert all(key in str(error.value) for key in KEYS)


def test_declared_fleet_excludes_found_servers() -> None:
    own = Server(ServerId("a"), "a", "http://10.0.0.1")
    found = Server(
        ServerId("b"), "b", "http://10.0.0.2", found=DiscoveredIdentity("dns://x:1", "x", Proof(ProofKind.MINTED, "x"))
    )
    fleet = Fleet(DeclaredBy.FILE, "", (own,), discover=(Discover("dns://x:1", "x", 1, "b"),))
    assert fleet.with_found((found,)).servers == (own, found)
    assert fleet.with_found((found,)).declared == fleet
    assert own.identity == own.address and found.identity == "x"
