"""The file of ended sessions: every gateway appends and reads, and damaged lines are ignored."""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import ConfigError
from gateway.people import revocations
from gateway.people.revocations import DROP_AT, SLACK, Revocations
from tests.platform_kit import has_mode

ONE, TWO = "1" * 32, "2" * 32
NOW = 1_000_000.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of the file."""
    return tmp_path / "sessions"


def test_a_session_ended_at_one_gateway_is_over_at_another(path: Path) -> None:
    here, there = Revocations.open(path, NOW), Revocations.open(path, NOW)
    here.add(ONE, NOW + 60, NOW)
    assert ONE in here and ONE not in there
    assert there.read() and ONE in there and TWO not in there
    assert not there.read()
    assert ONE in Revocations.open(path, NOW)
    assert has_mode(path, 0o600)


def test_simultaneous_writes_lose_nothing(path: Path) -> None:
    ids = [f"{number:032x}" for number in range(64)]

    def end(some: list[str]) -> None:
        gateway = Revocations.open(path, NOW)
        for one in some:
            gateway.add(one, NOW, NOW)

    threads = [threading.Thread(target=end, args=(ids[start::8],)) for start in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = Revocations.open(path, NOW)
    assert all(one in found for one in ids)


def test_expired_lines_go_and_others_stay(path: Path) -> None:
    old = [f"{number:032x}" for number in range(DROP_AT)]
    path.write_bytes(b"".join(b"\n" + revocations._written(int(NOW), one) + b"\n" for one in old))
    here, there = Revocations.open(path, NOW), Revocations.open(path, NOW)
    later = NOW + SLACK + 10
    there.add(TWO, later + 60, NOW)
    here.add(ONE, later + 60, later)  # this rewrites the file
    assert path.stat().st_size < 200
    for one in (here, there):
        one.read()
        assert ONE in one and TWO in one
    there.add("3" * 32, later, later)
    here.read()
    assert "3" * 32 in here


@pytest.mark.parametrize("cut", [1, 5, 20, 49])
def test_truncated_line_is_reported_and_damages_no_other(
    path: Path, cut: int, caplog: pytest.LogCaptureFixture
) -> None:
    whole = b"\n" + revocations._written(int(NOW), ONE) + b"\n"
    path.write_bytes(whole[:cut])
    gateway = Revocations.open(path, NOW)
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            gateway.read()
    assert caplog.text.count("middle of a line") == (0 if cut == 1 else 1)
    gateway.add(TWO, NOW, NOW)
    with caplog.at_level(logging.ERROR):
        reopened = Revocations.open(path, NOW)
    assert TWO in reopened and ONE not in reopened
    assert (cut == 1) or "damaged line" in caplog.text


@settings(deadline=None)
@given(st.integers(0, 50), st.binary(min_size=1, max_size=1))
def test_a_damaged_line_ends_no_session(tmp_path_factory: pytest.TempPathFactory, place: int, byte: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "sessions"
    line = revocations._written(int(NOW), ONE)
    damaged = line[:place] + byte + line[place + 1 :]
    path.write_bytes(b"\n" + damaged + b"\n\n" + revocations._written(int(NOW), TWO) + b"\n")
    found = Revocations.open(path, NOW)
    is_whole = damaged.rstrip(b"\n") == line  # an empty line after it damages nothing
    assert TWO in found and set(found._until) == ({ONE, TWO} if is_whole else {TWO})


def test_unwritable_file_ends_session_only_here(path: Path) -> None:
    gateway = Revocations.open(path, NOW)
    lock = path.with_name(f".{path.name}.lock")
    lock.unlink(missing_ok=True)
    lock.mkdir()  # in place of a read-only file system, which root would not notice
    with pytest.raises(ConfigError) as caught:
        gateway.add(ONE, NOW, NOW)
    assert caught.value.file == path
    assert ONE in gateway


def test_deleted_file_reopens_no_session(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    gateway = Revocations.open(path, NOW)
    gateway.add(ONE, NOW, NOW)
    path.unlink()
    with caplog.at_level(logging.ERROR):
        assert not gateway.read() and not gateway.read()
    assert ONE in gateway and len(caplog.records) == 1
    gateway.add(TWO, NOW, NOW)
    assert TWO in Revocations.open(path, NOW)


def test_impossible_path_is_a_config_error(tmp_path: Path) -> None:
    for path in (tmp_path / "none" / "sessions", tmp_path):
        with pytest.raises(ConfigError):
            Revocations.open(path, NOW)


def test_only_new_lines_are_read(path: Path) -> None:
    gateway = Revocations.open(path, NOW)
    gateway.add(ONE, NOW, NOW)
    gateway.read()
    assert gateway._position == os.stat(path).st_size
