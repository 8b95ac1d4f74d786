"""Servers that are added in the page: checked first, by who may, and only where a server may be."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.fleet.changes import OwnFile
from gateway.fleet.file import read_fleet
from gateway.fleet.fleet import DeclaredBy, Fleet
from gateway.fleet.rules import Rules
from gateway.http.servers import Server, ServerId
from gateway.people.fleet_admin import MOST_CHECKS
from tests.integration.test_gateway_fleet import HEALTH
from tests.kit.gateways import PLAIN, Raw, Running, open_fleet, open_gateway, serve, serve_raw, table, until
from tests.kit.name_server import KnownNames
from tests.kit.services import free_ports
from tests.kit.studio import open_studio
from wire.health import Health
from wire.new_servers import AddressFault, read_added, read_checked

A = ServerId("a")
SECRET = "only-the-target-knows-this"


async def post(
    browser: aiohttp.ClientSession, gateway: Running, path: str, body: object, **headers: str
) -> tuple[int, Any]:
    sent = {"Origin": gateway.url} | headers
    async with browser.post(f"{gateway.url}/fleet/{path}", json=body, headers=sent) as reply:
        return reply.status, await reply.json()


async def check(browser: aiohttp.ClientSession, gateway: Running, url: str) -> dict[str, Any]:
    status, answer = await post(browser, gateway, "check", {"url": url})
    assert status == 200, answer
    return dict(answer)


async def test_check_says_what_is_there_and_adds_nothing(browser: aiohttp.ClientSession) -> None:
    async with serve() as known, serve() as new, open_gateway({"a": known.url}) as gateway:
        found = read_checked(await check(browser, gateway, new.url))
        assert (found.health, found.version, found.is_known) == (Health.WELL, "0.3.64", False)
        assert found.address == new.url and found.server_id == found.name == f"local-{new.url.rpartition(':')[2]}"
        assert read_checked(await check(browser, gateway, known.url)).is_known
        assert list(gateway.gateway.state.servers) == [A]
        assert {request.method for request in new.seen} <= {"GET"}


@pytest.mark.parametrize(("talk", "health", "cause"), HEALTH.values(), ids=HEALTH.keys())
async def test_check_names_the_cause(browser: aiohttp.ClientSession, talk: Raw, health: Health, cause: str) -> None:
    async with serve() as known, serve_raw(talk) as new, open_gateway({"a": known.url}, probe=0.3) as gateway:
        found = read_checked(await check(browser, gateway, new))
        assert (found.health, found.cause) == (health, cause)


async def test_check_of_a_closed_port(browser: aiohttp.ClientSession) -> None:
    async with serve() as known, open_gateway({"a": known.url}) as gateway:
        found = read_checked(await check(browser, gateway, f"127.0.0.1:{free_ports()}"))
        assert found.health is Health.DOWN


async def test_nothing_of_the_target_is_passed_on_and_no_redirect_is_followed(browser: aiohttp.ClientSession) -> None:
    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        lines = [f"Location: {inner.url}/{SECRET}", f"Set-Cookie: {SECRET}", f"Content-Length: {len(SECRET)}"]
        writer.write("\r\n".join(["HTTP/1.1 307 Moved", *lines, "", SECRET]).encode())

    async def page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        lines = [f"X-Token: {SECRET}", f"Content-Length: {len(SECRET)}"]
        writer.write("\r\n".join(["HTTP/1.1 200 OK", *lines, "", SECRET]).encode())

    async with serve() as known, serve() as inner, serve_raw(redirect) as moved, serve_raw(page) as other:
        async with open_gateway({"a": known.url}) as gateway:
            for url in (moved, other):
                answer = await check(browser, gateway, url)
                assert SECRET not in json.dumps(answer)
                assert answer["health"] == Health.NOT_COMFYUI.value
        assert inner.seen == []


FAULTS = [
    ("http://169.254.169.254/latest/meta-data", AddressFault.FORBIDDEN),
    ("[fe80::1]", AddressFault.FORBIDDEN),
    ("http://[::ffff:169.254.169.254]:80", AddressFault.FORBIDDEN),
    ("0.0.0.0:8188", AddressFault.FORBIDDEN),
    ("http://me:secret@gpu-1", AddressFault.LOGIN),
    ("file:///etc/passwd", AddressFault.INVALID),
    ("", AddressFault.INVALID),
    ("metadata.example", AddressFault.FORBIDDEN),
]


@pytest.mark.parametrize(("url", "fault"), FAULTS)
async def test_address_at_which_no_server_may_be_is_never_asked(
    browser: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch, url: str, fault: AddressFault
) -> None:
    monkeypatch.setattr(aiohttp, "DefaultResolver", lambda: KnownNames([["169.254.169.254"]]))
    asked, connect = [], aiohttp.TCPConnector._create_connection

    async def watch(self: aiohttp.TCPConnector, request: aiohttp.ClientRequest, *more: Any) -> Any:
        asked.append(request.url.host)
        return await connect(self, request, *more)

    monkeypatch.setattr(aiohttp.TCPConnector, "_create_connection", watch)
    async with serve() as known, open_gateway({"a": known.url}) as gateway:
        for path, read in (("check", read_checked), ("servers", read_added)):
            status, answer = await post(browser, gateway, path, {"url": url})
            assert status == 200 and read(answer).fault is fault
        assert list(gateway.gateway.state.servers) == [A]
    assert set(asked) == {"127.0.0.1"}


async def test_name_that_leads_elsewhere_after_the_check_is_not_followed(
    browser: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = KnownNames([["127.0.0.1"]])
    monkeypatch.setattr(aiohttp, "DefaultResolver", lambda: names)
    async with serve() as known, serve() as new, open_gateway({"a": known.url}) as gateway:
        found = read_checked(await check(browser, gateway, f"gpu.example:{new.url.rpartition(':')[2]}"))
        assert found.health is Health.WELL
        names.answers = [["169.254.169.254"]]
        _, answer = await post(browser, gateway, "servers", {"url": found.address})
        assert read_added(answer).fault is AddressFault.FORBIDDEN
        assert list(gateway.gateway.state.servers) == [A]


async def test_checks_are_few_a_minute(browser: aiohttp.ClientSession) -> None:
    async with serve() as known, open_gateway({"a": known.url}) as gateway:
        for _ in range(MOST_CHECKS):
            await check(browser, gateway, known.url)
        status, answer = await post(browser, gateway, "check", {"url": known.url})
        assert status == 429 and answer["error"]["cause"] == "too-many-requests"
        assert "10 addresses a minute" in answer["error"]["message"]


@pytest.mark.parametrize("headers", [{"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
@pytest.mark.parametrize("path", ["check", "servers", "servers/a/rename", "servers/a/remove"])
async def test_page_of_another_origin_changes_nothing(
    browser: aiohttp.ClientSession, path: str, headers: dict[str, str]
) -> None:
    async with serve() as known, serve() as new, open_gateway({"a": known.url}) as gateway:
        status, _ = await post(browser, gateway, path, {"url": new.url, "name": "x"}, **headers)
        assert status == 403
        assert new.seen == [] and gateway.gateway.state.servers[A].name == "a"


async def test_user_without_the_role_changes_nothing() -> None:
    async with serve() as new, open_studio() as studio:
        alice, carol = await studio.log_in("alice"), await studio.log_in("carol")
        for path in ("check", "servers", "servers/a/rename", "servers/a/remove"):
            assert (await alice.post(f"/fleet/{path}", {"url": new.url, "name": "x"}))[0] == 403
        assert new.seen == [] and list(studio.gateway.gateway.state.servers) == [A]
        status, answer = await carol.post("/fleet/check", {"url": new.url})
        assert status == 200 and read_checked(answer).health is Health.WELL
        status, answer = await carol.post("/fleet/servers", {"url": new.url, "name": "Left desk"})
        assert status == 200
        added = ServerId(answer["id"])
        assert studio.gateway.gateway.state.servers[added].name == "Left desk"


@pytest.mark.parametrize(
    ("names", "rules"),
    [(["https://mooring.example"], PLAIN), ([], Rules(proxies=(ip_network("10.0.0.0/8"),))), ([], PLAIN)],
    ids=["with a name", "behind nginx", "private"],
)
async def test_gateway_that_others_reach_without_a_log_in_adds_none(
    browser: aiohttp.ClientSession, names: list[str], rules: Rules
) -> None:
    fleet = Fleet(DeclaredBy.FLAGS, "", (Server(A, "a", "http://127.0.0.1:9"),), rules=rules)
    is_private = not names and not rules.proxies
    async with serve() as new, open_fleet(fleet, names=names) as gateway:
        for path in ("check", "servers"):
            status, _ = await post(browser, gateway, path, {"url": new.url})
            assert status == (200 if is_private else 404)
        assert (len(gateway.gateway.state.servers) == 2) is is_private
        assert is_private or new.seen == []


async def test_server_is_added_to_the_file_renamed_and_removed(browser: aiohttp.ClientSession, tmp_path: Path) -> None:
    path = tmp_path / "fleet.toml"
    async with serve() as known, serve() as new:
        path.write_text("# ours\n" + table("a", known.url), encoding="utf-8")
        async with open_fleet(read_fleet(path)) as gateway:
            state = gateway.gateway.state
            _, answer = await post(browser, gateway, "servers", {"url": new.url, "name": "Left desk"})
            added = read_added(answer)
            server_id = ServerId(added.server_id)
            assert path.read_text(encoding="utf-8").startswith("# ours\n")
            await until(lambda: state.condition(server_id).health is Health.WELL)
            async with browser.get(f"{gateway.url}/servers/{server_id}/queue") as reply:
                assert reply.status == 200
            at = f"servers/{server_id}"
            assert (await post(browser, gateway, f"{at}/rename", {"name": "Right desk"}))[0] == 200
            assert state.servers[server_id].name == read_fleet(path).servers[1].name == "Right desk"
            status, answer = await post(browser, gateway, f"{at}/remove", {})
            assert status == 403 and "drained first" in answer["error"]["message"]
            assert (await post(browser, gateway, f"{at}/drain", {"drain": True}))[0] == 200
            assert (await post(browser, gateway, f"{at}/remove", {}))[0] == 200
            assert list(state.servers) == [A] and [one.id for one in read_fleet(path).servers] == [A]
            assert read_checked(await check(browser, gateway, new.url)).was_removed
            _, answer = await post(browser, gateway, "servers", {"url": new.url})
            assert state.servers[server_id].name == "Right desk" and not state.servers[server_id].is_drained


@pytest.mark.parametrize("has_file", [True, False])
@pytest.mark.parametrize("name", [7, None, "a\nb", "x" * 300])
async def test_name_that_cannot_be_is_refused(
    browser: aiohttp.ClientSession, tmp_path: Path, name: object, has_file: bool
) -> None:
    path = tmp_path / "fleet.toml"
    async with serve() as known, serve() as new:
        path.write_text(table("a", known.url), encoding="utf-8")
        fleet = read_fleet(path)
        async with open_fleet(fleet if has_file else replace(fleet, source=DeclaredBy.FLAGS, files=())) as gateway:
            status, _ = await post(browser, gateway, "servers/a/rename", {"name": name})
            assert status in {400, 403}
            assert gateway.gateway.state.servers[A].name == "a"
            status, _ = await post(browser, gateway, "servers", {"url": new.url, "name": name})
            assert status in {400, 403}
            assert list(gateway.gateway.state.servers) == [A]


async def test_server_of_a_fleet_without_a_file_is_there_at_the_next_start(
    browser: aiohttp.ClientSession, tmp_path: Path
) -> None:
    own = OwnFile(tmp_path / "fleet.toml")
    async with serve() as known, serve() as new:
        fleet = Fleet(DeclaredBy.DEMO, "a demo", (Server(ServerId("demo-1"), "demo-1", known.url),))
        async with open_fleet(fleet, own_file=own) as gateway:
            _, answer = await post(browser, gateway, "servers", {"url": new.url})
            added = read_added(answer)
            assert added.path == str(own.path)
            assert gateway.gateway.state.servers[ServerId("demo-1")].is_drained
        async with open_fleet(read_fleet(own.path)) as gateway:
            assert list(gateway.gateway.state.servers) == [ServerId(added.server_id)]
