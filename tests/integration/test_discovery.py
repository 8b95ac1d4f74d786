"""Servers found through DNS: they come, move, leave and are replaced while work runs, and DNS fails."""

from __future__ import annotations

import asyncio
import json
import socket
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.check.command import examine_all
from gateway.check.output import words_of_searches
from gateway.fleet.discovery.discovery import find_once
from gateway.fleet.file import read_fleet
from gateway.http.deadlines import Deadlines
from gateway.http.refusal import HEADER
from tests.integration.pods import NAME, Cluster, Pod, fleet_of, open_cluster, servers_of
from tests.kit.certificates import make_pem
from tests.kit.gateways import Running, until
from tests.kit.name_server import Mood
from wire.health import Health

ONE, TWO, THREE = "127.0.0.2", "127.0.0.3", "127.0.0.4"
Reply = tuple[int, str]


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    async with open_cluster(tmp_path) as opened:
        yield opened


async def submit(browser: aiohttp.ClientSession, gateway: Running, base: str) -> Reply:
    body = {"prompt": {}, "prompt_id": str(uuid.uuid4()), "client_id": "w"}
    async with browser.post(f"{gateway.url}{base}/prompt", json=body) as reply:
        return reply.status, reply.headers.get(HEADER, "")


async def server_at(browser: aiohttp.ClientSession, gateway: Running, pod: Pod, **wanted: object) -> dict[str, Any]:
    """Wait until the server at a pod's address has these values, and return it."""

    async def find() -> dict[str, Any] | None:
        servers = (await fleet_of(browser, gateway))["servers"]
        fitting = (one for one in servers if one["at"] == pod.url and one.items() >= wanted.items())
        return next(fitting, None)

    return await until(find)


async def test_two_gateways_find_servers_under_the_same_ids(cluster: Cluster, browser: aiohttp.ClientSession) -> None:
    one, two = await cluster.start(ONE, Pod(slow_writes=0.05)), await cluster.start(TWO, Pod(slow_writes=0.05))
    cluster.name(ONE, TWO)
    opened = [cluster.gateway(), cluster.gateway()]
    here, there = await asyncio.gather(*(gateway.__aenter__() for gateway in opened))  # both mint at the same time
    try:
        for pod in (one, two):
            mine = await server_at(browser, here, pod, health="well")
            theirs = await server_at(browser, there, pod, health="well")
            assert (mine["id"], mine["base"]) == (theirs["id"], theirs["base"])
            assert await submit(browser, here, mine["base"]) == (200, "")
            assert await submit(browser, there, mine["base"]) == (200, "")
        assert {len(pod.prompts) for pod in cluster.pods} == {2}
    finally:
        for gateway in opened:
            await gateway.__aexit__(None, None, None)


async def test_removed_server_is_drained_until_it_stops_answering(
    cluster: Cluster, browser: aiohttp.ClientSession
) -> None:
    one, two = await cluster.start(ONE), await cluster.start(TWO)
    cluster.name(ONE)
    async with cluster.gateway(departure=0.3) as gateway:
        leaving = await server_at(browser, gateway, one, drained=False)
        assert await submit(browser, gateway, leaving["base"]) == (200, "")
        cluster.name(TWO)
        await server_at(browser, gateway, two, drained=False, health="well")
        assert (await server_at(browser, gateway, one, drained=True))["id"] == leaving["id"]
        async with browser.get(f"{gateway.url}{leaving['base']}/queue") as reply:
            assert len(json.loads(await reply.read())["queue_pending"]) == 1, "its work can be polled to its end"
        await one.stop()
        await until(lambda: _is_gone(browser, gateway, one))
        assert await submit(browser, gateway, leaving["base"]) == (404, "unknown-server; sent=no")
        await cluster.start(ONE, one)  # with the same user data, and back in DNS
        cluster.name(ONE, TWO)
        assert (await server_at(browser, gateway, one, drained=False))["base"] == leaving["base"]


async def test_gateway_that_starts_later_knows_which_servers_are_leaving(
    cluster: Cluster, browser: aiohttp.ClientSession
) -> None:
    cluster.table = f'mint = true\nleaving = "dns://all.{NAME}:{cluster.port}"\n'
    one, two = await cluster.start(ONE), await cluster.start(TWO)
    cluster.name(ONE, TWO)
    cluster.names.zone[f"all.{NAME}."] = {"A": [ONE, TWO, THREE]}  # the third is still starting and does not answer
    async with cluster.gateway() as before:
        known = await server_at(browser, before, one, drained=False)
        assert await submit(browser, before, known["base"]) == (200, "")
    cluster.name(TWO)
    async with cluster.gateway() as after:
        leaving = await server_at(browser, after, one, drained=True, health="well")
        await server_at(browser, after, two, drained=False)
        assert leaving["base"] == known["base"]
        async with browser.get(f"{after.url}{leaving['base']}/queue") as reply:
            assert len(json.loads(await reply.read())["queue_pending"]) == 1, "its work can be polled to its end"
        assert (await fleet_of(browser, after))["searches"] == []
        cluster.name()
        assert (await server_at(browser, after, two, drained=True))["health"] == "well", "all of them are leaving"
        del cluster.names.zone[f"all.{NAME}."]
        await until(lambda: _has_message(browser, after, "it is unknown which servers are leaving"))
        assert (await server_at(browser, after, one))["drained"], "DNS has said nothing else"


async def _has_message(browser: aiohttp.ClientSession, gateway: Running, words: str) -> bool:
    return any(words in message for message in (await fleet_of(browser, gateway))["searches"])


async def _is_gone(browser: aiohttp.ClientSession, gateway: Running, pod: Pod) -> bool:
    return pod.url not in await servers_of(browser, gateway)


@pytest.mark.parametrize("table", ["mint = true\n", ""])
async def test_reused_address_receives_no_work_of_the_old_server(
    cluster: Cluster, browser: aiohttp.ClientSession, table: str
) -> None:
    cluster.table = table
    one = await cluster.start(ONE)
    cluster.name(ONE)
    async with cluster.gateway(probe_well=3_600.0, dns_least=3_600.0, dns_most=3_600.0, search=3_600.0) as gateway:
        known = await server_at(browser, gateway, one, health="well")
        assert await submit(browser, gateway, known["base"]) == (200, "")
        await one.stop()
        other = await cluster.start(ONE, Pod(version="0.3.65"))  # between two probes, so the gateway has not noticed
        assert await submit(browser, gateway, known["base"]) == (409, "server-moved; sent=no")
        async with browser.get(f"{gateway.url}{known['base']}/history/x") as reply:
            assert reply.headers[HEADER] == "server-moved; sent=no"
        assert other.seen == []


async def test_address_that_returns_with_another_identity_is_another_server(
    cluster: Cluster, browser: aiohttp.ClientSession
) -> None:
    one = await cluster.start(ONE)
    cluster.name(ONE)
    async with cluster.gateway(departure=0.3) as gateway:
        known = await server_at(browser, gateway, one, health="well")
        await one.stop()
        other = await cluster.start(ONE, Pod())
        await until(lambda: _is_another(browser, gateway, known))
        assert await submit(browser, gateway, known["base"]) == (404, "unknown-server; sent=no")
        fresh = await server_at(browser, gateway, other, health="well")
        assert fresh["id"] != known["id"]
        assert await submit(browser, gateway, fresh["base"]) == (200, "")
        assert other.seen == ["POST /prompt"]


async def _is_another(browser: aiohttp.ClientSession, gateway: Running, known: dict[str, Any]) -> bool:
    servers = (await fleet_of(browser, gateway))["servers"]
    return bool(servers) and known["id"] not in {server["id"] for server in servers}


async def test_server_keeps_its_id_at_another_address(cluster: Cluster, browser: aiohttp.ClientSession) -> None:
    one = await cluster.start(ONE)
    cluster.name(ONE)
    async with cluster.gateway() as gateway:
        known = await server_at(browser, gateway, one, health="well")
        await one.stop()
        await cluster.start(THREE, one)
        cluster.name(THREE)
        moved = await server_at(browser, gateway, one, health="well", drained=False)
        assert (moved["id"], moved["base"], moved["address"]) == (known["id"], known["base"], known["address"])
        assert await submit(browser, gateway, known["base"]) == (200, "")


@pytest.mark.parametrize("mood", [Mood.SERVFAIL, Mood.NXDOMAIN, Mood.SILENT])
async def test_failing_name_server_changes_no_server(
    cluster: Cluster, browser: aiohttp.ClientSession, mood: Mood
) -> None:
    one = await cluster.start(ONE)
    cluster.name(ONE)
    async with cluster.gateway() as gateway:
        known = await server_at(browser, gateway, one, health="well")
        cluster.names.mood = mood
        fleet = await until(lambda: _with_messages(browser, gateway))
        assert fleet["searches"][0].startswith(f"dns://{NAME}:{cluster.port}: ")
        assert fleet["searches"][0].endswith("The servers stay as they were.")
        assert fleet["servers"] == [known]
        assert await submit(browser, gateway, known["base"]) == (200, "")
        async with browser.get(f"{gateway.url}/metrics") as reply:
            numbers = (await reply.read()).decode()
        labels = f'{{from="dns://{NAME}:{cluster.port}"}}'
        assert f"mooring_lookup_answered{labels} 0.0" in numbers and f"mooring_lookup_servers{labels} 1.0" in numbers
        cluster.names.mood = Mood.WELL
        await until(lambda: _has_no_message(browser, gateway))


async def _with_messages(browser: aiohttp.ClientSession, gateway: Running) -> dict[str, Any] | None:
    fleet = await fleet_of(browser, gateway)
    return fleet if fleet["searches"] else None


async def _has_no_message(browser: aiohttp.ClientSession, gateway: Running) -> bool:
    return await _with_messages(browser, gateway) is None


async def test_gateway_that_starts_without_dns_finds_servers_later(
    cluster: Cluster, browser: aiohttp.ClientSession
) -> None:
    one = await cluster.start(ONE)
    cluster.name(ONE)
    cluster.names.mood = Mood.SERVFAIL
    async with cluster.gateway() as gateway:
        fleet = await until(lambda: _with_messages(browser, gateway))
        assert fleet["servers"] == [] and fleet["searches"][0].endswith("None is known yet.")
        cluster.names.mood = Mood.WELL
        await server_at(browser, gateway, one, health="well")


async def test_srv_records_set_names_ports_priorities_and_weights(
    cluster: Cluster, browser: aiohttp.ClientSession
) -> None:
    cluster.table = ""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        other_port = free.getsockname()[1]
    one, two = await cluster.start(ONE), await cluster.start(TWO, port=other_port)
    three = await cluster.start(THREE)
    cluster.names.zone |= {
        "_comfyui._tcp.test.": {
            "SRV": [
                f"0 4 {cluster.port} gpu-0.test.",
                f"0 1 {other_port} gpu-1.test.",
                f"9 1 {cluster.port} gpu-2.test.",
            ]
        },
        "gpu-2.test.": {"A": [THREE]},
    }
    cluster.names.along = {"gpu-0.test.": {"A": [ONE]}, "gpu-1.test.": {"A": [TWO]}}
    async with cluster.gateway(cluster.discover("srv://_comfyui._tcp.test")) as gateway:
        await until(lambda: _has_spare(browser, gateway))
        found = await until(lambda: _well(browser, gateway, 3))
        settings = {at: (server["weight"], server["drained"]) for at, server in found.items()}
        assert settings == {
            f"http://gpu-0.test:{cluster.port}": (1.0, False),
            f"http://gpu-1.test:{other_port}": (0.25, False),
            f"http://gpu-2.test:{cluster.port}": (1.0, True),
        }
        for number, pod in enumerate((one, two, three)):
            server = next(server for at, server in found.items() if f"gpu-{number}" in at)
            assert await submit(browser, gateway, server["base"]) == (200, "")
            assert len(pod.prompts) == 1
        before = found[f"http://gpu-0.test:{cluster.port}"]
        await one.stop()
        await cluster.start("127.0.0.5", one)
        cluster.names.along["gpu-0.test."] = {"A": ["127.0.0.5"]}
        await until(lambda: _reaches(browser, gateway, before["base"]))
        assert len(one.prompts) == 2, "a name is one server at any address"


async def _has_spare(browser: aiohttp.ClientSession, gateway: Running) -> bool:
    return any(server["drained"] for server in (await servers_of(browser, gateway)).values())


async def _well(browser: aiohttp.ClientSession, gateway: Running, count: int) -> dict[str, Any] | None:
    found = await servers_of(browser, gateway)
    return found if [one["health"] for one in found.values()] == ["well"] * count else None


async def _reaches(browser: aiohttp.ClientSession, gateway: Running, base: str) -> bool:
    return (await submit(browser, gateway, base))[0] == 200


async def test_https_certificate_is_checked_for_the_name(
    cluster: Cluster, browser: aiohttp.ClientSession, tmp_path: Path
) -> None:
    pem = await asyncio.to_thread(make_pem, tmp_path, f"DNS:{NAME}")
    cluster.table = f'mint = true\nhttps = true\ntls_ca = "{pem.authority.name}"\n'
    one, two = [await cluster.start(host, Pod(tls=pem.server_context())) for host in (ONE, TWO)]
    cluster.name(ONE, TWO)
    async with cluster.gateway() as gateway:
        servers = await until(lambda: _all_well(browser, gateway, 2))
        assert {server["at"] for server in servers} == {f"https://{NAME}:{cluster.port}"}
        for server in servers:
            assert await submit(browser, gateway, server["base"]) == (200, "")
        assert [len(pod.prompts) for pod in (one, two)] == [1, 1]


async def _all_well(browser: aiohttp.ClientSession, gateway: Running, count: int) -> list[dict[str, Any]] | None:
    servers: list[dict[str, Any]] = (await fleet_of(browser, gateway))["servers"]
    return servers if [one["health"] for one in servers] == ["well"] * count else None


async def test_ipv6_server_is_found(cluster: Cluster, browser: aiohttp.ClientSession) -> None:
    try:
        six = await cluster.start("::1")
    except OSError as error:
        pytest.skip(f"this machine has no IPv6: {error}")
    cluster.name("::1")
    async with cluster.gateway() as gateway:
        server = await server_at(browser, gateway, six, health="well")
        assert await submit(browser, gateway, server["base"]) == (200, "")


async def test_servers_that_share_a_user_directory_are_not_used(
    cluster: Cluster, browser: aiohttp.ClientSession
) -> None:
    disk: dict[str, bytes] = {}
    await cluster.start(ONE, Pod(disk))
    cluster.name(ONE)
    async with cluster.gateway() as gateway:
        await until(lambda: _well(browser, gateway, 1))
        await cluster.start(TWO, Pod(disk))
        cluster.name(ONE, TWO)
        fleet = await until(lambda: _with_messages(browser, gateway))
        assert "each server needs a user directory of its own" in fleet["searches"][0]
        assert fleet["servers"] == []


async def test_multi_user_server_keeps_its_id_under_our_user(cluster: Cluster, browser: aiohttp.ClientSession) -> None:
    one = await cluster.start(ONE, Pod(users={"ann_1": "ann"}))
    cluster.name(ONE)
    async with cluster.gateway() as gateway:
        server = await server_at(browser, gateway, one, health="well")
        assert await submit(browser, gateway, server["base"]) == (200, "")
        assert one.users == {"ann_1": "ann", "mooring_1": "mooring"}


async def test_changed_discover_table_takes_effect(cluster: Cluster, browser: aiohttp.ClientSession) -> None:
    one, two = await cluster.start(ONE), await cluster.start(TWO)
    cluster.name(ONE)
    cluster.names.zone["more.test."] = {"A": [TWO]}
    async with cluster.gateway() as gateway:
        known = await server_at(browser, gateway, one, health="well", weight=1.0)
        cluster.write(cluster.discover() + "weight = 3\n")
        assert (await server_at(browser, gateway, one, weight=3.0))["base"] == known["base"]
        cluster.write(cluster.discover(f"dns://more.test:{cluster.port}"))
        await server_at(browser, gateway, two, health="well")
        assert await submit(browser, gateway, known["base"]) == (404, "unknown-server; sent=no")
        cluster.write(
            cluster.discover(f"dns://more.test:{cluster.port}") + f'[[server]]\nid = "own"\nurl = "{two.url}"\n'
        )
        assert (await server_at(browser, gateway, two, id="own"))["address"] == two.url
        fleet = await until(lambda: _with_messages(browser, gateway))
        assert fleet["searches"] == [f"dns://more.test:{cluster.port}: {two.url} is in the fleet already, as own."]


async def test_check_reports_invalid_servers_and_mints_no_id(cluster: Cluster) -> None:
    one = await cluster.start(ONE)
    cluster.name(ONE, TWO)
    cluster.write(cluster.discover())
    fleet = read_fleet(cluster.folder / "fleet.toml")
    waits = replace(Deadlines(), probe=2.0, dns=2.0)
    whole, searches = await find_once(fleet, waits)
    origin = f"dns://{NAME}:{cluster.port}"
    assert whole.servers == () and one.disk == {}
    assert list(words_of_searches(searches)) == [
        f"{origin}: 0 found.",
        f"{origin}: {ONE}:{cluster.port} could not be identified: it has no id yet; a gateway gives it one.",
        f"{origin}: {TWO}:{cluster.port} could not be identified: connection refused.",
    ]
    one.disk["mooring%2Fid.json"] = b'{"v": 1, "mooring": "11111111-1111-4111-8111-111111111111"}'
    whole, searches = await find_once(fleet, waits)
    (report,) = await examine_all(whole, waits)
    assert (report.server.address, report.condition.health) == (one.url, Health.WELL)
    assert next(words_of_searches(searches)) == f"{origin}: 1 found."
