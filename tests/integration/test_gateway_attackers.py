"""Attacks by other sites and clients over a real socket: refused with a cause, and unseen by the server."""

from __future__ import annotations

import pytest

from tests.integration.attacks import JSON, PROMPT, UPGRADE, GuardedServer, get, post, write

ATTACKS: dict[str, tuple[str, bytes]] = {
    # Host: DNS rebinding
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
    # Origin
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
    "a socket to a server that is not in the fleet": (
        "unknown-server",
        write("GET", "/servers/b/ws?clientId=x", UPGRADE | {"Origin": "ORIGIN"}),
    ),
    "a socket to a route that has none": (
        "not-listed",
        write("GET", "/servers/a/logs/ws?clientId=x", UPGRADE | {"Origin": "ORIGIN"}),
    ),
    "a posted socket": ("bad-method", write("POST", "/servers/a/ws?clientId=x", UPGRADE | {"Origin": "ORIGIN"})),
}


@pytest.mark.parametrize(("cause", "attack"), ATTACKS.values(), ids=ATTACKS.keys())
async def test_attack_is_refused_before_the_server(guarded: GuardedServer, cause: str, attack: bytes) -> None:
    await guarded.assert_refused(cause, attack)
