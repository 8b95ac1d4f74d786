"""Wrong passwords delay the attacker and never a browser in which the user has logged in; what is logged about them."""

from __future__ import annotations

import ipaddress
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from gateway.fleet.rules import Rules
from gateway.people import passwords
from gateway.people.accounts import read_accounts, write_accounts
from gateway.people.login_throttle import of_unknown_browser
from gateway.people.passwords import PasswordHash, _scrypt
from tests.kit.gateways import until
from tests.kit.studio import PASSWORD, Client, SharedDemo, Studio, open_studio

SALT = b"s" * 16


@pytest.fixture
async def studio(shared_demo: SharedDemo) -> AsyncIterator[Studio]:
    """Start a studio behind an nginx, which reports the address of each browser."""
    async with open_studio(Rules(proxies=(ipaddress.ip_network("127.0.0.1"),)), demo=shared_demo) as studio:
        yield studio


async def _try(client: Client, password: str, *, name: str = "alice", address: str = "10.0.0.7") -> int:
    headers = {"X-Forwarded-For": address}
    return (await client.post("/login", {"name": name, "password": password}, headers=headers))[0]


def _attack(studio: Studio) -> None:
    """Count wrong passwords for Alice from many addresses."""
    access = studio.gateway.gateway._access
    assert access is not None
    for number in range(500):
        keys = of_unknown_browser("alice", f"10.9.{number // 250}.{number % 250}")
        access.login._throttle.note_failure(keys, time.monotonic())


async def test_wrong_passwords_from_many_addresses_do_not_lock_known_browsers(studio: Studio) -> None:
    alice = await studio.log_in("alice")
    await alice.post("/logout", {})
    stranger = await studio.open_client()
    _attack(studio)
    assert await _try(stranger, PASSWORD) == 429
    assert await _try(alice, PASSWORD) == 200
    await alice.post("/logout", {})
    bob = await studio.log_in("bob")
    await bob.post("/logout", {})
    assert await _try(bob, PASSWORD) == 429, "a device cookie is for the user who logged in"


async def test_wrong_passwords_from_known_browser_slow_only_that_browser(studio: Studio) -> None:
    alice = await studio.log_in("alice")
    await alice.post("/logout", {})
    assert [await _try(alice, f"wrong one {number}") for number in range(6)] == [401] * 6
    assert await _try(alice, PASSWORD) == 200


async def test_device_cookie_is_sent_only_to_login(studio: Studio) -> None:
    client = await studio.open_client()
    body = {"name": "alice", "password": PASSWORD}
    async with client.http.post(f"{client.url}/login", json=body, headers={"Origin": client.url}) as reply:
        [cookie] = [one for one in reply.headers.getall("Set-Cookie") if one.startswith("mooring-device-")]
    assert "Path=/login" in cookie and "HttpOnly" in cookie and "alice" not in cookie


async def test_only_names_of_accounts_are_logged(studio: Studio, caplog: pytest.LogCaptureFixture) -> None:
    client = await studio.open_client()
    secret = "my password, typed too early"
    with caplog.at_level(logging.DEBUG):
        for name in (secret, "alice"):
            assert await _try(client, "wrong one here", name=name) == 401
        assert [await _try(client, "wrong one here", name=secret) for _ in range(6)][-1] == 429
    log = "\n".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    assert "password, typed" not in log and "log-in refused name='alice'" in log and "log-in held off" in log


async def _kept(studio: Studio) -> PasswordHash:
    kept = read_accounts(studio.users).by_name["alice"].password
    assert kept is not None
    return kept


async def _weaken(studio: Studio) -> None:
    """Hash Alice's password as an earlier version did."""
    accounts = read_accounts(studio.users)
    parameters = passwords.LOG_N, passwords.R, 1
    older = PasswordHash(*parameters, SALT, _scrypt(PASSWORD, *parameters, SALT))
    write_accounts(studio.users, accounts.put(replace(accounts.by_name["alice"], password=older)))
    access = studio.gateway.gateway._access
    assert access is not None
    await access.login._read(studio.users)


def _forbid_writing(studio: Studio) -> None:
    """Make writing fail as on a read-only file system, which root would not notice."""
    lock = studio.users.with_name(f".{studio.users.name}.lock")
    lock.unlink(missing_ok=True)
    lock.mkdir()


async def test_older_password_hash_is_replaced_at_login(studio: Studio) -> None:
    await _weaken(studio)
    alice = await studio.log_in("alice")

    async def is_strong() -> bool:
        return not (await _kept(studio)).is_weak

    await until(is_strong)
    assert (await _kept(studio)).fits(PASSWORD) and (await alice.get("/fleet"))[0] == 200
    await studio.log_in("alice")


async def test_log_in_works_with_read_only_users_file(studio: Studio, caplog: pytest.LogCaptureFixture) -> None:
    await _weaken(studio)
    _forbid_writing(studio)
    with caplog.at_level(logging.WARNING):
        alice = await studio.log_in("alice")

        async def is_logged() -> bool:
            return "keeps its older hash" in caplog.text

        await until(is_logged)
    assert (await _kept(studio)).is_weak and (await alice.get("/fleet"))[0] == 200
