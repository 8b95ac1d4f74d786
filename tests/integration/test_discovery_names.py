"""DNS answers of a real name server on loopback, as they occur in practice."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator

import pytest

from gateway.fleet.discovery.endpoints import Answer, LookupFailed
from gateway.fleet.discovery.names import Names
from gateway.fleet.discovery.search import Search
from gateway.fleet.fleet import Discover
from gateway.http.deadlines import Deadlines
from tests.kit.name_server import Mood, NameServer, serve_names

GPU = Discover("dns://gpu.test:8188", "gpu.test", 8188, "gpu", is_minted=True)
SRV = Discover("srv://_gpu._tcp.test", "_gpu._tcp.test", None, "gpu")


@pytest.fixture
async def names() -> AsyncIterator[NameServer]:
    async with serve_names() as server:
        yield server


async def look_up(names: NameServer, discover: Discover = GPU) -> Answer:
    return await Names((("127.0.0.1", names.port),), 2.0).look_up(discover)


def places(answer: Answer) -> list[str]:
    return [end.place for end in answer.endpoints]


async def test_both_address_families_are_found_in_fixed_order(names: NameServer) -> None:
    names.zone["gpu.test."] = {"A": ["10.0.0.2", "10.0.0.1"], "AAAA": ["fd00::1"]}
    answer = await look_up(names)
    assert places(answer) == ["10.0.0.1:8188", "10.0.0.2:8188", "[fd00::1]:8188"]
    assert answer.ttl == names.ttl and answer.remarks == ()


async def test_one_address_family_is_enough_without_ids(names: NameServer) -> None:
    names.zone["gpu.test."] = {"A": ["10.0.0.1"], "AAAA": ["fd00::1"]}
    answer = await look_up(names, dataclasses.replace(GPU, is_minted=False))
    assert places(answer) == ["10.0.0.1:8188"]
    assert answer.remarks == ("its IPv6 addresses are left out: mint = true identifies servers",)
    names.zone["gpu.test."] = {"AAAA": ["fd00::1"]}
    assert places(await look_up(names, dataclasses.replace(GPU, is_minted=False))) == ["[fd00::1]:8188"]


async def test_three_hundred_addresses_are_read_over_tcp(names: NameServer) -> None:
    names.zone["gpu.test."] = {"A": [f"10.0.{number // 200}.{number % 200 + 1}" for number in range(300)]}
    assert len((await look_up(names)).endpoints) == 300


async def test_servers_beyond_the_limit_are_reported_and_not_used(names: NameServer) -> None:
    names.zone["gpu.test."] = {"A": [f"10.0.0.{number}" for number in range(1, 5)]}
    answer = await look_up(names, dataclasses.replace(GPU, most=3))
    assert places(answer) == ["10.0.0.1:8188", "10.0.0.2:8188", "10.0.0.3:8188"]
    assert answer.remarks == ("it has 4 servers, and the first 3 are used",)


async def test_addresses_that_cannot_be_servers_are_left_out(names: NameServer) -> None:
    names.zone["gpu.test."] = {"A": ["10.0.0.1", "169.254.169.254", "224.0.0.1", "0.0.0.0"], "AAAA": ["fe80::1"]}
    answer = await look_up(names)
    assert places(answer) == ["10.0.0.1:8188"]
    assert len(answer.remarks) == 4 and "169.254.169.254:8188 is no address of a server" in answer.remarks


async def test_windows_receive_only_the_first_of_many_messages(names: NameServer) -> None:
    names.zone["gpu.test."] = {"A": [f"169.254.0.{number}" for number in range(1, 51)]}
    search = Search(dataclasses.replace(GPU, nameservers=(("127.0.0.1", names.port),)), Deadlines(), lambda _: False)
    await search.search_once()
    assert len(search.report.troubles) == 6
    assert search.report.troubles[-1] == "dns://gpu.test:8188: 45 more like these."


async def test_https_uses_the_name_at_each_address(names: NameServer) -> None:
    names.zone["gpu.test."] = {"A": ["10.0.0.1", "10.0.0.2"]}
    answer = await look_up(names, dataclasses.replace(GPU, is_https=True))
    assert [(end.host, end.dial) for end in answer.endpoints] == [
        ("gpu.test", ("10.0.0.1",)),
        ("gpu.test", ("10.0.0.2",)),
    ]
    assert places(answer) == ["10.0.0.1:8188", "10.0.0.2:8188"]


async def test_failed_srv_targets_are_reported(names: NameServer) -> None:
    names.zone |= {
        "_gpu._tcp.test.": {
            "SRV": ["0 1 8188 a.test.", "0 1 8189 a.test.", "0 1 8188 many.test.", "0 1 8188 gone.test."]
        },
        "a.test.": {"A": ["10.0.0.1"], "AAAA": ["fd00::1"]},
        "many.test.": {"A": ["10.0.0.2", "10.0.0.3"]},
    }
    answer = await look_up(names, SRV)
    assert [(end.place, end.dial) for end in answer.endpoints] == [
        ("a.test:8188", ("10.0.0.1", "fd00::1")),
        ("a.test:8189", ("10.0.0.1", "fd00::1")),
    ]
    assert answer.remarks == (
        "gone.test: there is no name gone.test.",
        "many.test: it has 2 addresses, and an SRV target is one server",
    )


@pytest.mark.parametrize(
    "target",
    [
        "127.0.0.9",
        "169.254.169.254",
        "2130706433",
        r"a\032b.test",
        r"a\.b.test",
        "[x.test",
        "a:b.test",
        "a/b?c.test",
        "xn--0.test",
        ".",
    ],
)
async def test_srv_target_that_is_no_host_name_is_left_out(names: NameServer, target: str) -> None:
    """A target that is an address would be used as one, and one that no address can be made of would end the search."""
    whole = "." if target == "." else f"{target}."
    names.zone |= {
        "_gpu._tcp.test.": {"SRV": [f"0 1 8188 {whole}", "0 1 8188 a.test."]},
        "a.test.": {"A": ["10.0.0.1"]},
        whole: {"A": ["10.0.0.2"]},
    }
    answer = await look_up(names, SRV)
    assert places(answer) == ["a.test:8188"]
    (remark,) = answer.remarks
    assert remark.endswith(": it is no name of a server")


@pytest.mark.parametrize(
    ("mood", "zone", "message"),
    [
        (Mood.WELL, {}, "there is no name gpu.test"),
        (Mood.WELL, {"TXT": []}, "gpu.test has no A and no AAAA records"),
        (Mood.SERVFAIL, {}, "the name servers refuse or fail"),
        (Mood.SILENT, {}, "no name server answers in time"),
    ],
)
async def test_failed_query_says_why(names: NameServer, mood: Mood, zone: dict[str, list[str]], message: str) -> None:
    names.mood = mood
    if zone:
        names.zone["gpu.test."] = zone
    with pytest.raises(LookupFailed) as error:
        await Names((("127.0.0.1", names.port),), 0.6).look_up(GPU)
    assert str(error.value) == message
