"""The command line: what each flag sets, and that a wrong one is reported in one sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gateway.check.flags import CheckFlags, parse_check_flags
from gateway.export.plain_flags import parse_static_flags
from gateway.flags import (
    FlagError,
    Flags,
    is_loopback,
    is_server_id,
    normal_address,
    parse_flags,
    read_flags,
    same_server,
)
from gateway.installation import Locations

ROOT = Path(__file__).resolve().parents[2]


def test_no_flags_give_the_loopback_page_and_no_fleet() -> None:
    assert read_flags([]) == Flags()
    assert (Flags().host, Flags().port) == ("127.0.0.1", 8200)


def test_every_flag_is_read(tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    cert.touch()
    key.touch()
    words = ["--port", "9000", "--host", "0.0.0.0", "--insecure", "--demo", "3", "--faults", "--speaks", "0.3.64"]
    flags = read_flags([*words, "--tls-cert", str(cert), "--tls-key", str(key)])
    assert flags == Flags(
        host="0.0.0.0", port=9000, demo=3, speaks="0.3.64", faults=True, insecure=True, tls_cert=cert, tls_key=key
    )


def test_names_are_read_in_order_and_passed_on() -> None:
    flags = read_flags(["--name", "Studio.LAN", "--name", "https://Mooring.example", "--name", "http://[fd00::1]:80"])
    assert flags.names == ("studio.lan", "https://mooring.example", "http://[fd00::1]:80")
    assert read_flags(flags.arguments()) == flags


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a b",
        "10.0.0.7",
        "*.example",
        "a.example:8200",
        "ftp://a.example",
        "https://",
        "https://a.example/",
        "https://a.example/path",
        "https://u@a.example",
        "https://a.example:0",
        "https://a.example:99999",
    ],
)
def test_wrong_name_is_refused_in_one_sentence(name: str) -> None:
    with pytest.raises(FlagError, match=r"is neither a host name such as studio\.lan nor an origin such as https"):
        read_flags(["--name", name])


def test_servers_keep_their_order_and_get_normalised_addresses() -> None:
    flags = read_flags(["--server", "b=HTTP://Studio.LAN:80/comfy/", "--server", "a=https://[::1]:8188"])
    assert flags.servers == (("b", "http://studio.lan/comfy"), ("a", "https://[::1]:8188"))


def test_relative_files_become_absolute_for_a_process_in_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fleet.toml").touch()
    monkeypatch.chdir(tmp_path)
    assert read_flags(["--fleet", "fleet.toml"]).fleet == (tmp_path / "fleet.toml").resolve()


@pytest.fixture
def own(tmp_path: Path) -> Locations:
    """The files of an installation that has all of them."""
    found = Locations(tmp_path / "users.toml", tmp_path, tmp_path / "fleet.toml", tmp_path / "sessions")
    for path in (found.users, found.fleet):
        assert path is not None
        path.touch()
    return found


def test_an_installation_uses_its_own_files(own: Locations) -> None:
    flags = read_flags([], own=own)
    assert (flags.fleet, flags.users, flags.sessions) == (own.fleet, own.users, own.sessions)


def test_commands_use_the_own_fleet_unless_one_is_named(own: Locations, tmp_path: Path) -> None:
    other = tmp_path / "others.toml"
    other.touch()
    assert parse_check_flags([], own) == CheckFlags(own.fleet)
    assert parse_check_flags(["--fleet", str(other)], own) == CheckFlags(other)
    assert parse_check_flags(["--server", "a=http://127.0.0.1:1"], own).fleet is None
    assert parse_static_flags(["out"], own).fleet == own.fleet
    assert parse_static_flags(["out", "--fleet", str(other)], own).fleet == other


def test_flags_come_before_the_files_of_an_installation(own: Locations, tmp_path: Path) -> None:
    other = tmp_path / "others.toml"
    other.touch()
    flags = read_flags(["--demo", "2", "--users", str(other)], own=own)
    assert (flags.demo, flags.fleet, flags.users, flags.sessions) == (2, None, other, None)


def test_files_of_an_installation_that_do_not_exist_change_nothing(own: Locations) -> None:
    for path in (own.users, own.fleet):
        assert path is not None
        path.unlink()
    assert read_flags([], own=own) == Flags()
    assert parse_check_flags([], own) == CheckFlags()
    with pytest.raises(FlagError):
        read_flags(["--host", "0.0.0.0"], own=own)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--port", "9000", "--demo", "2", "--faults", "--speaks", "0.3.64"],
        ["--host", "0.0.0.0", "--insecure"],
        ["--server", "a=http://127.0.0.1:8188", "--server", "b=http://127.0.0.1:8189"],
        ["--fleet", str(ROOT / "pyproject.toml")],
    ],
)
def test_flags_survive_being_written_and_parsed(words: list[str]) -> None:
    flags = read_flags(words)
    assert read_flags(flags.arguments()) == flags


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--prot", "1"], "--prot"),
        (["--por", "1"], "--por"),  # no abbreviations: a typo must not become another flag
        (["extra"], "extra"),
        (["--port"], "--port"),
        (["--port", "x"], "'x' is not a number from 1 to 65535"),
        (["--port", "0"], "'0' is not a number"),
        (["--port", "65536"], "'65536' is not a number"),
        (["--port", "-1"], "--port"),
        (["--port", "65534", "--demo", "2"], "no ports after it"),
        (["--demo", "0"], "--demo"),
        (["--demo", "17"], "'17' is not a number from 1 to 16"),
        (["--host", ""], "--host"),
        (["--host", "a b"], "'a b' is not a host name"),
        (["--host", "0.0.0.0"], "without a login"),
        (["--host", "::"], "without a login"),
        (["--host", "studio.lan"], "--insecure"),
        (["--faults"], "together with --demo"),
        (["--speaks", "0.30.0"], "together with --demo"),
        (["--faults", "--server", "a=http://x"], "together with --demo"),
        (["--fleet", "no-such-file.toml"], "no-such-file.toml"),
        (["--fleet", str(ROOT)], "there is no file"),
        (["--fleet", str(ROOT / "pyproject.toml"), "--server", "a=http://x"], "--fleet and --server"),
        (["--demo", "1", "--server", "a=http://x"], "--server and --demo"),
        (["--fleet", str(ROOT / "pyproject.toml"), "--demo", "1"], "--fleet and --demo"),
        (["--server", "http://127.0.0.1:8188"], "is not ID=URL"),
        (["--server", "A=http://x"], "lower-case"),
        (["--server=-a=http://x"], "lower-case"),
        (["--server", "a/b=http://x"], "lower-case"),
        (["--server", "=http://x"], "lower-case"),
        (["--server", f"{'a' * 32}=http://x"], "at most 31"),
        (["--server", "a="], "is not an address"),
        (["--server", "a=ftp://x"], "is not an address"),
        (["--server", "a=127.0.0.1:8188"], "is not an address"),
        (["--server", "a=http://"], "is not an address"),
        (["--server", "a=http://x:0"], "is not an address"),
        (["--server", "a=http://x:99999"], "is not an address"),
        (["--server", "a=http://x y"], "spaces"),
        (["--server", "a=http://me:secret@x"], "Name that in the fleet file instead"),
        (["--server", "a=http://x/?q=1"], "only a host"),
        (["--server", "a=http://x/#part"], "only a host"),
        (["--server", "a=http://x", "--server", "a=http://y"], "the id a twice"),
        (["--server", "a=http://x", "--server", "b=http://X:80/"], "the same address"),
        (["--server", "a=http://localhost:1", "--server", "b=http://127.0.0.1:1"], "the same address"),
        (["--tls-cert", str(ROOT / "pyproject.toml")], "belong together"),
        (["--tls-key", str(ROOT / "pyproject.toml")], "belong together"),
    ],
)
def test_wrong_flag_is_one_sentence_and_exit_code_2(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(FlagError, match=r"\.$"):
        read_flags(words)
    with pytest.raises(SystemExit) as ended:
        parse_flags(words)
    printed = capsys.readouterr()
    assert ended.value.code == 2
    assert says in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "LOCALHOST", "::1", "[::1]"])
def test_loopback_needs_no_insecure(host: str) -> None:
    assert is_loopback(host)
    assert is_loopback(read_flags(["--host", host]).host)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "10.0.0.1", "localhost.example", "127.0.0.1.example"])
def test_reachable_address_is_not_loopback(host: str) -> None:
    assert not is_loopback(host)


def test_address_has_one_spelling() -> None:
    spellings = ["http://x", "http://x/", "HTTP://X:80", "http://x:80//"]
    assert {normal_address(text) for text in spellings} == {"http://x"}
    assert normal_address("https://x:443") == "https://x"
    assert normal_address("https://x:80") == "https://x:80"


def test_two_addresses_of_one_server_are_the_same_server() -> None:
    assert same_server("http://localhost:8188", "http://127.0.0.1:8188")
    assert not same_server("http://localhost:8188", "https://127.0.0.1:8188")
    assert not same_server("http://localhost.lan", "http://127.0.0.1.lan")


def test_ids_are_safe_in_a_path() -> None:
    assert all(is_server_id(text) for text in ("a", "0", "studio-2", "a" * 31))
    assert not any(is_server_id(text) for text in ("", "-", "a b", "a.b", "..", "ä", "a\n", "a" * 32))


def test_serve_reports_a_wrong_flag_before_it_installs_anything(tmp_path: Path) -> None:
    """Without `.venv`, lock file and npm, the flag is still what fails."""
    for source in [ROOT / "serve.py", *(ROOT / "gateway").rglob("*.py"), *(ROOT / "wire").rglob("*.py")]:
        target = tmp_path / source.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source.read_bytes())
    ended = subprocess.run(
        [sys.executable, str(tmp_path / "serve.py"), "--prot", "1"], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("Unrecognized arguments: --prot 1;")
    assert ended.stdout == ""
    assert not (tmp_path / ".venv").exists()
