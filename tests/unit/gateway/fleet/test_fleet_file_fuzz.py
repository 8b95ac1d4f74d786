"""For any fleet.toml, the reader returns a fleet, or raises a `ConfigError` with a line that the file has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.errors import ConfigError
from gateway.fleet.file import fleet_of
from gateway.fleet.file_discover import KEYS as DISCOVER_KEYS
from gateway.fleet.file_server import KEYS as SERVER_KEYS
from gateway.fleet.fleet import Fleet
from gateway.fleet.rules import KEYS as RULE_KEYS
from gateway.fleet.rules import Rules
from gateway.fleet.toml_text import TomlText

FILE = Path("/nowhere/fleet.toml")  # so that files at relative paths never exist
GOOD = b"""\
[[server]]
id = "left"
url = "https://10.0.0.1:8188"
weight = 2
tags = ["a", "b"]
drain = true
tls_verify = false

[[server]]
id = 'right'
url = "http://10.0.0.2"

[[discover]]
from = "dns://gpu.internal:8188"
id = "gpu"
nameservers = ["127.0.0.1:8600", "[::1]:53"]
most = 9

[gateway]
names = ["studio.lan"]
trusted_header = "X-Forwarded-User"
trusted_peers = ["10.0.0.0/8", "::1"]
deny_nodes = ["A*"]
session_days = 3
"""

LIKELY = (
    *('"left"', '"http://10.0.0.1"', '"https://h.lan/p"', '"env:MOORING_NO_SUCH"', '"file:/nowhere/else"', '"a:b"'),
    *("true", "false", "0", "1", "-1", "24", "2.5", "1e400", "nan", "[]", '["a"]', '["a", 1]', "{}", "{a = 1}", '""'),
    *('"dns://gpu.internal:8188"', '"srv://_a._tcp.b"', '"dns://[::1]:8"', '"dns://a:b"', '["::1"]', '["[::1]:x"]'),
    *("1979-05-27", "07:32:00", "9" * 5_000, '"""\n[[server]]\nid = 1\n"""', "'''\n'''", '"\\u0000"', '"10.0.0.0/8"'),
)
keys = st.sampled_from([*SERVER_KEYS, *DISCOVER_KEYS, *RULE_KEYS]) | st.text(max_size=8).map(json.dumps)
values = st.sampled_from(LIKELY) | st.text(max_size=20).map(json.dumps) | st.integers().map(str)
heads = st.sampled_from(
    [
        "[[server]]",
        "[[discover]]",
        "[gateway]",
        "[server]",
        "[[gateway]]",
        "[ [server] ]",
        "[server.x]",
        "# a\u2028b",
        "",
    ]
)
lines = st.one_of(heads, st.tuples(keys, values).map(" = ".join), st.text(max_size=12))
files = st.lists(lines, max_size=12).map(lambda found: "\n".join(found).encode("utf-8", "surrogatepass"))


def check(data: bytes) -> Fleet | ConfigError:
    """Read it, and check that the result is one of the two."""
    try:
        fleet = fleet_of(TomlText.of(FILE, data))
    except ConfigError as error:
        assert error.file == FILE
        assert error.line is None or 1 <= error.line <= data.count(b"\n") + 1
        assert str(error).isprintable(), "one sentence for a log and a terminal"
        return error
    assert fleet.servers or fleet.discover
    assert len({one.prefix for one in fleet.discover}) == len(fleet.discover)
    assert len({server.id for server in fleet.servers}) == len(fleet.servers)
    assert isinstance(fleet.rules, Rules)
    return fleet


def test_seed_is_valid() -> None:
    assert isinstance(check(GOOD), Fleet)


@settings(max_examples=400, deadline=None)
@given(files)
@example(b"a = " + b"[" * 2_000)
@example(b"a = " + b"{a=" * 2_000)
@example(b"[[server]]\nid = " + b"9" * 5_000)
@example(b'"a\\nb" = 1\n')
@example(b"[[server]]\r\nid = 3\r\n")
@example("\ufeff[[server]]\nid = 3\n".encode())
def test_a_file_of_likely_lines(data: bytes) -> None:
    check(data)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    check(data)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_valid_file_cut_and_spliced(data: st.DataObject) -> None:
    """As a file that is being written, or whose lines a user has mixed up."""
    start = data.draw(st.integers(0, len(GOOD)))
    end = data.draw(st.integers(start, min(len(GOOD), start + 30)))
    piece = data.draw(
        st.sampled_from([b"", b'"', b"'''", b"[", b"]", b"\n", b"=", b"\xff", b"\x00", b"#"]) | st.binary(max_size=4)
    )
    check(GOOD[:start] + piece + GOOD[end:])


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([*SERVER_KEYS, *RULE_KEYS]), values)
def test_mistake_in_one_value_is_reported_at_its_line(key: str, value: str) -> None:
    """If the syntax is valid, the line is that of the key, also after a text of several lines."""
    table = "[gateway]" if key in RULE_KEYS else "[[server]]"
    needed = {"id": '"a"', "url": '"https://10.0.0.1"'} | {key: value}
    own = needed if table == "[[server]]" else {key: value}
    rest = '[[server]]\nid = "a"\nurl = "https://10.0.0.1"\n' if table == "[gateway]" else ""
    text = rest + f"{table}\n" + "".join(f"{name} = {text}\n" for name, text in own.items())
    found: Any = check(text.encode("utf-8", "surrogatepass"))
    if isinstance(found, ConfigError) and found.key == key and found.line is not None:
        assert text.split("\n")[found.line - 1].startswith(f"{key} = ")


def test_oversized_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "fleet.toml"
    path.write_bytes(b"#" * 1_000_001)
    with pytest.raises(ConfigError, match="more than 1000000 bytes"):
        TomlText.read(path)
