"""Requests that ComfyUI must not see, over a real socket: refused with a cause, and unseen by the server."""

from __future__ import annotations

import pytest

from tests.integration.attacks import JSON, PROMPT, UPGRADE, GuardedServer, get, post, write

ATTACKS: dict[str, tuple[str, bytes]] = {
    # Targets
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
    "a Python module of the gateway": ("not-listed", get("/gateway/http/guard.py")),
    # Methods and headers
    "a preflight": (
        "bad-method",
        write("OPTIONS", "/servers/a/prompt", {"Origin": "ORIGIN", "Access-Control-Request-Method": "POST"}),
    ),
    "a foreign preflight": ("bad-origin", write("OPTIONS", "/servers/a/prompt", {"Origin": "http://evil.example"})),
    "a server-wide OPTIONS": ("not-listed", write("OPTIONS", "*")),
    "a DELETE": ("bad-method", write("DELETE", "/servers/a/history")),
    "a PUT": ("bad-method", write("PUT", "/servers/a/upload/image")),
    "a TRACE": ("bad-method", write("TRACE", "/servers/a/queue")),
    "a HEAD": ("bad-method", write("HEAD", "/servers/a/queue")),
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
    # Bodies
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
async def test_attack_is_refused_before_the_server(guarded: GuardedServer, cause: str, attack: bytes) -> None:
    await guarded.assert_refused(cause, attack)


async def test_refused_body_is_not_read_as_the_next_request(guarded: GuardedServer) -> None:
    inner = write("POST", "/servers/a/prompt", JSON, PROMPT, host="inner")
    outer = write("POST", "/servers/a/prompt", {"Content-Type": "text/plain"}, inner.decode())
    assert (await guarded.send(outer))[0] == 415
    assert guarded.upstream.seen == []


async def test_bytes_after_a_refused_upgrade_are_guarded_too(guarded: GuardedServer) -> None:
    upgrade = write("GET", "/servers/a/queue", UPGRADE | {"Origin": "ORIGIN"})
    behind = write("POST", "/servers/a/prompt", JSON, PROMPT, host="evil.example")
    assert (await guarded.send(upgrade + behind))[0] == 400
    assert guarded.upstream.seen == []
