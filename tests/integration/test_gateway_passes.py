"""What the guard lets pass, and how it reaches the server."""

from __future__ import annotations

import pytest
from aiohttp import web

from tests.integration.attacks import JSON, PROMPT, GuardedServer, get, post, write
from tests.kit.gateways import open_gateway, serve

GOOD = {
    "a read without an origin": get("/servers/a/queue"),
    "a read by our page": get("/servers/a/queue", Origin="ORIGIN", Sec_Fetch_Site="same-origin"),
    "a typed address": get("/servers/a/queue", Sec_Fetch_Site="none"),
    "a submit by our page": post("/servers/a/prompt", PROMPT, Origin="ORIGIN", Sec_Fetch_Site="same-origin"),
    "a submit by a tool": post("/servers/a/prompt", PROMPT),
    "json with its charset": write(
        "POST", "/servers/a/prompt", {"Content-Type": "application/json; charset=UTF-8"}, PROMPT
    ),
    "a chunked submit": write("POST", "/servers/a/prompt", JSON | {"Transfer-Encoding": "chunked"})
    + f"{len(PROMPT):x}\r\n{PROMPT}\r\n0\r\n\r\n".encode(),
    "an upload": write("POST", "/servers/a/upload/image", {"Content-Type": "multipart/form-data; boundary=x"}, "--x--"),
    "a named interrupt": post("/servers/a/interrupt", '{"prompt_id": "x"}'),
    "a job's end": write("POST", "/servers/a/api/jobs/x/cancel", {"Content-Length": "0"}),
}


@pytest.mark.parametrize("request_", GOOD.values(), ids=GOOD.keys())
async def test_requests_of_our_page_pass(guarded: GuardedServer, request_: bytes) -> None:
    status, headers = await guarded.send(request_)
    assert status == 200
    assert "x-mooring-gateway" not in headers
    assert len(guarded.upstream.seen) == 1


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_localhost_redirects_the_page_to_the_canonical_origin(guarded: GuardedServer, method: str) -> None:
    request = write(method, "/?lang=zh", host=f"LocalHost:{guarded.gateway.port}")
    status, headers = await guarded.send(request)
    assert (status, headers["location"]) == (308, f"{guarded.gateway.url}/?lang=zh")


async def test_link_from_another_site_opens_the_page(guarded: GuardedServer) -> None:
    link = get("/", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate", Sec_Fetch_Dest="document")
    _, headers = await guarded.send(link)
    assert "cross-site" not in headers.get("x-mooring-gateway", "")


async def test_passed_requests_are_rewritten_for_the_server(guarded: GuardedServer) -> None:
    secrets = {
        "Cookie": "a=b",
        "Authorization": "Bearer x",
        "X-Forwarded-For": "1.2.3.4",
        "Connection": "X-Odd",
        "X-Odd": "1",
    }
    await guarded.send(
        post(
            "/servers/a/prompt",
            PROMPT,
            Origin="ORIGIN",
            **{k.replace("-", "_"): v for k, v in secrets.items()},
        )
    )
    [seen] = guarded.upstream.seen
    assert seen.raw_path == "/prompt"
    assert seen.headers["Host"] == guarded.upstream.url.removeprefix("http://")
    assert seen.headers["Origin"] == guarded.upstream.url
    assert set(secrets) & set(seen.headers) == {"Connection"}
    assert seen.headers["Connection"] == "close", "the gateway's own"
    assert guarded.upstream.bodies == [PROMPT.encode()]


async def test_head_of_a_file_passes_without_a_body(guarded: GuardedServer) -> None:
    status, headers = await guarded.send(write("HEAD", "/servers/a/view?filename=x.png&type=input&mooring=1"))
    [seen] = guarded.upstream.seen
    assert (seen.method, seen.raw_path) == ("HEAD", "/view?filename=x.png&type=input")
    assert status == 200 and "x-mooring-gateway" not in headers


async def test_missing_file_is_answered_with_204() -> None:
    async def missing(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=404)

    async with serve(missing) as upstream, open_gateway({"a": upstream.url}) as gateway:
        await gateway.first_probe()
        guarded = GuardedServer(gateway, upstream)
        status, headers = await guarded.send(write("HEAD", "/servers/a/view?filename=x.png&type=input"))
        assert status == 204 and "x-mooring-gateway" not in headers
        assert (await guarded.send(get("/servers/a/view?filename=x.png&type=input")))[0] == 404


async def test_list_of_replaced_classes_passes(guarded: GuardedServer) -> None:
    await guarded.send(get("/servers/a/node_replacements"))
    assert [seen.path for seen in guarded.upstream.seen] == ["/node_replacements"]


MODEL_EXTRAS = [
    "/experiment/models/preview/loras/0/xl%2Fa.safetensors",
    "/view_metadata/loras?filename=xl%2Fa.safetensors",
]


@pytest.mark.parametrize("status_there", [404, 500])
@pytest.mark.parametrize("path", MODEL_EXTRAS)
async def test_missing_extra_of_a_model_is_answered_with_204(path: str, status_there: int) -> None:
    async def missing(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=status_there)

    async with serve(missing) as upstream, open_gateway({"a": upstream.url}) as gateway:
        await gateway.first_probe()
        status, headers = await GuardedServer(gateway, upstream).send(get(f"/servers/a{path}"))
        assert status == 204 and "x-mooring-gateway" not in headers


async def test_picture_of_a_model_may_be_kept_by_the_browser(guarded: GuardedServer) -> None:
    path, metadata = MODEL_EXTRAS
    assert (await guarded.send(get(f"/servers/a{path}")))[1]["cache-control"] == "private, max-age=600"
    assert (await guarded.send(get(f"/servers/a{metadata}")))[1]["cache-control"] == "no-store"
    assert [seen.raw_path for seen in guarded.upstream.seen] == [path, metadata]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?filename=",
        "?filename=../a",
        "?filename=%2Fetc%2Fa",
        "?filename=C:%5Ca",
        "?filename=a&filename=b",
        "?filename=a&x=1",
    ],
)
async def test_metadata_of_another_file_is_refused(guarded: GuardedServer, query: str) -> None:
    assert (await guarded.send(get(f"/servers/a/view_metadata/loras{query}")))[0] == 400
    assert guarded.upstream.seen == []
