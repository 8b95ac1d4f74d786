"""Headers of every answer: no versions, and Strict-Transport-Security only where it is configured and applies."""

from __future__ import annotations

import aiohttp
import pytest

from gateway.fleet.rules import Rules
from tests.kit.gateways import open_gateway, serve, speak

PATHS = ("/", "/fleet", "/static/css/base.css", "/app.zip", "/nothing", "/servers/a/queue", "/servers/a/nothing")


@pytest.mark.parametrize("path", PATHS)
async def test_no_answer_names_versions(path: str) -> None:
    async with serve() as upstream, open_gateway({"a": upstream.url}) as gateway, aiohttp.ClientSession() as http:
        async with http.get(f"{gateway.url}{path}") as reply:
            assert "Server" not in reply.headers, path
        async with http.ws_connect(f"{gateway.url}/fleet/ws", origin=gateway.url) as socket:
            assert "Server" not in socket._response.headers
        answer = await speak(gateway.port, b"GET\r\n\r\n")
        assert answer.startswith(b"HTTP/1.") and b"aiohttp" not in answer and b"Python" not in answer


@pytest.mark.parametrize(
    ("rules", "host", "answer"),
    [
        (Rules(), "studio.test", None),
        (Rules(hsts_days=365), "studio.test", "max-age=31536000"),
        (Rules(hsts_days=0), "studio.test", "max-age=0"),
        (Rules(hsts_days=365), "", None),
    ],
    ids=["not asked for", "asked for", "taken back", "over plain http"],
)
async def test_hsts_is_sent_only_where_configured(rules: Rules, host: str, answer: str | None) -> None:
    names = ("https://studio.test",)
    async with (
        serve() as upstream,
        open_gateway({"a": upstream.url}, names=names, rules=rules) as gateway,
        aiohttp.ClientSession(headers={"Host": host} if host else {}) as http,
    ):
        for path in PATHS:
            async with http.get(f"{gateway.url}{path}") as reply:
                known = reply.headers.get("Strict-Transport-Security")
                assert known == answer or (reply.status == 404 and known is None), path
