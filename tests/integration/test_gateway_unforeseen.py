"""Unexpected errors in the gateway's background loops are logged, and the loops continue."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import gateway.fleet.prober
import gateway.fleet.watch
import gateway.people.login
from gateway.fleet.discovery.search import Search
from gateway.fleet.file import read_fleet
from gateway.http.servers import ServerId
from gateway.people.accounts import Account, read_accounts, write_accounts
from gateway.people.keys import load_keys
from gateway.people.login_settings import LoginSettings
from tests.integration.pods import open_cluster, servers_of
from tests.kit.gateways import open_fleet, open_gateway, serve, table, until
from tests.kit.studio import write_users
from wire.health import Health

A = ServerId("a")


@dataclasses.dataclass
class Once:
    """A function that fails the first time."""

    real: Callable[..., Any]
    times: int = 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.times += 1
        if self.times == 1:
            raise LookupError("nobody foresaw this")
        return self.real(*args, **kwargs)


def is_logged(caplog: pytest.LogCaptureFixture) -> bool:
    """Return whether the error was logged with its traceback."""
    return any(record.exc_info and record.exc_info[0] is LookupError for record in caplog.records)


async def test_prober_continues_after_an_unexpected_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    probe = Once(gateway.fleet.prober.probe_closely)
    monkeypatch.setattr(gateway.fleet.prober, "probe_closely", probe)
    async with serve() as upstream, open_gateway({"a": upstream.url}, probe_down=0.05) as running:
        await until(lambda: running.gateway.state.condition(A).health is Health.WELL)
    assert probe.times > 1 and is_logged(caplog)


async def test_fleet_file_watch_continues_after_an_unexpected_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    path = tmp_path / "fleet.toml"
    async with serve() as upstream:
        path.write_text(table("a", upstream.url))
        async with open_fleet(read_fleet(path), fleet_file=0.05, fleet_settles=0.01) as running:
            monkeypatch.setattr(gateway.fleet.watch, "read_fleet", Once(read_fleet))
            path.write_text(table("b", upstream.url))
            await until(lambda: list(running.gateway.state.servers) == ["b"])
    assert is_logged(caplog)


async def test_users_file_watch_continues_after_an_unexpected_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    users = tmp_path / "users.toml"
    write_users(users)
    logins = LoginSettings(load_keys(tmp_path / "mooring.key"), users)
    async with serve() as upstream, open_gateway({"a": upstream.url}, logins=logins) as running:
        monkeypatch.setattr(gateway.people.login, "POLL_SECONDS", 0.05)
        monkeypatch.setattr(gateway.people.login, "read_accounts", Once(read_accounts))
        known = read_accounts(users)
        write_accounts(users, known.put(Account("dora")))
        access = running.gateway._access
        assert access is not None
        await until(lambda: "dora" in {user.name for user in access.login.users()})
    assert is_logged(caplog)


async def test_search_continues_after_an_unexpected_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path, browser: aiohttp.ClientSession
) -> None:
    probe = Once(Search.search_once)
    monkeypatch.setattr(Search, "search_once", lambda search: probe(search))  # noqa: PLW0108 - a function is bound to its search
    async with open_cluster(tmp_path) as cluster:
        await cluster.start("127.0.0.2")
        cluster.name("127.0.0.2")
        async with cluster.gateway() as running:
            await until(lambda: servers_of(browser, running))
    assert is_logged(caplog)
