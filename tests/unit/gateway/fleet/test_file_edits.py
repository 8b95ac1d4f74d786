"""Changes of the fleet file: all other bytes stay, or there is no change."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import ConfigError
from gateway.fleet.file import fleet_of
from gateway.fleet.file_edits import (
    FleetText,
    find_removed,
    new_file,
    removed_servers,
    restored,
    with_server,
    with_value,
    without_server,
)
from gateway.fleet.toml_text import TomlText
from gateway.http.servers import Server, ServerId

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


def of(text: str) -> FleetText:
    return FleetText(FILE, text.encode())


def drained(text: str, server_id: ServerId, is_drained: bool = True) -> str:
    return with_value(of(text), server_id, "drain", is_drained).data.decode()


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


def test_invalid_file_is_not_changed() -> None:
    for text, words in ((TEXT + "ulr = 1\n", "line 11: ulr"), (TEXT.replace('"a"', '"c"'), "no server 'a' any more")):
        with pytest.raises(ConfigError, match=words):
            drained(text, A)


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


# Names


@pytest.mark.parametrize("name", ["Left desk", 'the "old" one', "back\\slash", "日本 # 1"])
def test_name_is_changed_or_inserted(name: str) -> None:
    for server_id, line in ((A, "[[server]]   # the old one\n"), (B, 'name = "näme 日本"\n')):
        written = f"name = {json.dumps(name, ensure_ascii=False)}\n"
        found = with_value(of(TEXT), server_id, "name", name)
        assert found.data.decode() == TEXT.replace(line, line + written if server_id == A else written)
        assert {one.id: one.name for one in fleet_of(found.toml).servers}[server_id] == name


@pytest.mark.parametrize("written", ["'the old one'", '"""the old\\\n one"""', '"the # one"'])
def test_name_in_other_quotes_is_changed_or_left_to_the_operator(written: str) -> None:
    text = f'[[server]]\nid = "a"\nname = {written}  # mine\nurl = "http://10.0.0.1"\n'
    if written.startswith('"""'):
        with pytest.raises(ConfigError, match="by hand"):
            with_value(of(text), A, "name", "new")
    else:
        assert with_value(of(text), A, "name", "new").data.decode() == text.replace(written, '"new"')


@pytest.mark.parametrize("name", ["", " ", "x" * 81, "two\nlines", "\u202e"])
def test_name_that_the_file_may_not_have_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="a name has 1 to 80 printable characters"):
        with_value(of(TEXT), A, "name", name)


# Adding, removing, bringing back

NEW = Server(ServerId("new"), "Bücher", "http://10.0.0.9:8188")


@pytest.mark.parametrize("end", ["", "\n", "\n\n", "\n[gateway]\n", "\n# the end", "\n# the end\r\n"])
def test_server_is_added_at_the_end(end: str) -> None:
    text = TEXT.removesuffix("\n") + end
    found = with_server(of(text), NEW)
    assert found.data.decode().startswith(text)
    assert fleet_of(found.toml).servers == (*fleet_of(of(text).toml).servers, NEW)


def test_added_lines_end_as_the_others() -> None:
    found = with_server(of(TEXT.replace("\n", "\r\n")), NEW).data
    assert found.count(b"\n") == found.count(b"\r\n")
    assert found.endswith('name = "Bücher"\r\n'.encode())


def test_new_file_names_all_servers() -> None:
    other = Server(A, "a", "http://10.0.0.1")
    assert fleet_of(new_file(FILE, (other, NEW)).toml).servers == (other, NEW)
    assert fleet_of(with_server(FleetText(FILE), NEW).toml).servers == (NEW,)


@pytest.mark.parametrize("server", [replace(NEW, id=A), replace(NEW, address="http://10.0.0.1")])
def test_server_that_is_there_is_not_added(server: Server) -> None:
    with pytest.raises(ConfigError, match=r"already|same address"):
        with_server(of(TEXT), server)


def test_inline_tables_are_left_to_the_operator() -> None:
    text = of('server = [{id = "a", url = "http://10.0.0.1"}, {id = "b", url = "http://10.0.0.2"}]\n')
    for change in (lambda: with_server(text, NEW), lambda: without_server(text, A)):
        with pytest.raises(ConfigError, match="by hand"):
            change()


LONG = """\
# ours

[[server]]
id = "a"
url = "http://10.0.0.1"
drain = true
tags = [
  "24 GB",  # as measured

  "video",
]
# a comment at its end

# the second one
[[server]] # with a comment
  id = "b"
  url = "http://10.0.0.2"
  drain = true  # soon
# to be continued
"""


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("server_id", [A, B])
def test_removed_server_comes_back_as_it_was_but_not_drained(server_id: ServerId, end: str, mark: str) -> None:
    text = of(mark + LONG.replace("\n", end))
    servers = {one.id: one for one in fleet_of(text.toml).servers}
    found = without_server(text, server_id)
    assert [one.id for one in fleet_of(found.toml).servers] == [B if server_id == A else A]
    removed = find_removed(found, servers[server_id].address)
    assert removed is not None
    assert (removed.server.id, removed.server.address) == (server_id, servers[server_id].address)
    again = restored(found, removed)
    number = 0 if server_id == A else 1
    parts = text.data.decode().split("drain = true")
    wanted = "drain = true".join(parts[: number + 1]) + "drain = false" + "drain = true".join(parts[number + 1 :])
    assert again.data.decode() == wanted


def test_all_servers_can_be_removed_but_the_last() -> None:
    found = without_server(of(LONG), A)
    with pytest.raises(ConfigError, match="it names no server"):
        without_server(found, B)


def test_two_removed_servers_are_told_apart() -> None:
    text = with_server(of(LONG), NEW)
    found = without_server(without_server(text, A), B)
    assert [(one.server.id, one.server.name) for one in removed_servers(found)] == [(A, "a"), (B, "b")]
    for address in ("http://10.0.0.2", "http://10.0.0.1"):
        removed = find_removed(found, address)
        assert removed is not None
        found = restored(found, removed)
    assert found.data == text.data.replace(b"drain = true", b"drain = false")


@pytest.mark.parametrize("line", ['#- id = "a', "#- [[server]]", "#- url = 8", "#-", '#- url = "ftp://x"'])
def test_removed_server_that_the_operator_has_edited_is_skipped(line: str) -> None:
    found = without_server(of(LONG), A)
    lines = [line if one.startswith("#- url") else one for one in found.lines]
    assert find_removed(found.with_lines(lines), "http://10.0.0.1") is None


def test_removal_that_the_file_needs_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMFY_KEY", "k" * 20)
    text = of(
        '[[server]]\nid = "a"\nurl = "https://10.0.0.1"\npartner = true\n[[server]]\nid = "b"\nurl = "http://b"\n'
        '[partner]\nkey = "env:COMFY_KEY"\npeople = ["*"]\n'
    )
    with pytest.raises(ConfigError, match="no server gets it"):
        without_server(text, A)


@settings(max_examples=200, deadline=None)
@given(st.lists(keys, min_size=2, max_size=4), st.data())
def test_any_tidy_file_loses_one_server_and_gets_it_back(tables: list[list[str]], data: st.DataObject) -> None:
    text = of(
        "".join(
            f'[[server]]\nid = "s{index}"\nurl = "http://10.0.0.{index}"\n' + "".join(f"{line}\n" for line in lines)
            for index, lines in enumerate(tables)
        )
    )
    index = data.draw(st.integers(0, len(tables) - 1))
    before = fleet_of(text.toml).servers
    found = without_server(text, ServerId(f"s{index}"))
    assert fleet_of(found.toml).servers == (*before[:index], *before[index + 1 :])
    removed = find_removed(found, f"http://10.0.0.{index}")
    assert removed is not None
    wanted = [replace(one, is_drained=False) if at == index else one for at, one in enumerate(before)]
    assert fleet_of(restored(found, removed).toml).servers == tuple(wanted)
