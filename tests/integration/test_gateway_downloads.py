"""Downloads of models: only an administrator may start one, and only from a listed host."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import aiohttp
import pytest
from yarl import URL

from gateway.fleet.rules import Rules
from tests.kit.gateways import PATIENCE, Running, Upstream, open_gateway, until
from tests.kit.services import start_demo
from tests.kit.studio import Client, SharedDemo, Studio, open_listener, open_studio

RULES = Rules(model_hosts=("huggingface.co",))
SOURCE = "https://huggingface.co/org/repo/resolve/main/new.safetensors"
START = "/servers/a/api/assets/download"
TASK = "/servers/a/api/tasks/0f0e0d0c-0000-4000-8000-000000000001"
DONE = ("completed", "failed")


def asked(source: object = SOURCE, folder: object = "checkpoints", **more: object) -> dict[str, Any]:
    return {"source_url": source, "tags": ["models", folder], **more}


@pytest.fixture
async def download_gateway(server: Upstream) -> AsyncIterator[Running]:
    async with open_gateway({"a": server.url}, rules=RULES) as gateway:
        yield gateway


async def send(
    gateway: Running, method: str = "POST", path: str = START, data: object = None, **headers: str
) -> tuple[int, str]:
    """Send a request as the page does; return the status and the gateway's refusal."""
    text = data if isinstance(data, str | bytes) else json.dumps(asked() if data is None else data)
    known = {"Content-Type": "application/json", "Origin": gateway.url, **headers} if method == "POST" else headers
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE)) as http:
        url = f"{gateway.url}{path}"
        async with http.request(method, url, data=text if method == "POST" else None, headers=known) as reply:
            await reply.read()
            return reply.status, reply.headers.get("X-Mooring-Gateway", "").partition(";")[0]


def arrived(server: Upstream) -> list[tuple[str, str]]:
    return [(seen.method, seen.path_qs) for seen in server.seen if "/assets" in seen.path or "/tasks" in seen.path]


BODIES: dict[str, str | bytes | dict[str, Any] | list[Any]] = {
    "no address": {"tags": ["models", "checkpoints"]},
    "no tags": {"source_url": SOURCE},
    "an address that is no text": asked([SOURCE]),
    "a name of its own": asked(user_metadata={"filename": "../x.py"}),
    "a preview": asked(preview_id="1"),
    "another tag": {"source_url": SOURCE, "tags": ["input", "checkpoints"]},
    "a third tag": {"source_url": SOURCE, "tags": ["models", "checkpoints", "x"]},
    "no folder": {"source_url": SOURCE, "tags": ["models"]},
    "tags as a text": {"source_url": SOURCE, "tags": "models"},
    "a folder with a slash": asked(folder="checkpoints/x"),
    "a folder above": asked(folder=".."),
    "a folder of programs": asked(folder="custom_nodes"),
    "a folder that is a number": asked(folder=5),
    "a list": [asked()],
    "a text": json.dumps(json.dumps(asked())),
    "nothing": b"",
    "other encodings": json.dumps(asked()).encode("utf-16"),
    "the address twice": f'{{"source_url": "http://evil.example/x.safetensors", {json.dumps(asked())[1:]}',
    "the tags twice": f'{{"tags": ["models", "custom_nodes"], {json.dumps(asked())[1:]}',
    "an escaped second address": f'{{"source\\u005furl": "http://10.0.0.1/x.safetensors", {json.dumps(asked())[1:]}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
async def test_body_of_another_form_is_refused(download_gateway: Running, server: Upstream, body: object) -> None:
    assert await send(download_gateway, data=body) == (400, "refused-body")
    assert arrived(server) == []


@pytest.mark.parametrize(
    "source",
    [
        "http://huggingface.co/a.safetensors",
        "https://evil.example/a.safetensors",
        "https://huggingface.co.evil.example/a.safetensors",
        "https://huggingface.co@evil.example/a.safetensors",
        "https://huggingface.co:8443/a.safetensors",
        "https://HUGGINGFACE.CO/a.safetensors",
        "https://huggingface.co./a.safetensors",
        "https://huggingface.co\\@evil.example/a.safetensors",
        "https://huggingface.co/a.ckpt",
        "https://huggingface.co/a.ckpt?.safetensors",
        "https://huggingface.co/a.ckpt#.safetensors",
        "https://huggingface.co/../../a.safetensors",
        "https://huggingface.co/a%2f..%2fb.safetensors",
        "https://huggingface.co/a.safetensors?token=x",
        "https://huggingface.co/a.safetensors\r\nX-Injected: 1",
        "https://127.0.0.1/a.safetensors",
        "https://[::1]/a.safetensors",
        "file:///etc/passwd.safetensors",
        "javascript:alert(1)//.safetensors",
        "https://huggingface\N{IDEOGRAPHIC FULL STOP}co/a.safetensors",
        "",
    ],
)
async def test_address_that_is_not_allowed_is_refused(download_gateway: Running, server: Upstream, source: str) -> None:
    assert await send(download_gateway, data=asked(source)) == (403, "model-source")
    assert arrived(server) == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/servers/a/assets/download", 404),
        ("POST", "/servers/a/api/assets/download/", 404),
        ("POST", "/servers/a/api//assets/download", 404),
        ("POST", "/servers/a/api/assets/./download", 404),
        ("POST", "/servers/a/api/assets%2fdownload", 404),
        ("POST", "/servers/a/api/assets/%64ownload", 404),
        ("POST", "/servers/a/API/assets/download", 404),
        ("POST", "/servers/a/api/api/assets/download", 404),
        ("POST", f"{START}?source_url=https://evil.example/a.safetensors", 400),
        ("POST", "/servers/a/api/assets", 404),
        ("POST", "/servers/a/api/assets/import", 404),
        ("GET", START, 405),
        ("PUT", START, 405),
        ("GET", "/servers/a/api/tasks", 404),
        ("GET", "/servers/a/tasks/x", 404),
        ("GET", "/servers/a/api/tasks/x%2f..", 404),
        ("GET", "/servers/a/api/tasks/..", 404),
        ("POST", TASK, 405),
        ("GET", f"{TASK}/log", 404),
        ("DELETE", f"{TASK}?all=1", 400),
        ("POST", "/servers/b/api/assets/download", 404),
    ],
)
async def test_other_path_or_method_is_refused(
    download_gateway: Running, server: Upstream, method: str, path: str, status: int
) -> None:
    async with aiohttp.ClientSession() as http:
        url = URL(f"{download_gateway.url}{path}", encoded=True)
        body = {"json": asked(), "headers": {"Origin": download_gateway.url}} if method == "POST" else {}
        async with http.request(method, url, **body) as reply:
            assert reply.status == status
    assert arrived(server) == []


@pytest.mark.parametrize(
    ("headers", "refusal"),
    [
        ({"Content-Type": "text/plain"}, (415, "bad-type")),
        ({"Content-Type": "application/x-www-form-urlencoded"}, (415, "bad-type")),
        ({"Content-Type": "multipart/form-data; boundary=x"}, (415, "bad-type")),
        ({"Content-Type": "application/json; charset=utf-16"}, (415, "bad-type")),
        ({"Content-Encoding": "gzip"}, (415, "bad-type")),
        ({"Origin": "https://evil.example"}, (403, "bad-origin")),
        ({"Sec-Fetch-Site": "cross-site"}, (403, "cross-site")),
    ],
)
async def test_other_type_or_sender_is_refused(
    download_gateway: Running, server: Upstream, headers: dict[str, str], refusal: tuple[int, str]
) -> None:
    assert await send(download_gateway, **headers) == refusal
    assert arrived(server) == []


async def test_server_gets_exactly_what_was_checked(download_gateway: Running, server: Upstream) -> None:
    spaced = f'  {{"tags" : ["models","checkpoints"], "source\\u005furl" : "{SOURCE}?download=true"}}  '
    assert await send(download_gateway, data=spaced) == (200, "")
    assert arrived(server) == [("POST", "/api/assets/download")]
    assert server.bodies[-1] == json.dumps(asked(f"{SOURCE}?download=true")).encode()


async def test_nothing_passes_without_listed_hosts(server: Upstream) -> None:
    async with open_gateway({"a": server.url}) as gateway:
        assert await send(gateway) == (403, "model-source")
    assert arrived(server) == []


async def test_task_is_shown_and_cancelled(download_gateway: Running, server: Upstream) -> None:
    assert await send(download_gateway, "GET", TASK) == (200, "")
    assert await send(download_gateway, "DELETE", TASK) == (200, "")
    assert await send(download_gateway, "DELETE", TASK, Origin="https://evil.example") == (403, "bad-origin")
    assert await send(download_gateway, "DELETE", TASK, **{"Sec-Fetch-Site": "cross-site"}) == (403, "cross-site")
    path = TASK.removeprefix("/servers/a")
    assert arrived(server) == [("GET", path), ("DELETE", path)]


async def test_gateway_open_to_the_network_has_no_downloads(server: Upstream) -> None:
    """As with other administration: behind a proxy and without users, anyone who reaches it could start one."""
    rules = replace(RULES, proxies=(ip_network("127.0.0.1"),))
    async with open_gateway({"a": server.url}, rules=rules) as gateway:
        assert await send(gateway) == (404, "not-listed")
        assert await send(gateway, "GET", TASK) == (404, "not-listed")
        assert await send(gateway, "DELETE", TASK) == (404, "not-listed")
    assert arrived(server) == []


# With users


@pytest.fixture(scope="module")
def downloading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedDemo]:
    """A demo server that downloads models."""
    data = tmp_path_factory.mktemp("data")
    with start_demo("--downloads", "--step-seconds", "0.01", data=data) as service:
        yield SharedDemo(service, data)


@pytest.fixture
async def studio(downloading: SharedDemo) -> AsyncIterator[Studio]:
    async with open_studio(RULES, demo=downloading) as studio:
        yield studio


async def ended(client: Client, task_id: str) -> dict[str, Any]:
    async def task() -> dict[str, Any] | None:
        status, answer = await client.get(f"/servers/a/api/tasks/{task_id}")
        assert status == 200
        return answer if answer["status"] in DONE else None

    return dict(await until(task))


async def test_administrator_downloads_a_model(studio: Studio) -> None:
    carol = await studio.log_in("carol")
    status, task = await carol.post(START, asked())
    assert (status, task["status"]) == (202, "created")
    assert (await ended(carol, task["task_id"]))["status"] == "completed"
    assert (studio.data / "models/checkpoints/new.safetensors").stat().st_size == 2_000_000
    nodes = await studio.direct("GET", "/object_info/DemoModel")
    assert "new.safetensors" in nodes["DemoModel"]["input"]["required"]["ckpt_name"][0]
    assert (await carol.post(START, asked()))[0] == 201


async def test_failure_and_cancellation_are_reported(studio: Studio) -> None:
    carol = await studio.log_in("carol")
    _, task = await carol.post(START, asked(SOURCE.replace("new", "never")))
    assert "404" in (await ended(carol, task["task_id"]))["error_message"]
    _, task = await carol.post(START, asked())
    assert (await carol.ask("DELETE", f"/servers/a/api/tasks/{task['task_id']}"))[0] == 200
    assert (await ended(carol, task["task_id"]))["error_message"] == "Cancelled"


async def test_other_users_neither_start_nor_see_nor_cancel(studio: Studio) -> None:
    carol, bob, stranger = await studio.log_in("carol"), await studio.log_in("bob"), await studio.open_client()
    _, task = await carol.post(START, asked())
    path = f"/servers/a/api/tasks/{task['task_id']}"
    for client, status, cause in ((bob, 403, "not-allowed"), (stranger, 401, "not-logged-in")):
        for method, place in (("POST", START), ("GET", path), ("DELETE", path)):
            body = {"json": asked(), "headers": {"Origin": client.url}} if method == "POST" else {}
            found, answer = await client.ask(method, place, **body)
            assert (found, answer["error"]["cause"]) == (status, cause)
    assert (await ended(carol, task["task_id"]))["status"] == "completed"
    assert (await carol.get("/fleet"))[1]["modelHosts"] == ["huggingface.co"]
    assert (await bob.get("/fleet"))[1]["modelHosts"] == []


async def test_event_about_a_download_reaches_no_user(studio: Studio) -> None:
    """It goes to every socket and names no owner."""
    carol, bob = await studio.log_in("carol"), await studio.log_in("bob")
    async with open_listener(bob) as listener:
        _, task = await carol.post(START, asked())
        await ended(carol, task["task_id"])
        await bob.submit()
        await until(lambda: "execution_success" in listener.kinds())
        assert "asset_download" not in listener.kinds()
    _, metrics = await carol.get("/metrics")
    assert b'mooring_undeclared_events_total{event="asset_download",server="a"}' in metrics


async def test_rules_hold_for_administrators_too(studio: Studio) -> None:
    carol = await studio.log_in("carol")
    for body, cause in (
        (asked("http://huggingface.co/a.safetensors"), "model-source"),
        (asked("https://evil.example/a.safetensors"), "model-source"),
        (asked(folder="custom_nodes"), "refused-body"),
        (asked(user_metadata={}), "refused-body"),
    ):
        assert (await carol.post(START, body))[1]["error"]["cause"] == cause
    assert [path for path in (studio.data / "models").rglob("*") if path.is_file()] == []


async def test_feature_is_reported_with_the_fleet(studio: Studio) -> None:
    carol = await studio.log_in("carol")
    assert [server["downloads"] for server in (await carol.get("/fleet"))[1]["servers"]] == [True]
    with start_demo() as plain:
        async with open_gateway({"a": plain.url}) as gateway:
            await gateway.first_probe()
            async with aiohttp.request("GET", f"{gateway.url}/fleet") as reply:
                assert [server["downloads"] for server in (await reply.json())["servers"]] == [False]
