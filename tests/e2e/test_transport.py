"""HTTP, sockets and the fleet through the browser's adapters, with a real gateway and real servers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, Page

from tests.kit.browser.chromium import load_python, run_python
from tests.kit.gateways import serve_all
from tests.kit.services import Service, start_demo, start_gateway_to

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

PRELUDE = """
import asyncio, js, json
from app.browser.blobs import JsBlob, js_blob
from app.browser.http import BrowserHttp
from app.browser.socket import BrowserSockets
from app.browser.values import bytes_to_js
from app.core.errors import RequestTimeout, SocketClosed
from app.core.ports.http import Multipart, Request
from app.core.ports.sockets import BinaryFrame

def blob(data, media_type=""):
    return JsBlob(js.Blob.new(js.Array.of(bytes_to_js(data)), js.eval("({type: %r})" % media_type)))

http, sockets = BrowserHttp(), BrowserSockets()
"""


@pytest.fixture(scope="module")
def two_origins() -> Iterator[tuple[Service, Service]]:
    with start_demo() as a, start_demo() as b:
        yield a, b


@pytest.fixture(scope="module")
def gateway(two_origins: tuple[Service, Service]) -> Iterator[Service]:
    a, b = two_origins
    with start_gateway_to(a=a, b=b) as service:
        yield service


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def python(browser: Browser, gateway: Service) -> AsyncIterator[Page]:
    """Python in a page without a content security policy, since one server of these tests has another origin."""
    page = await (await browser.new_context(bypass_csp=True)).new_page()
    await load_python(page, gateway.url)
    yield page
    await page.context.close()


async def run(page: Page, body: str, **values: object) -> object:
    return await run_python(page, PRELUDE + body, **values)


async def test_answer_is_read_as_text_with_its_headers(python: Page) -> None:
    body = """
answer = await http.send(Request(method="GET", path="/servers/a/queue", deadline=10))
return [answer.status, json.loads(answer.text), answer.headers["content-type"].split(";")[0], answer.blob]
"""
    assert await run(python, body) == [200, {"queue_running": [], "queue_pending": []}, "application/json", None]


async def test_json_is_posted_and_a_refusal_is_an_answer(python: Page) -> None:
    body = """
posted = await http.send(Request(method="POST", path="/servers/a/queue", deadline=10, json='{"delete": ["none"]}'))
refused = await http.send(Request(method="GET", path="/servers/nobody/queue", deadline=10))
return [posted.status, refused.status >= 400, refused.headers["x-mooring-gateway"].split(";")[0]]
"""
    assert await run(python, body) == [200, True, "unknown-server"]


async def test_upload_reports_progress_and_arrives_unchanged(python: Page) -> None:
    body = """
data = bytes(range(256)) * 4096
seen = []
form = Multipart({"type": "input", "subfolder": "mooring"}, blob(data, "image/png"), "沙丘.png")
answer = await http.upload(Request(method="POST", path="/servers/a/upload/image", deadline=30, form=form), seen.append)
view = "/servers/a/view?filename=%s&subfolder=mooring&type=input" % js.encodeURIComponent("沙丘.png")
fetched = await http.fetch(Request(method="GET", path=view, deadline=30))
sent = await http.send(Request(method="POST", path="/servers/a/upload/image", deadline=30, form=form))
return {
    "status": answer.status, "name": json.loads(answer.text)["name"], "headers": answer.headers["content-type"],
    "progress": [seen == sorted(seen), min(seen) >= 0, seen[-1]],
    "same": await fetched.blob.read() == data, "type": fetched.blob.media_type, "size": fetched.blob.size,
    "again": json.loads(sent.text)["name"],
}
"""
    answer = await run(python, body)
    assert isinstance(answer, dict)
    assert answer.pop("headers").startswith("application/json")
    assert answer == {
        "status": 200,
        "name": "沙丘.png",
        "progress": [True, True, 1.0],
        "same": True,
        "type": "image/png",
        "size": 256 * 4096,
        "again": "沙丘.png",
    }


async def test_missing_answer_is_unclear_after_the_deadline(python: Page) -> None:
    """The request is held in the browser, so it is never answered."""

    async def hold(_route: object) -> None:
        return None

    await python.route("**/servers/a/held/**", hold)
    body = """
causes = []
for operation in (http.send, http.fetch, lambda request: http.upload(request, lambda fraction: None)):
    try:
        await operation(Request(method="POST", path="/servers/a/held/x", deadline=0.2, json="{}"))
    except RequestTimeout as error:
        causes.append([error.cause, error.server_id])
return causes
"""
    assert await run(python, body) == [["deadline", "a"]] * 3
    await python.unroute("**/servers/a/held/**")


async def test_broken_connection_is_unclear(python: Page) -> None:
    await python.context.set_offline(True)
    body = """
causes = []
for operation in (http.send, http.fetch, lambda request: http.upload(request, lambda fraction: None)):
    try:
        await operation(Request(method="POST", path="/servers/a/queue", deadline=20, json="{}"))
    except RequestTimeout as error:
        causes.append([error.cause, error.server_id])
return causes
"""
    # An upload that breaks off may have been refused by the server.
    assert await run(python, body) == [["gateway-lost", "a"], ["gateway-lost", "a"], ["lost", "a"]]
    await python.context.set_offline(False)


async def test_cancelled_request_is_aborted(python: Page) -> None:
    reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    failed: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def hold(_route: object) -> None:
        reached.set_result(None)

    await python.route("**/servers/a/cancelled", hold)
    python.on("requestfailed", lambda request: failed.done() or failed.set_result(request.failure or ""))
    body = """
task = asyncio.ensure_future(http.send(Request(method="GET", path="/servers/a/cancelled", deadline=900)))
js.globalThis.cancelled = task.cancel
try:
    await task
except asyncio.CancelledError:
    return True
"""
    running = asyncio.ensure_future(run(python, body))
    await reached
    await python.evaluate("cancelled()")
    assert await running is True
    assert "ABORTED" in await asyncio.wait_for(failed, 30)
    await python.unroute("**/servers/a/cancelled")


async def test_socket_exchanges_messages_with_its_server(python: Page, gateway: Service) -> None:
    body = """
from app.core import events
connection = await sockets.open("/servers/b/ws?clientId=speaks", 10)
await connection.send(events.FLAGS)
heard = []
while len(heard) < 2:
    heard += [json.loads(frame) for frame in await connection.receive()]
facts = [connection.url, connection.is_open, [item["type"] for item in heard[:2]], heard[0]["data"]["sid"]]
await connection.close()
facts.append(connection.is_open)
for operation in (connection.receive, lambda: connection.send("late")):
    try:
        await operation()
    except SocketClosed as error:
        facts.append(error.server_id)
await connection.close()
return facts
"""
    address = gateway.url.replace("http:", "ws:")
    expected = [f"{address}/servers/b/ws?clientId=speaks", True, ["status", "feature_flags"], "speaks", False, "b", "b"]
    assert await run(python, body) == expected


async def test_waiting_receiver_learns_of_the_end(python: Page) -> None:
    body = """
connection = await sockets.open("/servers/b/ws?clientId=waits", 10)
await connection.receive()
waiting = asyncio.ensure_future(connection.receive())
await asyncio.sleep(0)
await connection.close()
try:
    await waiting
except SocketClosed as error:
    return [error.cause, error.server_id]
"""
    assert await run(python, body) == ["closed", "b"]


async def test_cancelled_receiver_loses_no_message(python: Page) -> None:
    body = """
from app.core import events
connection = await sockets.open("/servers/b/ws?clientId=cancels", 10)
await connection.receive()
waiting = asyncio.ensure_future(connection.receive())
await asyncio.sleep(0)
waiting.cancel()
await asyncio.wait([waiting])
await connection.send(events.FLAGS)
heard = [json.loads(frame)["type"] for frame in await asyncio.wait_for(connection.receive(), 20)]
await connection.close()
return heard
"""
    assert "feature_flags" in await run(python, body)  # type: ignore[operator]


async def test_refused_socket_is_closed(python: Page) -> None:
    body = """
try:
    await sockets.open("/servers/nobody/ws?clientId=x", 10)
except SocketClosed as error:
    return [error.cause, error.server_id]
"""
    assert await run(python, body) == ["refused", "nobody"]


def _preview(node_id: str, picture: bytes) -> bytes:
    meta = json.dumps({"node_id": node_id, "prompt_id": "p", "image_type": "image/jpeg"}).encode()
    return (4).to_bytes(4, "big") + len(meta).to_bytes(4, "big") + meta + picture


async def _burst(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    for number in range(200):
        await socket.send_str(str(number))
        await socket.send_bytes(_preview("3", b"picture %d" % number))
        await socket.send_bytes((1).to_bytes(4, "big") + (1).to_bytes(4, "big") + b"old %d" % number)
    await socket.send_bytes(_preview("4", b"x" * 100_000))
    await socket.send_bytes((3).to_bytes(4, "big") + b"text")
    await socket.send_bytes((3).to_bytes(4, "big") + b"text")
    await socket.send_str("end")
    await socket.receive()
    return socket


async def _count(request: web.Request) -> web.WebSocketResponse:
    """Two nodes count to 20, the first of them twice; each step also reports the states of all."""
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    for node, steps in (("1", 20), ("1", 20), ("2", 20)):
        for value in range(1, steps + 1):
            states = {node: {"value": value, "max": steps, "state": "running", "node_id": node}}
            await socket.send_json({"type": "progress_state", "data": {"prompt_id": "p", "nodes": states}})
            data = {"value": value, "max": steps, "prompt_id": "p", "node": node}
            await socket.send_json({"type": "progress", "data": data})
        await socket.send_json({"type": "executed", "data": {"prompt_id": "p", "node": node}})
    await socket.receive()
    return socket


@pytest_asyncio.fixture(loop_scope="session")
async def burst_port() -> AsyncIterator[int]:
    """Start a server that sends everything at the same time, and return its port."""
    application = web.Application()
    application.router.add_get("/burst", _burst)
    application.router.add_get("/count", _count)
    async with serve_all(application) as url:
        yield int(url.rpartition(":")[2])


# Resolves once a socket has got the text that is the last of what it gets.
LAST = """(socket, text) => new Promise((resolve) => {
  socket.addEventListener("message", ({ data }) => { if (typeof data === "string" && data.includes(text)) resolve(); });
})"""
HEAR_BURST = """
from app.browser.socket import BrowserConnection
module = await sockets._load()
made = js.eval("(Blob = class extends Blob { static made = 0; constructor(...all) { super(...all); Blob.made++; } })")
channel = module.Channel.new(f"ws://127.0.0.1:{port}/burst")
arrived = js.eval(last)(channel.socket, "end")
assert await channel.opened(10000) == ""
await arrived
connection, frames, batches = BrowserConnection(channel, None), [], 0
while "end" not in frames:
    frames += await connection.receive()
    batches += 1
texts = [frame for frame in frames if isinstance(frame, str)]
binary = [frame for frame in frames if isinstance(frame, BinaryFrame)]
pictures = []
assert made.made == 0, "a browser registers each Blob with its main process"
for frame in binary:
    kind = frame.head[3]
    offset = 8 + int.from_bytes(frame.head[4:8], "big") if kind == 4 else 8
    image = frame.image(offset).body
    whole = await image.read()
    inside = js_blob(image, "image/jpeg")
    assert inside.type == "image/jpeg" and inside.size == image.size == len(whole)
    pictures.append([kind, len(frame.head), whole[:12].decode()])
assert made.made == len(pictures)
js.eval("Blob = Object.getPrototypeOf(Blob)")
await connection.close()
return [batches, texts == [str(n) for n in range(200)] + ["end"], pictures]
"""


async def test_burst_arrives_in_one_batch_with_the_latest_previews(python: Page, burst_port: int) -> None:
    """Texts stay complete and in order; of the previews only the latest is kept."""
    batches, in_order, pictures = await run(python, HEAR_BURST, port=burst_port, last=LAST)  # type: ignore[misc]
    assert in_order
    assert batches < 20
    newest = {(kind, text) for kind, _, text in pictures}
    assert {(4, "picture 199"), (1, "old 199"), (4, "x" * 12)} <= newest
    assert len([kind for kind, _, _ in pictures if kind == 3]) == 2
    assert len(pictures) <= 2 * batches + 3
    assert all(head <= 8192 for _, head, _ in pictures)


HEAR_COUNT = """
from app.browser.socket import BrowserConnection
module = await sockets._load()
channel = module.Channel.new(f"ws://127.0.0.1:{port}/count")
arrived = js.eval(last)(channel.socket, '"executed", "data": {"prompt_id": "p", "node": "2"')
assert await channel.opened(10000) == ""
await arrived
connection, events = BrowserConnection(channel, None), []
while sum(item["type"] == "executed" for item in events) < 3:
    events += map(json.loads, await connection.receive())
await connection.close()
steps = [[item["data"]["node"], item["data"]["value"]] for item in events if item["type"] == "progress"]
states = [list(item["data"]["nodes"]) for item in events if item["type"] == "progress_state"]
return [steps, states[-1], [item["data"]["node"] for item in events if item["type"] == "executed"], events[-1]["type"]]
"""


async def test_unread_progress_is_reduced_to_the_latest(python: Page, burst_port: int) -> None:
    """A node that counts twice is reported once, with its first end. Other messages stay complete and in order."""
    steps, states, executed, last = await run(python, HEAR_COUNT, port=burst_port, last=LAST)  # type: ignore[misc]
    assert [step for step in steps if step[1] == 20] == [["1", 20], ["1", 20], ["2", 20]]
    assert len(steps) < 30, "sixty were sent"
    assert (states, executed, last) == (["2"], ["1", "1", "2"], "executed")


async def test_fleet_and_its_changes_arrive_over_a_websocket(browser: Browser) -> None:
    with start_demo() as a, start_demo() as b, start_gateway_to(a=a, b=b) as it:
        page = await (await browser.new_context()).new_page()
        await load_python(page, it.url)
        begin = """
from app.browser.clock import BrowserRandom
from app.browser.fleet import GatewayFleet
js.globalThis.fleet = fleet = GatewayFleet(http, sockets, BrowserRandom())
first = await fleet.first()
return [[server.server_id, server.base.partition("@")[0], server.is_demo] for server in first.servers]
"""
        assert await run(page, begin) == [["a", "/servers/a", True], ["b", "/servers/b", True]]
        b.kill()
        changed = """
fleet = js.globalThis.fleet
while True:
    state = await fleet.changes()
    if state.get("b").health.value not in ("well", "unknown"):
        return [state.get("a").health.value, state.get("b").server_id]
"""
        assert await asyncio.wait_for(run(page, changed), 60) == ["well", "b"]
        await page.context.close()


async def test_fleet_arrives_without_a_websocket(browser: Browser) -> None:
    with start_demo() as a, start_gateway_to(a=a) as it:
        context = await browser.new_context()
        await context.add_init_script("window.WebSocket = class { constructor() { throw new DOMException('no'); } };")
        page = await context.new_page()
        await load_python(page, it.url)
        body = """
from app.browser.clock import BrowserRandom
from app.browser.fleet import GatewayFleet
fleet = GatewayFleet(http, sockets, BrowserRandom())
await fleet.first()
js.started()
while True:
    state = await fleet.changes()
    if state.get("a").health.value not in ("well", "unknown"):
        return state.get("a").health.value
"""
        started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        await page.expose_function("started", lambda: started.set_result(None))
        running = asyncio.ensure_future(run(page, body))
        await started
        a.kill()
        assert await asyncio.wait_for(running, 60) in ("down", "timeout", "refuses")
        await context.close()
