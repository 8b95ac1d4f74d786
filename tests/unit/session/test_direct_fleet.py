"""A window without a gateway: it reads the list, probes each server itself, and answers as a gateway would."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest

from app.browser.direct_fleet import DirectFleet
from app.browser.direct_ports import DirectHttp, DirectSockets
from app.browser.server_probe import ProbePorts
from app.core.comfy import loads_request, read_loads
from app.core.direct import ExportedSite, Reach
from app.core.errors import ListError, RequestTimeout, SocketClosed
from app.core.model import Fleet, Server, ServerId
from app.core.ports.http import Http, Request, Response
from app.core.ports.sockets import Connection
from wire.health import Health

A, B = "http://gpu-a:8188", "http://gpu-b:8188"
PAGE = ExportedSite("http://pages.lan")
STATS = {"system": {"comfyui_version": "0.3.64", "argv": []}, "devices": []}


def lists(**addresses: str) -> str:
    servers = [{"id": server_id, "address": address} for server_id, address in addresses.items()]
    return json.dumps({"build": "b1", "servers": servers})


@dataclass
class World:
    """The servers and their answers. A `lost` server gives no readable answer."""

    file: str = lists(a=A, b=B)
    status: int = 200
    lost: dict[str, str] = field(default_factory=dict)  # address -> cause
    reach: Reach = field(default_factory=Reach)
    waiting: int = 0
    refuses_to_learn: bool = False
    asked: list[str] = field(default_factory=list)
    sockets: list[str] = field(default_factory=list)
    learned: list[str] = field(default_factory=list)
    looked: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, request: Request) -> Response:
        self.asked.append(request.path)
        await asyncio.sleep(0)
        if request.path == "fleet.json":
            return Response(self.status, text=self.file)
        address, _, path = request.path.rpartition("/")
        if address in self.lost:
            raise RequestTimeout(None, self.lost[address])
        match path:
            case "system_stats":
                return Response(200, text=json.dumps(STATS))
            case "prompt":
                return Response(200, text=json.dumps({"exec_info": {"queue_remaining": self.waiting}}))
            case "queue":
                return Response(200, text=json.dumps({"queue_running": [[0, "p"]], "queue_pending": []}))
        return Response(404)

    async def look(self, address: str, asks_socket: bool) -> Reach:
        self.looked.set()
        if asks_socket:
            self.sockets.append(address)
        return self.reach

    async def learn(self, address: str) -> tuple[str, str]:
        self.learned.append(address)
        if self.refuses_to_learn:
            raise RequestTimeout(None, "deadline")
        return f"nodes of {address}", f"files of {address}"

    fetch = upload = send  # type: ignore[assignment]


class Bench:
    """A fleet over a world, with its recorded results."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.builds: list[str] = []
        http: Http = world  # type: ignore[assignment]
        ports = ProbePorts(http, PAGE, lambda: False, world.look, world.learn)
        self.fleet = DirectFleet("fleet.json", ports, self.builds.append)
        self.http = DirectHttp(http, self.fleet)

    async def until(self, is_so: Callable[[Fleet], bool]) -> Fleet:
        async with asyncio.timeout(5):
            while not is_so(fleet := await self.fleet.changes()):
                pass
        return fleet

    async def well(self) -> Fleet:
        await self.fleet.first()
        return await self.until(lambda fleet: all(one.files for one in fleet.servers))

    def close(self) -> None:
        for probe in self.fleet._probes:
            probe.close()
        if self.fleet._keeping is not None:
            self.fleet._keeping.cancel()


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench(World())
    yield made
    made.close()


def of(fleet: Fleet, server_id: str = "a") -> Server:
    found = fleet.get(server_id)
    assert found is not None
    return found


async def test_a_window_finds_out_by_itself_how_the_servers_are(bench: Bench) -> None:
    first = await bench.fleet.first()
    assert [one.health for one in first.servers] == [Health.UNKNOWN, Health.UNKNOWN]
    assert bench.builds == ["b1"]
    fleet = await bench.until(lambda fleet: all(one.files for one in fleet.servers))
    assert [(one.server_id, one.base, one.health) for one in fleet.servers] == [
        ("a", A, Health.WELL), ("b", B, Health.WELL),
    ]  # fmt: skip
    assert of(fleet).catalogue == f"nodes of {A}"
    assert set(await bench.fleet.stats()) == {"a", "b"}


async def test_unreadable_list_is_reported_and_retried(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.browser.direct_fleet.AFTER_FAILURE", 0.01)
    bench.world.status = 404
    with pytest.raises(ListError) as seen:
        await bench.fleet.first()
    assert seen.value.file == "fleet.json" and "404" in seen.value.cause
    bench.world.status = 200
    async with asyncio.timeout(5):
        assert [one.server_id for one in (await bench.fleet.changes()).servers] == ["a", "b"]


async def test_list_that_becomes_invalid_keeps_the_servers(bench: Bench) -> None:
    await bench.well()
    bench.world.file = "{"
    bench.fleet.hurry()
    fleet = await bench.until(lambda fleet: bool(fleet.problem))
    assert [one.server_id for one in fleet.servers] == ["a", "b"]
    bench.world.file = lists(a=A)
    bench.fleet.hurry()
    fleet = await bench.until(lambda fleet: not fleet.problem)
    assert [one.server_id for one in fleet.servers] == ["a"]


async def test_an_id_with_another_address_is_another_server(bench: Bench) -> None:
    await bench.well()
    bench.world.lost[B] = "lost"
    bench.world.file = lists(a=B)
    bench.fleet.hurry()
    fleet = await bench.until(lambda fleet: of(fleet).address == B)
    assert (of(fleet).health, of(fleet).catalogue) == (Health.UNKNOWN, "")


async def test_refused_browser_is_given_the_flag_after_one_socket_probe(bench: Bench) -> None:
    bench.world.lost[A], bench.world.reach = "lost", Reach(answers=True, greets=True)
    await bench.fleet.first()
    seen = of(await bench.until(lambda fleet: of(fleet).health is not Health.UNKNOWN))
    assert (seen.health, seen.cause) == (Health.REFUSES, "no-cors")
    assert seen.detail == "--enable-cors-header http://pages.lan"
    bench.world.looked.clear()
    bench.fleet.hurry()
    async with asyncio.timeout(5):
        await bench.world.looked.wait()
    bench.world.lost.clear()
    bench.fleet.hurry()
    assert of(await bench.until(lambda fleet: of(fleet).health is Health.WELL)).cause == ""
    assert bench.world.sockets == [A]


async def test_hanging_server_is_not_reported_as_refusing(bench: Bench) -> None:
    bench.world.lost[A] = "deadline"
    await bench.fleet.first()
    seen = of(await bench.until(lambda fleet: of(fleet).health is not Health.UNKNOWN))
    assert (seen.health, bench.world.sockets) == (Health.TIMEOUT, [])
    bench.world.lost = {}
    bench.fleet.hurry()
    assert of(await bench.until(lambda fleet: bool(of(fleet).files))).health is Health.WELL, (
        "its catalogue is read then"
    )


@pytest.mark.parametrize(("cause", "times"), [("deadline", 1), ("lost", 2)])
async def test_late_server_is_not_asked_twice_for_its_catalogue(bench: Bench, cause: str, times: int) -> None:
    """Twenty windows that each request megabytes from a busy server each time it was late would keep it so."""
    await bench.well()
    bench.world.lost = {A: cause}
    bench.fleet.hurry()
    await bench.until(lambda fleet: fleet.servers[0].health in {Health.TIMEOUT, Health.DOWN})
    bench.world.lost = {}
    bench.fleet.hurry()
    await bench.until(lambda fleet: fleet.servers[0].health is Health.WELL)
    await asyncio.sleep(0)
    assert bench.world.learned.count(A) == times


async def test_a_mixed_page_asks_nothing(bench: Bench) -> None:
    world = World()
    ports = ProbePorts(world, ExportedSite("https://pages.lan"), lambda: False, world.look, world.learn)  # type: ignore[arg-type]
    bench.close()
    bench.fleet = DirectFleet("fleet.json", ports)
    await bench.fleet.first()
    fleet = await bench.until(lambda fleet: all(one.health is Health.REFUSES for one in fleet.servers))
    assert {one.cause for one in fleet.servers} == {"mixed-content"}
    loads = read_loads(await bench.fleet.loads())
    assert {cause for _, cause in loads.values()} == {"refuses"}
    assert world.asked == ["fleet.json"]


async def test_unreadable_catalogue_delays_no_probe_and_is_retried_rarely(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.browser.server_probe.WELL", 0.0)
    bench.world.refuses_to_learn = True
    await bench.fleet.first()
    async with asyncio.timeout(5):
        while bench.world.asked.count(f"{A}/prompt") < 20:
            bench.world.waiting += 1
            await bench.fleet.changes()
    assert sorted(bench.world.learned) == [A, B]


async def test_hidden_window_probes_rarely(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.browser.server_probe.WELL", 0.0)
    hidden = World()
    ports = ProbePorts(hidden, PAGE, lambda: True, hidden.look, hidden.learn)  # type: ignore[arg-type]
    other = DirectFleet("fleet.json", ports)
    await other.first()
    await bench.fleet.first()
    async with asyncio.timeout(5):
        while bench.world.asked.count(f"{A}/prompt") < 5:
            await bench.fleet.changes()
            bench.world.waiting += 1  # so that each look is news
    assert hidden.asked.count(f"{A}/prompt") == 1
    other.hurry()  # the window is visible now
    async with asyncio.timeout(5):
        while hidden.asked.count(f"{A}/prompt") < 2:
            hidden.waiting += 1
            await other.changes()
    bench.close()
    bench.fleet = other


async def test_each_choice_rereads_the_queues(bench: Bench) -> None:
    await bench.well()
    bench.world.lost[B] = "lost"
    loads = read_loads(await bench.http.send(loads_request()))
    assert loads["a"][0].running == ("p",)
    assert (loads["a"][1], loads["b"][1]) == ("", "down")
    assert f"{A}/queue" in bench.world.asked


async def test_failures_name_their_server(bench: Bench) -> None:
    await bench.well()
    bench.world.lost[B] = "lost"
    with pytest.raises(RequestTimeout) as seen:
        await bench.http.send(Request(method="GET", path=f"{B}/queue", deadline=1.0))
    assert seen.value.server_id == ServerId("b")

    class NoSockets:
        async def open(self, path: str, deadline: float) -> Connection:
            raise SocketClosed(None, "refused")

    with pytest.raises(SocketClosed) as closed:
        await DirectSockets(NoSockets(), bench.fleet).open(f"{A}/ws?clientId=x", 1.0)
    assert closed.value.server_id == ServerId("a")
