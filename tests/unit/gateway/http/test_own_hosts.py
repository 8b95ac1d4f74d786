"""Which Host headers are ours."""

from __future__ import annotations

import pytest

from gateway.errors import ConfigError
from gateway.http.own_hosts import Alias, build_own_hosts

LOCAL = build_own_hosts(host="127.0.0.1", port=8200, is_tls=False)
OPEN = build_own_hosts(host="0.0.0.0", port=8200, is_tls=False, machine="Workshop.office", names=["studio.lan"])


@pytest.mark.parametrize("host", ["127.0.0.1:8200"])
def test_on_loopback_only_the_canonical_address_is_ours(host: str) -> None:
    assert LOCAL.origin_for(host) == "http://127.0.0.1:8200"


@pytest.mark.parametrize("host", ["localhost:8200", "LOCALHOST:8200", "LocalHost:8200"])
def test_localhost_is_an_alias_in_any_case(host: str) -> None:
    assert LOCAL.origin_for(host) is Alias.LOCALHOST


@pytest.mark.parametrize(
    "host",
    [
        "",
        "127.0.0.1",
        "127.0.0.1:80",
        "127.0.0.1:8201",
        "127.0.0.1:08200",
        "127.0.0.1.:8200",
        "127.1:8200",
        "0x7f.0.0.1:8200",
        "2130706433:8200",
        "127.0.0.2:8200",
        "[::1]:8200",
        "[::ffff:127.0.0.1]:8200",
        "localhost.:8200",
        "localhost:8200:8200",
        "evil.example:8200",
        "127.0.0.1.evil.example:8200",
        "127.0.0.1:8200@evil.example",
        "user@127.0.0.1:8200",
        "127.0.0.1:8200/",
        "127.0.0.1:8200 ",
        "127.0.0.1:8200, evil.example",
        "192.168.1.20:8200",
        "0.0.0.0:8200",
    ],
)
def test_on_loopback_every_other_host_is_foreign(host: str) -> None:
    assert LOCAL.origin_for(host) is None


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1:8200", "http://127.0.0.1:8200"),
        ("192.168.1.20:8200", "http://192.168.1.20:8200"),
        ("[fe80::1]:8200", "http://[fe80::1]:8200"),
        ("workshop.office:8200", "http://workshop.office:8200"),
        ("workshop.local:8200", "http://workshop.local:8200"),
        ("STUDIO.lan:8200", "http://studio.lan:8200"),
    ],
)
def test_open_to_the_network_literal_addresses_and_known_names_are_ours(host: str, origin: str) -> None:
    assert OPEN.origin_for(host) == origin


@pytest.mark.parametrize(
    "host",
    ["evil.example:8200", "studio.lan", "studio.lan:8201", "studio.lan.:8200", "192.168.1.20", "[fe80::1%25eth0]:8200"],
)
def test_open_to_the_network_a_rebound_name_is_foreign(host: str) -> None:
    assert OPEN.origin_for(host) is None


def test_listed_origin_is_that_of_a_proxy() -> None:
    house = build_own_hosts(host="127.0.0.1", port=8200, is_tls=False, names=["https://studio.lan"])
    assert house.origin_for("studio.lan") == "https://studio.lan"
    assert house.origin_for("studio.lan:443") == "https://studio.lan"
    assert house.origin_for("studio.lan:8200") is None


def test_default_port_may_be_left_out() -> None:
    house = build_own_hosts(host="127.0.0.1", port=443, is_tls=True)
    assert house.origin == "https://127.0.0.1"
    assert house.origin_for("127.0.0.1") == house.origin_for("127.0.0.1:443") == "https://127.0.0.1"


@pytest.mark.parametrize(("bound", "shown"), [("::1", "http://[::1]:8200"), ("::", "http://[::1]:8200")])
def test_ipv6_origins_have_brackets(bound: str, shown: str) -> None:
    assert build_own_hosts(host=bound, port=8200, is_tls=False).origin == shown


@pytest.mark.parametrize("name", ["", "*", "*.lan", "a b", "http://x/path", "x:8200", "10.0.0.1", "ftp://x", "-x"])
def test_invalid_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigError):
        build_own_hosts(host="127.0.0.1", port=8200, is_tls=False, names=[name])


def test_names_of_flags_and_file_both_count_and_those_of_flags_stay() -> None:
    hosts = build_own_hosts(
        host="127.0.0.1", port=8200, is_tls=False, flagged=["https://mooring.example"], names=["studio.lan"]
    )
    assert hosts.origin_for("mooring.example") == "https://mooring.example"
    assert hosts.origin_for("studio.lan:8200") == "http://studio.lan:8200"
    changed = hosts.named(["other.lan"])
    assert changed.origin_for("mooring.example:443") == "https://mooring.example"
    assert changed.origin_for("studio.lan:8200") is None


def test_gateway_with_a_further_name_is_not_private() -> None:
    assert LOCAL.is_private
    assert not OPEN.is_private
    assert not LOCAL.named(["https://mooring.example"]).is_private
    assert not build_own_hosts(host="127.0.0.1", port=8200, is_tls=False, flagged=["a.example"]).is_private
    assert LOCAL.named(["https://mooring.example"]).named([]).is_private
