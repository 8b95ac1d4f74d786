"""Addresses that are typed in the page: read, judged, and made into ids and names."""

from __future__ import annotations

import re

import pytest

from gateway.flags import SERVER_ID
from gateway.fleet.new_server import AddressError, judge_address, propose_id, propose_name, read_address
from wire.new_servers import LONGEST_ADDRESS, AddressFault

READ = [
    ("gpu-1", "http://gpu-1:8188"),
    ("  192.168.1.20 ", "http://192.168.1.20:8188"),
    ("192.168.1.20:8189", "http://192.168.1.20:8189"),
    ("http://192.168.1.20:8188/", "http://192.168.1.20:8188"),
    ("HTTP://GPU-1:8188", "http://gpu-1:8188"),
    ("http://gpu-1", "http://gpu-1"),
    ("https://pod-8188.proxy.example", "https://pod-8188.proxy.example"),
    ("[fd7a::1]", "http://[fd7a::1]:8188"),
    ("[fd7a::1]:8000", "http://[fd7a::1]:8000"),
    ("gpu.example/comfy", "http://gpu.example:8188/comfy"),
]


@pytest.mark.parametrize(("typed", "address"), READ)
def test_address_is_read_with_http_and_the_usual_port(typed: str, address: str) -> None:
    assert read_address(typed) == address


INVALID = [
    "",
    " ",
    "ftp://gpu-1",
    "file:///etc/passwd",
    "javascript://gpu-1",
    "http://",
    "http://gpu 1",
    "http://gpu-1:port",
    "http://gpu-1:99999",
    "http://gpu-1/?a=b",
    "http://gpu-1/#there",
    "fd7a::1",
    "http://2130706433",  # 127.0.0.1
    "http://0x7f000001",
    "http://127.1",
    "http://0251.0376.0251.0376",  # 169.254.169.254
    "http://gpu-1\r\nHost: x",
    "http://" + LONGEST_ADDRESS * "a",
]


@pytest.mark.parametrize("typed", INVALID)
def test_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(AddressError) as error:
        read_address(typed)
    assert error.value.fault is AddressFault.INVALID


@pytest.mark.parametrize("typed", ["http://me:secret@gpu-1", "me@gpu-1", "http://gpu-1\\@10.0.0.1"])
def test_login_in_an_address_is_refused(typed: str) -> None:
    with pytest.raises(AddressError) as error:
        read_address(typed)
    assert error.value.fault is AddressFault.LOGIN


@pytest.mark.parametrize("address", ["http://169.254.169.254", "http://[fe80::1]:8188", "http://[::ffff:169.254.1.1]"])
async def test_forbidden_addresses_are_refused(address: str) -> None:
    with pytest.raises(AddressError) as error:
        await judge_address(address, 5)
    assert error.value.fault is AddressFault.FORBIDDEN


@pytest.mark.parametrize("address", ["http://127.0.0.1:8188", "http://[::1]:8188", "http://192.168.1.20"])
async def test_addresses_of_machines_are_not_refused(address: str) -> None:
    await judge_address(address, 5)


IDS = [
    ("http://127.0.0.1:8188", "local"),
    ("http://localhost:8189", "local-8189"),
    ("https://[::1]", "local-https"),
    ("http://192.168.1.20:8188", "192-168-1-20"),
    ("http://gpu-1.studio.example:8188", "gpu-1"),
    ("http://GPU_1:8188", "gpu-1"),
    ("http://[fd7a::1]:8188", "fd7a-1"),
    ("http://日本.example", "server"),
    (f"http://{'a' * 60}.example", "a" * 31),
]


@pytest.mark.parametrize(("address", "server_id"), IDS)
def test_id_is_made_of_the_address(address: str, server_id: str) -> None:
    assert propose_id(address, ()) == server_id
    taken = {server_id, f"{server_id[:29]}-2"}
    other = propose_id(address, taken)
    assert other not in taken and other.endswith("-3") and re.fullmatch(SERVER_ID, other)


def test_name_is_the_host_but_of_this_machine() -> None:
    assert propose_name("http://gpu-1.studio.example:8188", propose_id("http://gpu-1.studio.example:8188", ())) == (
        "gpu-1.studio.example"
    )
    assert propose_name("http://127.0.0.1:8189", propose_id("http://127.0.0.1:8189", ())) == "local-8189"
