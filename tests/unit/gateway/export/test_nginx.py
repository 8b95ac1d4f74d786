"""The export of a fleet: missing settings are named, foreign files are kept, secrets are readable by the owner only."""

from __future__ import annotations

import re
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from yarl import URL

from gateway.errors import ConfigError
from gateway.export.folder import MARK, claim, write_configuration
from gateway.export.nginx import write_nginx
from gateway.export.plan import ExportPlan, is_reached, make_plan
from gateway.export.rules import readable
from gateway.flags import FlagError, Flags, read_flags
from gateway.fleet.fleet import DeclaredBy, Fleet
from gateway.fleet.rules import Rules
from gateway.http.queries import for_server, judge_query, read_query
from gateway.http.routes import ENDPOINTS
from gateway.http.servers import Access, Limits, Server, ServerId, TlsFiles
from tests.kit.platforms import has_mode

PROXIES = Rules(proxies=(ip_network("127.0.0.1"),))
SERVERS = (
    Server(ServerId("gpu-1"), "GPU", "http://10.0.0.1:8188", limits=Limits(requests=3, upload=5_000_000)),
    Server(ServerId("far"), "Far", "http://[fd00::1]", access=Access("Bearer x")),
    Server(ServerId("any"), "Any", "https://10.0.0.3:8188/comfy", access=Access(is_unverified=True)),
    Server(ServerId("ip"), "By its address", "https://10.0.0.4", access=Access(files=TlsFiles(Path("/ca.pem")))),
)


def fleet(*, names: tuple[str, ...] = ("https://mooring.studio.lan",), rules: Rules = PROXIES) -> Fleet:
    return Fleet(DeclaredBy.FILE, "a test", SERVERS, names=names, rules=rules)


def planned(**how: object) -> ExportPlan:
    return make_plan(Flags(port=8443, users=Path("users.toml") if how else None), fleet())


def test_missing_export_flag_is_named(tmp_path: Path) -> None:
    file = tmp_path / "fleet.toml"
    file.write_text("")
    words = ["--fleet", str(file), "--export", str(tmp_path / "out"), "--gateways", "10.0.0.1:8201, [::1]:8202"]
    flags = read_flags(words)
    assert (flags.export, flags.gateways) == (tmp_path / "out", ("10.0.0.1:8201", "[::1]:8202"))
    assert read_flags(flags.arguments()) == flags
    for wrong, message in (
        (["--export", "x"], "--fleet"),
        (["--fleet", str(file), "--gateways", "a:1"], "--export"),
        (["--fleet", str(file), "--export", str(file)], "no folder"),
        (["--fleet", str(file), "--export", "x", "--gateways", "a"], "not an address"),
        (["--fleet", str(file), "--export", "x", "--gateways", "a:1; return 200"], "not an address"),
        (["--fleet", str(file), "--export", "x", "--gateways", "a:70000"], "not an address"),
    ):
        with pytest.raises(FlagError, match=re.escape(message)):
            read_flags(wrong)


def test_missing_fleet_key_is_named() -> None:
    for wrong, key in (
        (fleet(names=()), "names"),
        (fleet(names=("studio.lan",)), "names"),
        (fleet(rules=Rules()), "proxies"),
    ):
        with pytest.raises(ConfigError) as error:
            make_plan(Flags(), wrong)
        assert error.value.key == key


def test_nginx_reaches_no_server_that_gets_keys() -> None:
    server = Server(ServerId("a"), "a", "http://127.0.0.1:8188")
    assert is_reached(server) and not is_reached(replace(server, is_partner=True))


def test_plan_has_only_servers_that_nginx_can_reach() -> None:
    plan = planned()
    assert plan.origins == dict.fromkeys(("mooring.studio.lan", "mooring.studio.lan:443"), "https://mooring.studio.lan")
    assert [server.id for server in plan.servers] == ["gpu-1", "far", "any"], (
        "it compares no certificate with an address"
    )
    assert plan.gateways == ("127.0.0.1:8444",) and plan.listen == "127.0.0.1:8443"
    assert plan.has_secrets and not plan.has_people


def test_every_unchecked_get_is_listed_and_nothing_else() -> None:
    every = {shape for shape, bodies in ENDPOINTS if "GET" in bodies}
    assert every - set(readable(has_people=False)) == {
        "/view",
        "/userdata",
        "/userdata/{workflow}",
        "/api/tasks/{}",
        "/models/{folder}",
        "/view_metadata/{folder}",
        "/experiment/models/{folder}",
        "/experiment/models/preview/{folder}/{index}/{model}",
    }
    assert readable(has_people=True) == []


def nginx_takes(query: str, *, users: bool = False) -> dict[str, str] | None:
    """Return what nginx's rule for pictures takes of a request with this query; None if a gateway gets it."""
    text = write_nginx(planned(users=True) if users else planned())["nginx.conf"]
    [rule] = re.findall(r'"~(\^1:1::0\?:GET .*\(\?<mooring_path>/view\).*)" get;', text)
    server = f"/servers/gpu-1@{SERVERS[0].tag}"
    found = re.match(rule.replace("?<", "?P<"), f"1:1:::GET {server}/view?{query} HTTP/1.1:")
    return None if found is None else found.groupdict()


VALUES = st.text(st.sampled_from('ab.+/-%&=;2fF5cC0e97aSsed"日'), max_size=12) | st.text(max_size=6).map(quote)
KEYS = st.sampled_from(["filename", "subfolder", "type", "seal", "mooring", "preview", "file%6eame", ""])


@settings(max_examples=2_000)
@given(st.lists(st.tuples(KEYS, VALUES), max_size=5))
@example([("filename", "%E6%97%A5.png"), ("subfolder", "a%2Fb+c"), ("type", "output"), ("mooring", "1")])
def test_gateway_reads_each_query_that_nginx_passes_alike(parts: list[tuple[str, str]]) -> None:
    query = "&".join(f"{key}={value}" for key, value in parts)
    taken = nginx_takes(query)
    if taken is not None:
        named = judge_query("/view", query)
        sent = URL.build(path="/view", query_string=taken["mooring_query"][1:], encoded=True).query
        assert list(sent.items()) == list(read_query(for_server(named)).items())


def test_nginx_passes_addresses_of_pictures_as_the_page_writes_them() -> None:
    page = {"filename": "日 a.png", "subfolder": "a/b c", "type": "output"}
    written = urlencode(page).replace("+a.png", "%20a.png")
    for more in ("", "&mooring=0fcb-1", "&seal=alice~0123456789abcdef~1~-~00&mooring=1"):
        taken = nginx_takes(written + more)
        assert taken is not None and taken["mooring_query"] == f"?{written}"


@pytest.mark.parametrize(
    "query",
    [
        "",
        "filename=theirs&filename=own",
        "filename=a&subfolder=b&subfolder=c",
        "subfolder=b&filename=a",
        "filename=a&preview=webp",
        "filename=a%00",
        "filename=%FF",
        "filename=%C0%AF",
        "filename=a%2Fb",
        "filename=a%0Ab",
        "filename=blake3%3A00",
        "filename=a&mooring=1&filename=b",
    ],
)
def test_nginx_leaves_every_other_query_to_a_gateway(query: str) -> None:
    assert nginx_takes(query) is None


def test_each_server_has_its_own_settings() -> None:
    text = write_nginx(planned())["nginx.conf"]
    places = dict(re.findall(r"location = /@server/([a-z0-9-]+)@[0-9a-f]{8} \{(.*?)\n        \}", text, re.DOTALL))
    assert set(places) == {"gpu-1", "far", "any"}
    assert "client_max_body_size 5000000;" in places["gpu-1"] and "limit_conn mooring_servers 12;" in places["gpu-1"]
    assert "Authorization" not in places["gpu-1"] + places["any"] and "Authorization" in places["far"]
    assert "proxy_set_header Host [fd00::1];" in places["far"] and "server [fd00::1]:80;" in text
    assert "proxy_ssl_verify off;" in places["any"]
    assert "proxy_pass https://mooring-any/comfy$mooring_path$mooring_query;" in places["any"]


def test_with_users_only_pictures_pass_after_a_gateways_approval() -> None:
    alone, apart = write_nginx(planned()), write_nginx(planned(users=True))
    assert "rewrite ^ /@server/$mooring_place last;" in alone["nginx.conf"]
    assert "/@server/$mooring_place" not in apart["nginx.conf"] and "location = / {" not in apart["nginx.conf"]
    assert 'X-Mooring-Hand-Over "";' in alone["gateway.inc"]
    assert "X-Mooring-Hand-Over $mooring_place;" in apart["gateway.inc"]
    assert "$upstream_http_x_mooring_fits" in apart["nginx.conf"] and "412" in apart["server.inc"]


def test_only_an_earlier_export_is_overwritten(tmp_path: Path) -> None:
    mine, empty, others = tmp_path / "new" / "mine", tmp_path / "empty", tmp_path / "others"
    empty.mkdir()
    others.mkdir()
    (others / "thesis.txt").write_text("years of work")
    for folder in (mine, mine, empty):
        claim(folder)
        (folder / "nginx.conf").write_text("old")
    for folder in (others, others / "thesis.txt"):
        with pytest.raises(ConfigError) as error:
            claim(folder)
        assert error.value.key == "--export"
    assert {path.name for path in others.iterdir()} == {"thesis.txt"}
    assert (mine / MARK).is_file()


def test_configuration_with_login_is_readable_by_owner_only(tmp_path: Path) -> None:
    claim(tmp_path / "out")
    for is_private, mode in ((False, 0o644), (True, 0o600), (True, 0o600)):
        write_configuration(tmp_path / "out", {"nginx.conf": "x"}, is_private=is_private)
        assert has_mode(tmp_path / "out" / "nginx.conf", mode)


def test_nginx_log_is_readable_by_owner_only(tmp_path: Path) -> None:
    """If a server fails, it has whole request lines: the names of pictures, and the seals that open them."""
    claim(tmp_path / "out")
    write_configuration(tmp_path / "out", {"nginx.conf": "x"}, is_private=False)
    log = tmp_path / "out" / "logs" / "error.log"
    assert has_mode(log, 0o600)
    log.write_text("kept")
    write_configuration(tmp_path / "out", {"nginx.conf": "x"}, is_private=False)
    assert log.read_text() == "kept"
