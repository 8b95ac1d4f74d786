"""The `[partner]` table: keys by reference only, and who may use them."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import ConfigError
from gateway.fleet.file import read_fleet
from gateway.fleet.fleet import Fleet
from gateway.fleet.partner_rules import PartnerRules
from gateway.http.secret import Secret

COMMON, ANNAS = "comfyui-" + "c" * 40, "comfyui-" + "a" * 40
SERVER = '[[server]]\nid = "a"\nurl = "http://127.0.0.1:8188"\npartner = true\n'
PARTNER = '[partner]\nkey = "file:common"\n'


def read(folder: Path, text: str) -> Fleet:
    (folder / "common").write_text(f"{COMMON}\n")
    (folder / "fleet.toml").write_text(text)
    return read_fleet(folder / "fleet.toml")


def shown(key: Secret | None) -> str:
    return "" if key is None else key.reveal().decode()


def test_keys_are_read_by_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANNAS_KEY", ANNAS)
    text = SERVER + PARTNER + 'people = ["ben"]\n[partner.keys]\nanna = "env:ANNAS_KEY"\n'
    fleet = read(tmp_path, text)
    assert [shown(fleet.partner.key_of(name)) for name in ("anna", "ben", "carol")] == [ANNAS, COMMON, ""]
    assert fleet.servers[0].is_partner
    assert COMMON not in repr(fleet) and ANNAS not in repr(fleet)
    assert fleet == read(tmp_path, text)
    (tmp_path / "common").write_text("comfyui-another-key")
    assert fleet != read_fleet(tmp_path / "fleet.toml"), "the digests of the files are compared"


@pytest.mark.parametrize(
    ("people", "is_private", "expected"),
    [((), True, True), ((), False, False), (("*",), False, True), (("anna",), True, False)],
)
def test_key_without_users_needs_a_private_gateway(people: tuple[str, ...], is_private: bool, expected: bool) -> None:
    rules = PartnerRules(people, Secret(COMMON), {"anna": Secret(ANNAS)})
    assert shown(rules.common_key(is_private=is_private)) == (COMMON if expected else "")


@pytest.mark.parametrize(
    ("people", "expected"), [((), ""), (("*",), COMMON), (("ben",), COMMON), (("anna",), ""), (("Ben",), "")]
)
def test_users_need_to_be_named(people: tuple[str, ...], expected: str) -> None:
    assert shown(PartnerRules(people, Secret(COMMON)).key_of("ben")) == expected


@pytest.mark.parametrize(
    ("text", "line", "key", "words"),
    [
        (SERVER + f'[partner]\nkey = "{COMMON}"\n', 6, "key", "the key itself does not belong"),
        (SERVER + f'[partner]\nkey = "file:{COMMON}"\n', 6, "key", "cannot be read"),
        (SERVER + '[partner]\nkey = "env:NO_SUCH_KEY"\n', 6, "key", "has no NO_SUCH_KEY"),
        (SERVER + '[partner]\nkey = "file:fleet.toml"\n', 6, "key", "is no key"),
        (SERVER + f'[partner.keys]\nanna = "{ANNAS}"\n', 6, "anna", "the key itself does not belong"),
        (SERVER + '[partner.keys]\nAnna = "file:common"\n', 6, "Anna", "lower case"),
        (SERVER + PARTNER + 'people = ["Anna"]\n', 7, "people", "lower case"),
        (SERVER + PARTNER + 'people = "anna"\n', 7, "people", "list of names"),
        (SERVER + PARTNER + "users = []\n", 7, "users", "no such setting"),
        (SERVER + PARTNER + "keys = 1\n", 7, "keys", "table"),
        (SERVER + "[partner]\n", 5, "key", "no key"),
        (SERVER + '[partner]\npeople = ["anna"]\n', 6, "people", "no key for them"),
        (SERVER, 4, "partner", "no key for it"),
        (SERVER.replace("true", "false") + PARTNER, 5, "partner", "no server gets it"),
        ("partner = 1\n" + SERVER, 1, "partner", "table"),
        (SERVER.replace("127.0.0.1", "10.0.0.5") + PARTNER, 4, "partner", "plain http"),
        (SERVER.replace("127.0.0.1", "localhost.evil.com") + PARTNER, 4, "partner", "plain http"),
        (SERVER.replace("http:", "https:") + "tls_verify = false\n" + PARTNER, 4, "partner", "tls_verify"),
        (SERVER + "direct = true\n" + PARTNER, 4, "partner", "directly"),
        (SERVER.replace("true", '"yes"') + PARTNER, 4, "partner", "true or false"),
    ],
)
def test_mistakes_are_reported_without_the_key(tmp_path: Path, text: str, line: int, key: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        read(tmp_path, text)
    assert (caught.value.line, caught.value.key) == (line, key)
    if "the key itself" in words:
        assert COMMON not in str(caught.value) and ANNAS not in str(caught.value)


def test_servers_over_tls_and_on_this_machine_may_get_keys(tmp_path: Path) -> None:
    for url in ("https://gpu.example.com/comfy", "http://localhost:8188", "http://[::1]:8188", "http://127.0.0.2:1"):
        assert read(tmp_path, SERVER.replace("http://127.0.0.1:8188", url) + PARTNER).servers[0].is_partner
