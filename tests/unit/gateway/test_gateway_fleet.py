"""fleet.toml: what it may say, and that every mistake is told with its file, line and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import ConfigError
from gateway.fleet import Server, ServerId, Source, find_line, read_fleet

ROOT = Path(__file__).resolve().parents[3]

GOOD = """\
# two servers
[[server]]
id = "left"
url = "http://Studio.lan:80/"
name = "Left desk"

[[server]]
id = "right"
url = "https://10.0.0.5:8443/comfy/"

[gateway]
names = ["studio.lan", "https://mooring.example"]
"""


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "fleet.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_good_file_is_read(tmp_path: Path) -> None:
    fleet = read_fleet(write(tmp_path, GOOD))
    assert fleet.source is Source.FILE
    assert fleet.why == "fleet.toml names 2 servers."
    assert fleet.servers == (
        Server(ServerId("left"), "Left desk", "http://studio.lan"),
        Server(ServerId("right"), "right", "https://10.0.0.5:8443/comfy"),
    )
    assert fleet.names == ("studio.lan", "https://mooring.example")


def test_the_example_is_good() -> None:
    assert len(read_fleet(ROOT / "fleet.example.toml").servers) >= 2


def server(**values: str) -> str:
    lines = {"id": '"a"', "url": '"http://10.0.0.1:8188"'} | values
    return "[[server]]\n" + "".join(f"{key} = {value}\n" for key, value in lines.items())


@pytest.mark.parametrize(
    ("text", "line", "key", "words"),
    [
        ("[[server]\n", 1, None, "column"),
        ('[[server]]\nid = "a"\nid = "b"\n', 3, None, "overwrite"),
        ("", None, None, "names no server"),
        ("[gateway]\n", None, None, "names no server"),
        ("servers = []\n", 1, "servers", "did you mean 'server'?"),
        ("\n[fleet]\n", 2, "fleet", "known here: server, gateway"),
        ('[server]\nid = "a"\n', 1, "server", "[[server]]"),
        ("server = 3\n", 1, "server", "[[server]]"),
        ("[[server]]\n" + server(), 1, "id", "missing"),
        (server() + '\n[[server]]\nid = "b"\n', 5, "url", "missing"),
        (server(id="3"), 2, "id", "text in quotes"),
        (server(id='"A b"'), 2, "id", "lower-case"),
        (server(id='".."'), 2, "id", "lower-case"),
        (server(url='"10.0.0.1:8188"'), 3, "url", "address"),
        (server(url='"ftp://10.0.0.1"'), 3, "url", "address"),
        (server(url='"http://"'), 3, "url", "address"),
        (server(url='"http://u:p@10.0.0.1"'), 3, "url", "only a host"),
        (server(url='"http://10.0.0.1/?a=b"'), 3, "url", "only a host"),
        (server(url='"http://10.0.0.1:99999"'), 3, "url", "address"),
        (server(url='"http://10.0.0.1/a/../b"'), 3, "url", "plain names"),
        (server(url='"http://10.0.0.1/%2e%2e"'), 3, "url", "plain names"),
        (server(url='"http://10.0.0.1/a//b"'), 3, "url", "plain names"),
        (server(name='""'), 4, "name", "characters"),
        (server(name='"a\\u0000"'), 4, "name", "characters"),
        (server(drain='"yes"'), 4, "drain", "true or false"),
        (server(colour='"greeen"'), 4, "colour", "did you mean 'green'?"),
        (server(colour="3"), 4, "colour", "text in quotes"),
        (server(ulr='"http://10.0.0.1"'), 4, "ulr", "did you mean 'url'?"),
        (server() + server(url='"http://10.0.0.2"'), 5, "id", "already"),
        (server() + server(id='"b"'), 6, "url", "'a' has the same address"),
        (server(url='"http://localhost:1"') + server(id='"b"', url='"http://127.0.0.1:1"'), 6, "url", "same address"),
        (server() + '[gateway]\nnames = "studio.lan"\n', 5, "names", "list"),
        (server() + '[gateway]\n\nnames = ["*"]\n', 6, "names", "host name"),
        (server() + '[gateway]\nname = ["a"]\n', 5, "name", "did you mean 'names'?"),
        ("gateway = 3\n" + server(), 1, "gateway", "[gateway]"),
    ],
)
def test_a_mistake_is_told_with_its_place(
    tmp_path: Path, text: str, line: int | None, key: str | None, words: str
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        read_fleet(path)
    error = caught.value
    assert (error.file, error.line, error.key) == (path, line, key)
    assert words in str(error)
    assert str(path) in str(error)
    assert "\n" not in str(error)
    if line is not None:
        assert f"line {line}" in str(error)


def test_a_server_may_be_drained(tmp_path: Path) -> None:
    text = server(drain="true") + server(id='"b"', url='"http://10.0.0.2"', drain="false")
    assert [item.is_drained for item in read_fleet(write(tmp_path, text)).servers] == [True, False]


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="UTF-8"):
        read_fleet(write(tmp_path, b"\xff\xfe"))
    with pytest.raises(ConfigError, match="cannot be read"):
        read_fleet(tmp_path)


def test_lines_are_found_in_the_right_table() -> None:
    assert find_line(GOOD, "server") == 2
    assert find_line(GOOD, "server", key="url") == 4
    assert find_line(GOOD, "server", index=1, key="id") == 8
    assert find_line(GOOD, "server", index=1, key="name") == 7
    assert find_line(GOOD, "gateway", key="names") == 12
    assert find_line(GOOD, "server", index=2) is None
