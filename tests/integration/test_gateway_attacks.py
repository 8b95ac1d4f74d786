"""Each refusal of the guard, attacked over a real socket: it is refused, it says so, and no server sees it."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from tests.integration.rig import Running, Upstream, head_of, open_gateway, serve, speak

PROMPT = json.dumps({"prompt": {"1": {}}, "client_id": "w", "prompt_id": str(uuid.uuid4())})
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
JSON = {"Content-Type": "application/json"}


@dataclass
class Place:
    """A gateway with one server behind it."""

    gateway: Running
    upstream: Upstream

    async def send(self, request: bytes) -> tuple[int, dict[str, str]]:
        """Speak to the gateway; `HOST` and `ORIGIN` in the request become its own."""
        origin = self.gateway.url.encode()
        request = request.replace(b"HOST", origin.removeprefix(b"http://")).replace(b"ORIGIN", origin)
        reply = await speak(self.gateway.port, request)
        return head_of(reply) if reply else (0, {})


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    async with serve() as upstream, open_gateway({"a": upstream.url}) as gateway:
        await gateway.first_look()
        yield Place(gateway, upstream)


def write(
    method: str, target: str, headers: dict[str, str] | None = None, body: str = "", host: str | None = "HOST"
) -> bytes:
    """A request as bytes; `host=None` leaves the header out."""
    lines = [f"{method} {target} HTTP/1.1"]
    if host is not None:
        lines.append(f"Host: {host}")
    lines.append("Accept: */*")
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body:
        lines.append(f"Content-Length: {len(body.encode())}")
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def get(target: str, **headers: str) -> bytes:
    return write("GET", target, {name.replace("_", "-"): value for name, value in headers.items()})


def post(target: str, body: str, **headers: str) -> bytes:
    return write("POST", target, JSON | {name.replace("_", "-"): value for name, value in headers.items()}, body)


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
async def test_what_is_ours_passes(place: Place, request_: bytes) -> None:
    status, headers = await place.send(request_)
    assert status == 200
    assert "x-mooring-gateway" not in headers
    assert len(place.upstream.seen) == 1


ATTACKS: dict[str, tuple[str, bytes]] = {
    # Who is asked: DNS rebinding
    "a foreign host": ("bad-host", write("GET", "/servers/a/queue", host="evil.example")),
    "a foreign host with our port": ("bad-host", write("GET", "/", host="evil.example:8200")),
    "a rebound page agrees with itself": (
        "bad-host",
        write("POST", "/servers/a/prompt", JSON | {"Origin": "http://evil.example"}, PROMPT, host="evil.example"),
    ),
    "a foreign host on a socket": (
        "bad-host",
        write("GET", "/servers/a/ws?clientId=x", UPGRADE | {"Origin": "http://evil.example"}, host="evil.example"),
    ),
    "a foreign host on the fleet's socket": (
        "bad-host",
        write("GET", "/fleet/ws", UPGRADE | {"Origin": "http://evil.example"}, host="evil.example"),
    ),
    "the host without its port": ("bad-host", write("GET", "/fleet", host="127.0.0.1")),
    "the host with another port": ("bad-host", write("GET", "/fleet", host="127.0.0.1:8188")),
    "the host with a trailing dot": ("bad-host", write("GET", "/fleet", host="127.0.0.1.:8200")),
    "the host written as a number": ("bad-host", write("GET", "/fleet", host="2130706433:8200")),
    "the host behind a login": ("bad-host", write("GET", "/fleet", host="HOST@evil.example")),
    "localhost for data": ("bad-host", write("GET", "/fleet", host="localhost:PORT")),
    "localhost for a submit": ("bad-host", write("POST", "/servers/a/prompt", JSON, PROMPT, host="localhost:PORT")),
    "no host": ("bad-request", write("GET", "/fleet", host=None)),
    "an empty host": ("bad-host", write("GET", "/fleet", host="")),
    "two hosts": ("bad-request", write("GET", "/fleet", {"Host": "evil.example"})),
    # Who asks
    "a foreign origin": ("bad-origin", get("/servers/a/queue", Origin="http://evil.example")),
    "a foreign origin submits": ("bad-origin", post("/servers/a/prompt", PROMPT, Origin="http://evil.example")),
    "a sandboxed page": ("bad-origin", get("/servers/a/queue", Origin="null")),
    "a sandboxed page submits": ("bad-origin", post("/servers/a/prompt", PROMPT, Origin="null")),
    "the server's own page": ("bad-origin", post("/servers/a/prompt", PROMPT, Origin="http://127.0.0.1:8188")),
    "our origin by another name": ("bad-origin", post("/servers/a/prompt", PROMPT, Origin="http://localhost:PORT")),
    "our origin with another scheme": ("bad-origin", get("/fleet", Origin="https://HOST")),
    "our origin and more": ("bad-origin", get("/fleet", Origin="ORIGIN.evil.example")),
    "two origins": (
        "bad-request",
        get("/fleet", Origin="ORIGIN").replace(b"\r\n\r\n", b"\r\nOrigin: http://evil.example\r\n\r\n"),
    ),
    "another site's page": ("cross-site", get("/servers/a/view?filename=x", Sec_Fetch_Site="cross-site")),
    "another port's page": ("cross-site", get("/servers/a/view?filename=x", Sec_Fetch_Site="same-site")),
    "another site's image of our page": ("cross-site", get("/", Sec_Fetch_Site="cross-site", Sec_Fetch_Dest="image")),
    "another site's frame of our page": (
        "cross-site",
        get("/", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate", Sec_Fetch_Dest="iframe"),
    ),
    "another site's link to a picture": (
        "cross-site",
        get(
            "/servers/a/view?filename=x",
            Sec_Fetch_Site="cross-site",
            Sec_Fetch_Mode="navigate",
            Sec_Fetch_Dest="document",
        ),
    ),
    "another site's script of ours": ("cross-site", get("/app/main.py", Sec_Fetch_Site="cross-site")),
    "another site's submit without an origin": (
        "cross-site",
        post("/servers/a/prompt", PROMPT, Sec_Fetch_Site="cross-site"),
    ),
    # Sockets
    "a socket without an origin": ("bad-origin", write("GET", "/servers/a/ws?clientId=x", UPGRADE)),
    "a foreign socket": (
        "bad-origin",
        write("GET", "/servers/a/ws?clientId=x", UPGRADE | {"Origin": "http://evil.example"}),
    ),
    "a sandboxed socket": ("bad-origin", write("GET", "/servers/a/ws?clientId=x", UPGRADE | {"Origin": "null"})),
    "a foreign socket to the fleet": (
        "bad-origin",
        write("GET", "/fleet/ws", UPGRADE | {"Origin": "http://evil.example"}),
    ),
    "a socket without a client_id": ("bad-request", write("GET", "/servers/a/ws", UPGRADE | {"Origin": "ORIGIN"})),
    "a socket with an empty client_id": (
        "bad-request",
        write("GET", "/servers/a/ws?clientId=", UPGRADE | {"Origin": "ORIGIN"}),
    ),
    "a socket with two client_ids": (
        "bad-request",
        write("GET", "/servers/a/ws?clientId=x&clientId=y", UPGRADE | {"Origin": "ORIGIN"}),
    ),
    "a socket with a huge client_id": (
        "bad-request",
        write("GET", "/servers/a/ws?clientId=" + "x" * 300, UPGRADE | {"Origin": "ORIGIN"}),
    ),
    "a socket path without an upgrade": ("bad-request", get("/servers/a/ws?clientId=x", Origin="ORIGIN")),
    "an upgrade where none is expected": (
        "bad-request",
        write("GET", "/servers/a/queue", UPGRADE | {"Origin": "ORIGIN"}),
    ),
    "an upgrade to another protocol": (
        "bad-request",
        write(
            "GET",
            "/servers/a/queue",
            {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAAQAAP__"},
        ),
    ),
    "an upgraded submit": (
        "bad-request",
        write("POST", "/servers/a/prompt", JSON | {"Connection": "Upgrade", "Upgrade": "websocket"}, PROMPT),
    ),
    "a socket of another version": (
        "bad-request",
        write("GET", "/servers/a/ws?clientId=x", UPGRADE | {"Origin": "ORIGIN", "Sec-WebSocket-Version": "7"}),
    ),
    "a socket with a short key": (
        "bad-request",
        write("GET", "/servers/a/ws?clientId=x", UPGRADE | {"Origin": "ORIGIN", "Sec-WebSocket-Key": "eA=="}),
    ),
    "a socket path upgraded to another protocol": (
        "bad-request",
        write("GET", "/servers/a/ws?clientId=x", UPGRADE | {"Origin": "ORIGIN", "Upgrade": "h2c"}),
    ),
    "a socket without its connection header": (
        "bad-request",
        write("GET", "/servers/a/ws?clientId=x", UPGRADE | {"Origin": "ORIGIN", "Connection": "keep-alive"}),
    ),
    "a posted socket": ("bad-method", write("POST", "/servers/a/ws?clientId=x", UPGRADE | {"Origin": "ORIGIN"})),
    # Where to
    "a route that is not listed": ("not-listed", get("/servers/a/settings")),
    "freeing memory": ("not-listed", post("/servers/a/free", "{}")),
    "the demo's faults": ("not-listed", post("/servers/a/demo/faults", "{}")),
    "the demo's faults, doubled": ("not-listed", post("/servers/a/api/demo/faults", "{}")),
    "a doubled route": ("not-listed", post("/servers/a/api/prompt", PROMPT)),
    "the server's own page through us": ("not-listed", get("/servers/a/")),
    "logs": ("not-listed", get("/servers/a/internal/logs")),
    "dots": ("not-listed", get("/servers/a/view/../internal/logs")),
    "encoded dots": ("not-listed", get("/servers/a/history/%2e%2e")),
    "twice encoded dots": ("not-listed", get("/servers/a/history/%252e%252e")),
    "an encoded slash": ("not-listed", get("/servers/a/history/..%2finternal%2flogs")),
    "a backslash": ("not-listed", get("/servers/a/history/..\\internal")),
    "a doubled slash": ("not-listed", get("/servers/a//queue")),
    "an encoded letter": ("not-listed", get("/servers/a/%71ueue")),
    "an encoded NUL": ("not-listed", get("/servers/a/history/x%00")),
    "an encoded line end": ("not-listed", get("/servers/a/history/x%0d%0aX-Y:%20z")),
    "a fragment": ("not-listed", get("/servers/a/queue#x")),
    "another host's path": ("not-listed", get("//evil.example/queue")),
    "another host as a server": ("not-listed", get("/servers/http://evil.example/queue")),
    "another host behind an at sign": ("not-listed", get("/servers/a@evil.example/queue")),
    "another host's target": ("not-listed", get("http://evil.example/queue")),
    "our own target in full": ("not-listed", get("ORIGIN/servers/a/queue")),
    "a server that is not in the fleet": ("unknown-server", get("/servers/b/queue")),
    "an address as a server": ("unknown-server", get("/servers/127.0.0.1/queue")),
    "a file outside the site": ("not-listed", get("/serve.py")),
    "a file behind dots": ("not-listed", get("/static/../serve.py")),
    "a file behind encoded dots": ("not-listed", get("/static/%2e%2e/serve.py")),
    "a hidden file": ("not-listed", get("/static/.git/config")),
    "a folder": ("not-listed", get("/static/vendor")),
    "a Python module of the gateway": ("not-listed", get("/gateway/guard.py")),
    # How
    "a preflight": (
        "bad-method",
        write("OPTIONS", "/servers/a/prompt", {"Origin": "ORIGIN", "Access-Control-Request-Method": "POST"}),
    ),
    "a foreign preflight": ("bad-origin", write("OPTIONS", "/servers/a/prompt", {"Origin": "http://evil.example"})),
    "a server-wide OPTIONS": ("not-listed", write("OPTIONS", "*")),
    "a DELETE": ("bad-method", write("DELETE", "/servers/a/history")),
    "a PUT": ("bad-method", write("PUT", "/servers/a/upload/image")),
    "a TRACE": ("bad-method", write("TRACE", "/servers/a/queue")),
    "a HEAD": ("bad-method", write("HEAD", "/servers/a/view?filename=x")),
    "a CONNECT": ("", write("CONNECT", "evil.example:443")),
    "a submit by GET of a POST route": ("bad-method", get("/servers/a/interrupt")),
    "a POST to a GET route": ("bad-method", post("/servers/a/system_stats", "{}")),
    "a POST to the fleet": ("bad-method", post("/fleet", "{}")),
    "a form's submit": ("bad-type", write("POST", "/servers/a/prompt", {"Content-Type": "text/plain"}, PROMPT)),
    "a form's submit by our page": (
        "bad-type",
        write("POST", "/servers/a/prompt", {"Content-Type": "text/plain", "Origin": "ORIGIN"}, PROMPT),
    ),
    "an urlencoded submit": (
        "bad-type",
        write("POST", "/servers/a/prompt", {"Content-Type": "application/x-www-form-urlencoded"}, PROMPT),
    ),
    "a submit without a type": ("bad-type", write("POST", "/servers/a/prompt", {}, PROMPT)),
    "a type that begins right": (
        "bad-type",
        write("POST", "/servers/a/prompt", {"Content-Type": "application/jsonx"}, PROMPT),
    ),
    "json in another charset": (
        "bad-type",
        write("POST", "/servers/a/prompt", {"Content-Type": "application/json; charset=utf-7"}, PROMPT),
    ),
    "a compressed submit": ("bad-type", post("/servers/a/prompt", PROMPT, Content_Encoding="gzip")),
    "two types": (
        "bad-request",
        write("POST", "/servers/a/prompt", JSON, PROMPT).replace(
            b"\r\n\r\n", b"\r\nContent-Type: text/plain\r\n\r\n", 1
        ),
    ),
    "an upload as json": ("bad-type", post("/servers/a/upload/image", "{}")),
    "an upload without a boundary": (
        "bad-type",
        write("POST", "/servers/a/upload/image", {"Content-Type": "multipart/form-data"}, "x"),
    ),
    # What
    "a bare interrupt": ("refused-body", post("/servers/a/interrupt", "{}")),
    "an interrupt without a body": (
        "refused-body",
        write("POST", "/servers/a/interrupt", JSON | {"Content-Length": "0"}),
    ),
    "an interrupt of nothing": ("refused-body", post("/servers/a/interrupt", '{"prompt_id": ""}')),
    "clearing the queue": ("refused-body", post("/servers/a/queue", '{"clear": true}')),
    "clearing the queue beside a delete": (
        "refused-body",
        post("/servers/a/queue", '{"delete": ["x"], "clear": true}'),
    ),
    "clearing the history": ("refused-body", post("/servers/a/history", '{"clear": true}')),
    "a prompt that ends the server": ("refused-body", post("/servers/a/prompt", PROMPT.replace('"w"', '["w"]'))),
    "a prompt for everybody": ("refused-body", post("/servers/a/prompt", PROMPT.replace('"client_id"', '"x"'))),
    "a prompt that cannot be looked up": (
        "refused-body",
        post("/servers/a/prompt", PROMPT.replace('"prompt_id"', '"x"')),
    ),
    "a prompt that is no JSON": ("refused-body", post("/servers/a/prompt", "{")),
    # Framing
    "a length and chunks": (
        "bad-request",
        write("POST", "/servers/a/prompt", JSON | {"Transfer-Encoding": "chunked", "Content-Length": "4"})
        + b"0\r\n\r\n",
    ),
    "two lengths": ("bad-request", write("POST", "/servers/a/prompt", JSON | {"Content-Length": "1"}, PROMPT)),
    "a negative length": ("bad-request", write("POST", "/servers/a/prompt", JSON | {"Content-Length": "-1"})),
    "a length that is no number": ("bad-request", write("POST", "/servers/a/prompt", JSON | {"Content-Length": "0x4"})),
    "chunks by another name": (
        "bad-request",
        write("POST", "/servers/a/prompt", JSON | {"Transfer-Encoding": "xchunked"}),
    ),
    "chunks within gzip": (
        "bad-request",
        write("POST", "/servers/a/prompt", JSON | {"Transfer-Encoding": "gzip, chunked"}) + b"0\r\n\r\n",
    ),
    "a chunk length that is none": (
        "bad-request",
        write("POST", "/servers/a/prompt", JSON | {"Transfer-Encoding": "chunked"}) + b"zz\r\n{}\r\n0\r\n\r\n",
    ),
    "a read with a body": ("bad-request", write("GET", "/servers/a/queue", {}, "smuggled")),
    "a read with chunks": (
        "bad-request",
        write("GET", "/servers/a/queue", {"Transfer-Encoding": "chunked"}) + b"0\r\n\r\n",
    ),
    "a folded header": ("bad-request", b"GET /fleet HTTP/1.1\r\nHost: HOST\r\nX-A: b\r\n c\r\n\r\n"),
    "a space before the colon": ("bad-request", b"GET /fleet HTTP/1.1\r\nHost : HOST\r\n\r\n"),
    "a header without a colon": ("bad-request", b"GET /fleet HTTP/1.1\r\nHost: HOST\r\nX\r\n\r\n"),
    "a bare line feed in a header": ("bad-request", b"GET /fleet HTTP/1.1\r\nHost: HOST\r\nX: a\rb\r\n\r\n"),
    "a NUL in a header": ("bad-request", b"GET /fleet HTTP/1.1\r\nHost: HOST\r\nX: a\x00b\r\n\r\n"),
    "a huge header": ("bad-request", get("/fleet", X_Long="x" * 70_000)),
    "a huge target": ("bad-request", get("/servers/a/view?filename=" + "x" * 70_000)),
    "a thousand headers": ("bad-request", write("GET", "/fleet", {f"X-{number}": "x" for number in range(1_000)})),
    "another expectation": ("bad-request", post("/servers/a/prompt", PROMPT, Expect="200-ok")),
    "no HTTP": ("bad-request", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
    "an unknown method": ("bad-request", b"FROB /fleet HTTP/1.1\r\nHost: HOST\r\n\r\n"),
    "an old version": ("bad-host", b"GET /fleet HTTP/1.0\r\n\r\n"),
}


@pytest.mark.parametrize(("cause", "attack"), ATTACKS.values(), ids=ATTACKS.keys())
async def test_an_attack_is_refused_and_reaches_no_server(place: Place, cause: str, attack: bytes) -> None:
    attack = attack.replace(b"PORT", str(place.gateway.port).encode())
    status, headers = await place.send(attack)
    assert 400 <= status < 500
    if cause:
        assert headers["x-mooring-gateway"] == f"{cause}; sent=no"
    assert headers["x-content-type-options"] == "nosniff"
    assert place.upstream.seen == []
    assert (await place.send(GOOD["a read without an origin"]))[0] == 200, "the gateway is still well"


async def test_a_refused_body_is_not_read_as_the_next_request(place: Place) -> None:
    inner = write("POST", "/servers/a/prompt", JSON, PROMPT, host="inner")
    outer = write("POST", "/servers/a/prompt", {"Content-Type": "text/plain"}, inner.decode())
    assert (await place.send(outer))[0] == 415
    assert place.upstream.seen == []


async def test_bytes_behind_a_refused_upgrade_are_a_request_of_their_own_and_guarded(place: Place) -> None:
    upgrade = write("GET", "/servers/a/queue", UPGRADE | {"Origin": "ORIGIN"})
    behind = write("POST", "/servers/a/prompt", JSON, PROMPT, host="evil.example")
    assert (await place.send(upgrade + behind))[0] == 400
    assert place.upstream.seen == []


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_localhost_moves_the_page_to_the_canonical_origin(place: Place, method: str) -> None:
    request = write(method, "/?lang=zh", host=f"LocalHost:{place.gateway.port}")
    status, headers = await place.send(request)
    assert (status, headers["location"]) == (308, f"{place.gateway.url}/?lang=zh")


async def test_a_link_from_another_site_leads_to_the_page(place: Place) -> None:
    link = get("/", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate", Sec_Fetch_Dest="document")
    _, headers = await place.send(link)
    assert "cross-site" not in headers.get("x-mooring-gateway", "")


async def test_what_passes_is_rewritten_for_the_server(place: Place) -> None:
    secrets = {
        "Cookie": "a=b",
        "Authorization": "Bearer x",
        "X-Forwarded-For": "1.2.3.4",
        "Connection": "X-Odd",
        "X-Odd": "1",
    }
    await place.send(
        post(
            "/servers/a/prompt?x=%2f&mooring=1",
            PROMPT,
            Origin="ORIGIN",
            **{k.replace("-", "_"): v for k, v in secrets.items()},
        )
    )
    [seen] = place.upstream.seen
    assert seen.raw_path == "/prompt?x=%2f"
    assert seen.headers["Host"] == place.upstream.url.removeprefix("http://")
    assert seen.headers["Origin"] == place.upstream.url
    assert set(secrets) & set(seen.headers) == {"Connection"}
    assert seen.headers["Connection"] == "close", "the gateway's own"
    assert place.upstream.bodies == [PROMPT.encode()]
