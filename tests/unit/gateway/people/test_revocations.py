"""The file of ended sessions: every gateway appends and reads, and damaged lines are ignored."""

from __future__ import annotations

import logging
import os
import threading
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import ConfigError
from gateway.people import revocations
from gateway.people.revocations import DROP_AT, HOUR, SLACK, Revocations
from tests.kit.platforms import has_mode

ONE, TWO = "1" * 32, "2" * 32
NOW = 1_000_000.0


@pytest.fixture
def sessions_path(tmp_path: Path) -> Path:
    """Return the path of the file."""
    return tmp_path / "sessions"


def test_a_session_ended_at_one_gateway_is_over_at_another(sessions_path: Path) -> None:
    here, there = Revocations.open(sessions_path, NOW), Revocations.open(sessions_path, NOW)
    here.add(ONE, NOW + 60, NOW)
    assert ONE in here and ONE not in there
    assert there.read() and ONE in there and TWO not in there
    assert not there.read()
    assert ONE in Revocations.open(sessions_path, NOW)
    assert has_mode(sessions_path, 0o600)


def test_simultaneous_writes_lose_nothing(sessions_path: Path) -> None:
    ids = [f"{number:032x}" for number in range(64)]

    def end(some: list[str]) -> None:
        gateway = Revocations.open(sessions_path, NOW)
        for one in some:
            gateway.add(one, NOW, NOW)

    threads = [threading.Thread(target=end, args=(ids[start::8],)) for start in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = Revocations.open(sessions_path, NOW)
    assert all(one in found for one in ids)


class Elapsed:
    """The time that passes, whatever the clock says."""

    def __init__(self) -> None:
        self.seconds = 5_000.0

    def __call__(self) -> float:
        return self.seconds


def pass_hours(count: int, elapsed: Elapsed, *gateways: Revocations) -> None:
    """Let hours pass while these gateways run."""
    for _ in range(count):
        elapsed.seconds += HOUR + 1
        for gateway in gateways:
            gateway.read()


def fill(path: Path, until: float = NOW) -> list[str]:
    """Write as many log-outs as a gateway keeps before it rewrites the file, if they are over."""
    old = [f"{number:032x}" for number in range(DROP_AT)]
    path.write_bytes(b"".join(b"\n" + revocations._written(int(until), one, 1) + b"\n" for one in old))
    return old


def test_lines_that_are_over_go_and_others_stay(sessions_path: Path) -> None:
    fill(sessions_path)
    elapsed = Elapsed()
    here, there = Revocations.open(sessions_path, NOW, elapsed), Revocations.open(sessions_path, NOW, elapsed)
    pass_hours(2, elapsed, here, there)
    later = NOW + SLACK + 10
    there.add(TWO, later + 60, NOW)
    here.add(ONE, later + 60, later)  # this rewrites the file
    assert sessions_path.stat().st_size < 200
    for one in (here, there):
        one.read()
        assert ONE in one and TWO in one
    there.add("3" * 32, later, later)
    here.read()
    assert "3" * 32 in here


def test_clock_that_was_once_ahead_loses_no_log_out(sessions_path: Path) -> None:
    days = 86_400.0
    ended = fill(sessions_path, NOW + 30 * days)
    ahead = Revocations.open(sessions_path, NOW + 60 * days)
    ahead.add(ONE, NOW + 90 * days, NOW + 60 * days)
    ahead.read()
    again = Revocations.open(sessions_path, NOW)
    again.add(TWO, NOW + 30 * days, NOW)
    for gateway in (ahead, again, Revocations.open(sessions_path, NOW)):
        gateway.read()
        assert all(one in gateway for one in (*ended, ONE, TWO))


def test_log_out_is_kept_for_its_hours_across_restarts(sessions_path: Path) -> None:
    elapsed = Elapsed()
    Revocations.open(sessions_path, NOW, elapsed).add(ONE, NOW + 10 * HOUR, NOW)
    late = NOW + 1_000_000  # by a clock that is ahead
    for hours in (4, 4, 2):
        gateway = Revocations.open(sessions_path, late, elapsed)
        assert gateway.count_over(late) == 0
        pass_hours(hours, elapsed, gateway)
    assert gateway.count_over(NOW) == 0  # by a clock that is right
    pass_hours(1, elapsed, gateway)
    assert gateway.count_over(late) == 1 and ONE in gateway
    assert Revocations.open(sessions_path, late).count_over(late) == 1


def test_hour_is_counted_once_by_all_gateways(sessions_path: Path) -> None:
    elapsed = Elapsed()
    gateways = [Revocations.open(sessions_path, NOW, elapsed) for _ in range(3)]
    gateways[0].add(ONE, NOW + 100 * HOUR, NOW)
    pass_hours(5, elapsed, *gateways)
    assert sessions_path.read_bytes().count(b"1 hours ") == 5


def test_nothing_is_counted_while_nothing_is_kept(sessions_path: Path) -> None:
    elapsed = Elapsed()
    gateway = Revocations.open(sessions_path, NOW, elapsed)
    pass_hours(3, elapsed, gateway)
    assert sessions_path.read_bytes() == b""


def test_rewritten_file_keeps_the_hours_of_each_line(sessions_path: Path) -> None:
    fill(sessions_path)
    elapsed = Elapsed()
    gateway, other = Revocations.open(sessions_path, NOW, elapsed), Revocations.open(sessions_path, NOW, elapsed)
    gateway.add(ONE, NOW + 4 * HOUR, NOW)
    pass_hours(3, elapsed, gateway)
    later = NOW + 10 * HOUR
    gateway.add(TWO, later + 4 * HOUR, later)  # this rewrites the file
    assert sessions_path.stat().st_size < 300
    pass_hours(2, elapsed, gateway)
    late = NOW + 1_000 * HOUR
    for one in (gateway, other, Revocations.open(sessions_path, NOW)):
        one.read()
        assert ONE in one and TWO in one
        assert not one.is_over(TWO, late) and one.is_over(ONE, late)


def test_lines_of_an_earlier_version_are_read(sessions_path: Path) -> None:
    text = f"{int(NOW)} {ONE}".encode()
    sessions_path.write_bytes(b"\n" + text + b" %08x\n" % zlib.crc32(text))
    gateway = Revocations.open(sessions_path, NOW)
    assert ONE in gateway and not gateway.is_over(ONE, NOW * 2)


def test_hours_that_cannot_be_written_end_no_reading(sessions_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    elapsed = Elapsed()
    gateway = Revocations.open(sessions_path, NOW, elapsed)
    gateway.add(ONE, NOW + 9 * HOUR, NOW)
    lock = sessions_path.with_name(f".{sessions_path.name}.lock")
    lock.unlink()
    lock.mkdir()
    pass_hours(2, elapsed, gateway)
    assert len(caplog.records) == 1 and "expired lines" in caplog.text
    assert ONE in gateway and not gateway.is_over(ONE, NOW * 2)


@pytest.mark.parametrize("cut", [1, 5, 20, 49, 51])
def test_truncated_line_is_reported_and_damages_no_other(
    sessions_path: Path, cut: int, caplog: pytest.LogCaptureFixture
) -> None:
    whole = b"\n" + revocations._written(int(NOW), ONE, 1) + b"\n"
    sessions_path.write_bytes(whole[:cut])
    gateway = Revocations.open(sessions_path, NOW)
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            gateway.read()
    assert caplog.text.count("middle of a line") == (0 if cut == 1 else 1)
    gateway.add(TWO, NOW, NOW)
    with caplog.at_level(logging.ERROR):
        reopened = Revocations.open(sessions_path, NOW)
    assert TWO in reopened and ONE not in reopened
    assert (cut == 1) or "damaged line" in caplog.text


@settings(deadline=None)
@given(st.integers(0, 52), st.binary(min_size=1, max_size=1))
def test_a_damaged_line_ends_no_session(tmp_path_factory: pytest.TempPathFactory, place: int, byte: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "sessions"
    line = revocations._written(int(NOW), ONE, 1)
    damaged = line[:place] + byte + line[place + 1 :]
    path.write_bytes(b"\n" + damaged + b"\n\n" + revocations._written(int(NOW), TWO, 1) + b"\n")
    found = Revocations.open(path, NOW)
    is_whole = damaged.rstrip(b"\n") == line  # an empty line after it damages nothing
    assert TWO in found and set(found._ended) == ({ONE, TWO} if is_whole else {TWO})


def test_unwritable_file_ends_session_only_here(sessions_path: Path) -> None:
    gateway = Revocations.open(sessions_path, NOW)
    lock = sessions_path.with_name(f".{sessions_path.name}.lock")
    lock.unlink(missing_ok=True)
    lock.mkdir()  # in place of a read-only file system, which root would not notice
    with pytest.raises(ConfigError) as caught:
        gateway.add(ONE, NOW, NOW)
    assert caught.value.file == sessions_path
    assert ONE in gateway


def test_deleted_file_reopens_no_session(sessions_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    gateway = Revocations.open(sessions_path, NOW)
    gateway.add(ONE, NOW, NOW)
    sessions_path.unlink()
    with caplog.at_level(logging.ERROR):
        assert not gateway.read() and not gateway.read()
    assert ONE in gateway and len(caplog.records) == 1
    gateway.add(TWO, NOW, NOW)
    assert TWO in Revocations.open(sessions_path, NOW)


def test_impossible_path_is_a_config_error(tmp_path: Path) -> None:
    for path in (tmp_path / "none" / "sessions", tmp_path):
        with pytest.raises(ConfigError):
            Revocations.open(path, NOW)


def test_only_new_lines_are_read(sessions_path: Path) -> None:
    gateway = Revocations.open(sessions_path, NOW)
    gateway.add(ONE, NOW, NOW)
    gateway.read()
    assert gateway._position == os.stat(sessions_path).st_size
