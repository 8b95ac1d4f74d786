"""fleet.toml: its keys, and mistakes reported with file, line and key."""

from __future__ import annotations

import base64
import dataclasses
import re
import ssl
from ipaddress import ip_network
from pathlib import Path

import pytest

from gateway.errors import ConfigError
from gateway.fleet.file import check_direct, read_fleet
from gateway.fleet.file_server import KEYS as SERVER_KEYS
from gateway.fleet.fleet import DeclaredBy
from gateway.fleet.rules import KEYS as RULE_KEYS
from gateway.fleet.rules import Rules
from gateway.fleet.toml_text import TomlText
from gateway.http.servers import Access, Limits, Server, ServerId
from tests.kit.certificates import Pem

ROOT = Path(__file__).resolve().parents[4]

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


def test_valid_file_is_read(tmp_path: Path) -> None:
    fleet = read_fleet(write(tmp_path, GOOD))
    assert fleet.source is DeclaredBy.FILE
    assert fleet.why == "fleet.toml names 2 servers."
    assert fleet.servers == (
        Server(ServerId("left"), "Left desk", "http://studio.lan"),
        Server(ServerId("right"), "right", "https://10.0.0.5:8443/comfy"),
    )
    assert fleet.names == ("studio.lan", "https://mooring.example")


def test_example_file_is_valid() -> None:
    assert len(read_fleet(ROOT / "fleet.example.toml").servers) >= 2


def test_direct_server_with_users_is_refused(tmp_path: Path) -> None:
    text = server() + "\n" + server(id='"b"', url='"http://10.0.0.2"', direct="true")
    fleet = read_fleet(write(tmp_path, text))
    assert [one.is_direct for one in fleet.servers] == [False, True]
    check_direct(fleet, has_users=False)
    with pytest.raises(ConfigError) as caught:
        check_direct(fleet, has_users=True)
    assert (caught.value.line, caught.value.key) == (8, "direct")
    assert "b could then be contacted without this gateway" in str(caught.value)


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
        ("\n[fleet]\n", 2, "fleet", "known here: server, discover, gateway"),
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
        (server(url='"http://u:p@10.0.0.1"'), 3, "url", "Name that in the fleet file"),
        (server(url='"http://10.0.0.1/?a=b"'), 3, "url", "only a host"),
        (server(url='"http://10.0.0.1:99999"'), 3, "url", "address"),
        (server(url='"http://10.0.0.1/a/../b"'), 3, "url", "plain names"),
        (server(url='"http://10.0.0.1/%2e%2e"'), 3, "url", "plain names"),
        (server(url='"http://10.0.0.1/a//b"'), 3, "url", "plain names"),
        (server(name='""'), 4, "name", "characters"),
        (server(name='"a\\u0000"'), 4, "name", "characters"),
        (server(drain='"yes"'), 4, "drain", "true or false"),
        (server(direct='"yes"'), 4, "direct", "true or false"),
        (server(direct="true", token='"env:A"'), 4, "direct", "login (token)"),
        (server(direct="true", basic='"file:x"'), 4, "direct", "login (basic)"),
        (server(url='"https://a"', tls_cert='"a"', tls_key='"a"', direct="true"), 6, "direct", "login (tls_cert)"),
        (
            server(direct="true") + '[gateway]\ntrusted_header = "X-User"\ntrusted_peers = ["10.0.0.7"]\n',
            4,
            "direct",
            "contacted without this gateway",
        ),
        (server(colour='"greeen"'), 4, "colour", "did you mean 'green'?"),
        (server(colour="3"), 4, "colour", "text in quotes"),
        (server(weight="0"), 4, "weight", "from 0.01 to 100"),
        (server(weight="-1"), 4, "weight", "from 0.01 to 100"),
        (server(weight="nan"), 4, "weight", "from 0.01 to 100"),
        (server(weight="inf"), 4, "weight", "from 0.01 to 100"),
        (server(weight="true"), 4, "weight", "from 0.01 to 100"),
        (server(weight='"2"'), 4, "weight", "from 0.01 to 100"),
        (server(tags='"video"'), 4, "tags", "list of short names"),
        (server(tags="[3]"), 4, "tags", "list of short names"),
        (server(tags='["a", "a "]'), 4, "tags", "each tag once"),
        (server(tags='[""]'), 4, "tags", "1 to 24"),
        (server(tags='["a\\nb"]'), 4, "tags", "1 to 24"),
        (server(tags=str([str(n) for n in range(9)])), 4, "tags", "at most 8"),
        (server(token='"env:A"', basic='"env:A"'), 5, "basic", "not both"),
        (server(max_requests="0"), 4, "max_requests", "from 1 to 1000"),
        (server(max_requests="2.0"), 4, "max_requests", "whole number"),
        (server(max_upload="1000"), 4, "max_upload", "from 1000000"),
        (server(max_upload="true"), 4, "max_upload", "whole number"),
        (server(ulr='"http://10.0.0.1"'), 4, "ulr", "did you mean 'url'?"),
        (server() + server(url='"http://10.0.0.2"'), 5, "id", "already"),
        (server() + server(id='"b"'), 6, "url", "'a' has the same address"),
        (server(url='"http://localhost:1"') + server(id='"b"', url='"http://127.0.0.1:1"'), 6, "url", "same address"),
        (server() + '[gateway]\nnames = "studio.lan"\n', 5, "names", "list"),
        (server() + '[gateway]\n\nnames = ["*"]\n', 6, "names", "host name"),
        (server() + '[gateway]\nname = ["a"]\n', 5, "name", "did you mean 'names'?"),
        ("gateway = 3\n" + server(), 1, "gateway", "[gateway]"),
        (server() + "[gateway]\nmax_pending_per_user = 0\n", 5, "max_pending_per_user", "from 1"),
        (server() + '[gateway]\ndeny_nodes = "A"\n', 5, "deny_nodes", "list of node classes"),
        (server() + '[gateway]\ndeny_nodes = ["A "]\n', 5, "deny_nodes", "node class"),
        (server() + '[gateway]\nshare_workflows = "yes"\n', 5, "share_workflows", "true or false"),
        (server() + "[gateway]\nonly_published = 1\n", 5, "only_published", "true or false"),
        (server() + '[gateway]\ntrusted_header = "X-User"\n', 5, "trusted_header", "trusted_peers"),
        (server() + '[gateway]\ntrusted_header = "Cookie"\n', 5, "trusted_header", "no header"),
        (server() + '[gateway]\ntrusted_header = "sec-fetch-site"\n', 5, "trusted_header", "no header"),
        (server() + '[gateway]\ntrusted_header = "X User"\n', 5, "trusted_header", "no header"),
        (server() + '[gateway]\ntrusted_peers = ["10.0.0.7"]\n', 5, "trusted_peers", "trusted_header"),
        (server() + '[gateway]\ntrusted_peers = ["studio.lan"]\n', 5, "trusted_peers", "neither an address"),
        (server() + '[gateway]\ntrusted_peers = ["10.0.0.7/24"]\n', 5, "trusted_peers", "neither an address"),
        (server() + '[gateway]\nproxies = ["nginx"]\n', 5, "proxies", "neither an address"),
        (server() + '[gateway]\nmodel_hosts = ["https://huggingface.co"]\n', 5, "model_hosts", "not a host name"),
        (server() + '[gateway]\nmodel_hosts = ["*.example"]\n', 5, "model_hosts", "not a host name"),
        (server() + '[gateway]\nmodel_hosts = ["0x7f000001"]\n', 5, "model_hosts", "not an address"),
        (server() + '[gateway]\nmodel_hosts = ["127.1"]\n', 5, "model_hosts", "not an address"),
        (server() + '[gateway]\nmodel_hosts = ["[::ffff:7f00:1]"]\n', 5, "model_hosts", "not an address"),
        (server() + '[gateway]\nmodel_hosts = ["huggingface.co."]\n', 5, "model_hosts", "dot at its end"),
        (server() + "[gateway]\nsession_days = 0\n", 5, "session_days", "from 1 to 365"),
    ],
)
def test_mistake_is_reported_with_its_place(
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


def test_binary_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="UTF-8"):
        read_fleet(write(tmp_path, b"\xff\xfe"))
    with pytest.raises(ConfigError, match="cannot be read"):
        read_fleet(tmp_path)


def test_lines_are_found_in_the_right_table() -> None:
    text = TomlText(Path("fleet.toml"), GOOD)
    assert text.find("server") == 2
    assert text.find("server", key="url") == 4
    assert text.find("server", index=1, key="id") == 8
    assert text.find("server", index=1, key="name") == 7
    assert text.find("gateway", key="names") == 12
    assert text.find("server", index=2) is None


def test_a_line_ends_where_toml_says(tmp_path: Path) -> None:
    """Python's `splitlines` ends one at U+2028 too, which is text to TOML."""
    with pytest.raises(ConfigError, match="line 3"):
        read_fleet(write(tmp_path, "# one\u2028line\u0085\n" + server(id="3")))


# What a server may have besides its address


def read(folder: Path, text: str) -> Server:
    return read_fleet(write(folder, text)).servers[0]


def test_server_without_further_keys_has_defaults(tmp_path: Path) -> None:
    one = read(tmp_path, server())
    assert (one.weight, one.tags, one.access, one.limits) == (1.0, (), Access(), Limits(24, None))


def test_weight_tags_and_limits_are_read(tmp_path: Path) -> None:
    text = server(weight="2", tags='["24 GB", " video "]', max_requests="4", max_upload="2000000")
    one = read(tmp_path, text)
    assert (one.weight, one.tags, one.limits) == (2.0, ("24 GB", "video"), Limits(4, 2_000_000))


def test_a_token_is_read_from_the_environment_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOORING_TEST_TOKEN", "t0p-secret")
    (tmp_path / "token").write_text("fr0m-file\n")
    fleet = read_fleet(write(tmp_path, server(token='"env:MOORING_TEST_TOKEN"')))
    assert fleet.servers[0].access.authorization == "Bearer t0p-secret"
    assert "t0p-secret" not in repr(fleet)
    fleet = read_fleet(write(tmp_path, server(token='"file:token"')))
    assert fleet.servers[0].access.authorization == "Bearer fr0m-file"
    assert [file.path for file in fleet.files] == [tmp_path / "fleet.toml", tmp_path / "token"]


def test_a_basic_login_is_user_and_password(tmp_path: Path) -> None:
    (tmp_path / "login").write_text("ann:pässword: 2\r\n", encoding="utf-8")
    authorization = read(tmp_path, server(basic='"file:login"')).access.authorization
    kind, _, encoded = authorization.partition(" ")
    assert (kind, base64.b64decode(encoded).decode()) == ("Basic", "ann:pässword: 2")


@pytest.mark.parametrize(
    ("url", "count"),
    [("http://10.0.0.1", 1), ("https://10.0.0.1", 0), ("http://127.0.0.1:1", 0), ("http://[::1]:1", 0)],
)
def test_login_over_plain_http_gives_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, count: int
) -> None:
    monkeypatch.setenv("MOORING_TEST_TOKEN", "t")
    fleet = read_fleet(write(tmp_path, server(url=f'"{url}"', token='"env:MOORING_TEST_TOKEN"')))
    assert len(fleet.warnings) == count


def test_a_login_is_in_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOORING_TEST_TOKEN", "s3cret with spaces")
    (tmp_path / "login").write_text("s3cret-without-colon")
    (tmp_path / "bytes").write_bytes(b"s3cret\xff")
    (tmp_path / "empty").write_text(" ")
    wrong = (
        ("token", "s3cret"),
        ("token", "env:s3cret-"),
        ("token", "env:MOORING_TEST_TOKEN"),
        ("basic", "file:login"),
        ("basic", "file:bytes"),
        ("basic", "file:empty"),
        ("basic", "file:"),
        ("basic", "ann:s3cret"),
    )
    for key, value in wrong:
        with pytest.raises(ConfigError) as caught:
            read(tmp_path, server(**{key: f'"{value}"'}))
        assert (caught.value.line, caught.value.key) == (4, key)
        assert "s3cret" not in str(caught.value)


def test_missing_reference_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MOORING_TEST_TOKEN", raising=False)
    for value, words in (("env:MOORING_TEST_TOKEN", "has no MOORING_TEST_TOKEN"), ("file:gone", "cannot be read")):
        with pytest.raises(ConfigError, match=words):
            read(tmp_path, server(token=f'"{value}"'))


# TLS


def https(**values: str) -> str:
    return server(url='"https://10.0.0.1"', **values)


def test_server_may_have_its_own_certificate_authority(tmp_path: Path, pem: Pem) -> None:
    access = read(tmp_path, https(tls_ca=f'"{pem.authority}"')).access
    assert access.tls is not None and access.digest
    assert [one["subject"] for one in access.tls.get_ca_certs()] == [((("commonName", "mooring test authority"),),)]
    assert (access.tls.verify_mode, access.tls.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_paths_are_relative_to_the_fleet_file(tmp_path: Path, pem: Pem) -> None:
    (tmp_path / "tls").mkdir()
    for path, name in ((pem.certificate, "me.pem"), (pem.key, "me.key")):
        (tmp_path / "tls" / name).write_bytes(path.read_bytes())
    fleet = read_fleet(write(tmp_path, https(tls_cert='"tls/me.pem"', tls_key='"tls/me.key"')))
    assert [file.path for file in fleet.files[1:]] == [tmp_path / "tls/me.pem", tmp_path / "tls/me.key"]
    assert fleet.warnings == ()


def test_changed_tls_file_changes_the_access(tmp_path: Path, pem: Pem) -> None:
    (tmp_path / "ca.pem").write_bytes(pem.authority.read_bytes())
    before = read(tmp_path, https(tls_ca='"ca.pem"'))
    assert before == read(tmp_path, https(tls_ca='"ca.pem"'))
    (tmp_path / "ca.pem").write_bytes(pem.certificate.read_bytes())
    assert before != read(tmp_path, https(tls_ca='"ca.pem"'))


def test_unverified_server_gives_a_warning(tmp_path: Path) -> None:
    fleet = read_fleet(write(tmp_path, https(tls_verify="false")))
    access = fleet.servers[0].access
    assert access.is_unverified and access.tls is not None and access.tls.verify_mode is ssl.CERT_NONE
    assert len(fleet.warnings) == 1 and "tls_verify = false" in fleet.warnings[0]
    assert not read(tmp_path, https(tls_verify="true")).access.is_unverified


def test_mistake_in_tls_is_reported(tmp_path: Path, pem: Pem) -> None:
    (tmp_path / "no.pem").write_text("no certificate")
    cases = (
        (https(tls_ca='"no.pem"'), "tls_ca", "no certificates"),
        (https(tls_ca='"gone.pem"'), "tls_ca", "cannot be read"),
        (https(tls_ca='"a\\u0000"'), "tls_ca", "cannot be read"),
        (https(tls_ca='"."'), "tls_ca", "cannot be read"),
        (https(tls_cert=f'"{pem.certificate}"'), "tls_cert", "no tls_key"),
        (https(tls_key=f'"{pem.key}"'), "tls_key", "no tls_cert"),
        (https(tls_cert=f'"{pem.certificate}"', tls_key='"no.pem"'), "tls_cert", "does not open"),
        (https(tls_verify="false", tls_ca=f'"{pem.authority}"'), "tls_ca", "leave one out"),
        (https(tls_verify='"no"'), "tls_verify", "true or false"),
        (server(tls_verify="false"), "tls_verify", "https"),
    )
    for text, key, words in cases:
        with pytest.raises(ConfigError, match=words) as caught:
            read(tmp_path, text)
        assert caught.value.key == key
        assert caught.value.line is not None


# The rules of the installation

ALL_RULES = """\
[gateway]
max_pending_per_user = 5
deny_nodes = ["*Exec*", "LoadAny"]
share_workflows = true
only_published = true
trusted_header = "X-Forwarded-User"
trusted_peers = ["10.0.0.7", "192.168.0.0/24", "fd00::/8"]
proxies = ["127.0.0.1"]
model_hosts = ["huggingface.co", "models.studio.lan"]
session_days = 7
hsts_days = 365
home_screen = false
"""


def test_the_rules_are_read(tmp_path: Path) -> None:
    assert read_fleet(write(tmp_path, server())).rules == Rules()
    rules = read_fleet(write(tmp_path, server() + ALL_RULES)).rules
    assert rules == Rules(
        max_pending_per_user=5,
        deny_nodes=("*Exec*", "LoadAny"),
        share_workflows=True,
        only_published=True,
        trusted_header="X-Forwarded-User",
        trusted_peers=(ip_network("10.0.0.7"), ip_network("192.168.0.0/24"), ip_network("fd00::/8")),
        proxies=(ip_network("127.0.0.1"),),
        model_hosts=("huggingface.co", "models.studio.lan"),
        session_days=7,
        hsts_days=365,
        home_screen=False,
    )
    assert rules.trusts("10.0.0.7") and not rules.trusts("10.0.0.8")


def test_every_rule_can_be_set() -> None:
    assert set(RULE_KEYS) == {"names", *(item.name for item in dataclasses.fields(Rules))}


def test_the_example_shows_every_key(tmp_path: Path) -> None:
    example = (ROOT / "fleet.example.toml").read_text("utf-8")
    for key in (*SERVER_KEYS, *RULE_KEYS):
        assert re.search(rf"^(# )?{key} = ", example, re.MULTILINE), f"the example has no {key}"
    rules = example[example.index("# [gateway]") :]
    shown = "\n".join(line.removeprefix("# ") for line in rules.splitlines() if re.match(r"# (\[|\w+ = )", line))
    assert read_fleet(write(tmp_path, server() + shown)).rules.session_days == 30
