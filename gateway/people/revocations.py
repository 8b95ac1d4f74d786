"""The file of ended sessions (`--sessions FILE`), which every gateway of an installation appends to and reads.

One line per session that was logged out before its time, in ASCII, each between two line feeds:

    <until> <hours> <session id> <crc32 of these>

`until` is the second since 1970 at which no copy of that session could be valid any more, which is in `hours`. The line
is dropped once both are over: the clock is past the second, and gateways have run for those hours. A clock that is set
wrong would otherwise drop lines whose sessions are valid again when it is set right. So a gateway writes another line
for each hour that it has run, by a timer that no clock sets, since the file last had such a line:

    <count> hours <crc32 of these>

A line feed comes first as well as last, so that a line cut short by a full disk never swallows the next one. A line
that does not match its checksum is ignored and logged, since a log-out may be missing.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import re
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from gateway.errors import ConfigError
from gateway.install.exclusion import exclusive
from gateway.whole_file import open_as, write_all, write_whole

SLACK = 300.0  # seconds by which the clocks of two gateways may differ
DROP_AT = 1_000  # lines that are over, before the file is rewritten without them
HOUR = 3_600.0
LONGEST = 9_000  # hours, more than a year: of lines that do not say it, from earlier versions
_LINE = re.compile(rb"([0-9]{1,12}) (?:([0-9]{1,7}) )?([0-9a-f]{32})")
_HOURS = re.compile(rb"([0-9]{1,7}) hours")
_CHECKED = re.compile(rb"(.+) ([0-9a-f]{8})")

_log = logging.getLogger(__name__)


class _Ended(NamedTuple):
    until: int
    hours: int  # for which it is kept at least
    at: int  # the hours in the file before its line


class Revocations:
    """The sessions that ended early. `read` and `add` block, so call them from a thread."""

    def __init__(self, path: Path, elapsed: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._elapsed = elapsed
        self._ended: dict[str, _Ended] = {}  # by session id
        self._hours = 0  # in the file
        self._hour_began = elapsed()
        self._file = (0, 0)  # device and inode of the file that was read
        self._position = 0  # bytes of it that were read, up to a line's end
        self._size = 0
        self._fault = ""
        self._keeping = ""  # why expired lines are kept, as last logged
        self._lock = threading.Lock()

    def __contains__(self, session_id: str) -> bool:
        return session_id in self._ended

    @classmethod
    def open(cls, path: Path, now: float, elapsed: Callable[[], float] = time.monotonic) -> Revocations:
        """Read the file, or create it; raise `ConfigError` if neither is possible."""
        found = cls(path, elapsed)
        try:
            open_as(path, "a").close()
            with found._lock:
                found._read_on()
            found._drop_expired(now)
        except OSError as error:
            raise ConfigError(f"the file of ended sessions cannot be used ({error.strerror})", file=path) from error
        return found

    def read(self) -> bool:
        """Read the lines added since the last call; return True if more sessions have ended."""
        with self._lock:
            before = len(self._ended)
            try:
                fault = self._read_on()
            except OSError as error:
                fault = f"cannot be read, so log-outs at other gateways are unknown here ({error.strerror})"
            if fault and fault != self._fault:
                _log.error("%s %s", self._path, fault)
            self._fault = fault
            if not fault:
                self._count_hour()
            return len(self._ended) > before

    def add(self, session_id: str, until: float, now: float) -> None:
        """End a session for every gateway; if that cannot be written, only for this one, and raise `ConfigError`."""
        second = int(until) + 1
        hours = max(1, math.ceil((until - now) / HOUR) + 1)  # one of them has begun
        with self._lock:
            self._ended[session_id] = _Ended(second, hours, self._hours)
        try:
            with self._lock, self._held():
                self._append(_written(second, session_id, hours))  # on disk before a log-out is answered
        except OSError as error:
            raise ConfigError(f"it cannot be written ({error.strerror})", file=self._path) from error
        try:
            self._drop_expired(now)
        except OSError as error:
            self._explain_keeping(error)

    def is_over(self, session_id: str, now: float) -> bool:
        """Whether the line of an ended session may be dropped."""
        ended = self._ended[session_id]
        return ended.until + SLACK < now and self._hours - ended.at >= ended.hours

    def count_over(self, now: float) -> int:
        """Return how many lines may be dropped."""
        return sum(self.is_over(session_id, now) for session_id in self._ended)

    def _append(self, line: bytes) -> None:
        with open_as(self._path, "a") as file:
            write_all(file, b"\n" + line + b"\n")

    def _read_on(self) -> str:
        """Read the lines that were added; return what is wrong with the end of the file, or an empty string."""
        with self._path.open("rb") as file:
            stat = os.fstat(file.fileno())
            is_other = (stat.st_dev, stat.st_ino) != self._file or stat.st_size < self._position
            if is_other:
                self._file, self._position = (stat.st_dev, stat.st_ino), 0
            has_grown, self._size = stat.st_size != self._size, stat.st_size
            file.seek(self._position)
            data = file.read()
        whole, _, rest = data.rpartition(b"\n")
        self._position += len(data) - len(rest)
        self._take(whole.split(b"\n"), is_other=is_other)
        is_cut = bool(rest) and not has_grown  # otherwise another gateway may still be writing it
        return "ends in the middle of a line: a log-out may be missing" if is_cut else ""

    def _take(self, lines: list[bytes], *, is_other: bool) -> None:
        """Take over these lines; those of another file replace what was known of the earlier one's hours."""
        found: dict[str, _Ended] = {}
        hours = 0 if is_other else self._hours
        for line in filter(None, lines):
            match _parsed(line):
                case None:
                    _log.error(
                        "%s has a damaged line: a log-out may be missing, see `serve.py user logout`", self._path
                    )
                case int(passed):
                    hours += passed
                    self._hour_began = self._elapsed()
                case (second, kept, session_id):
                    before = found.get(session_id) or self._ended.get(session_id) or _Ended(0, 0, 0)
                    found[session_id] = _Ended(max(second, before.until), max(kept, before.hours), hours)
        # What is only known here has not been written, or another gateway has dropped it: keep it from now on.
        left = {one: item._replace(at=hours) for one, item in self._ended.items() if is_other and one not in found}
        self._hours = hours
        self._ended = self._ended | left | found  # in one step: requests read it meanwhile

    def _count_hour(self) -> None:
        """Add a line for an hour that this gateway has run, unless another one does, or no line waits for it."""
        if self._elapsed() - self._hour_began < HOUR or not self._is_awaited():
            return
        try:
            with self._held():
                self._read_on()
                if self._elapsed() - self._hour_began >= HOUR:
                    self._append(_checked(b"1 hours"))
                    self._read_on()
        except OSError as error:
            self._hour_began = self._elapsed()
            self._explain_keeping(error)

    def _is_awaited(self) -> bool:
        return any(self._hours - ended.at < ended.hours for ended in self._ended.values())

    def _explain_keeping(self, error: OSError) -> None:
        reason = error.strerror or type(error).__name__
        if reason != self._keeping:
            _log.error("%s keeps its expired lines: it cannot be written (%s)", self._path, reason)
        self._keeping = reason

    def _drop_expired(self, now: float) -> None:
        """Rewrite the file without lines that are over, once there are many, while no other gateway can append."""
        with self._lock:
            if self.count_over(now) < DROP_AT:
                return
            with self._held():
                self._read_on()  # lines that others have added so far
                kept = {one: ended for one, ended in self._ended.items() if not self.is_over(one, now)}
                write_whole(self._path, b"".join(b"\n" + line + b"\n" for line in _lines(kept, self._hours)))
                self._ended, began = kept, self._hour_began
                self._read_on()
                self._hour_began = began  # the file is another, with the same hours

    @contextlib.contextmanager
    def _held(self) -> Iterator[None]:
        """Hold the lock of the file, which only one gateway has at a time."""
        with exclusive(self._path.with_name(f".{self._path.name}.lock"), lambda: None):
            yield


def _lines(ended: dict[str, _Ended], hours: int) -> Iterator[bytes]:
    """Yield the lines of a new file, in which each session is as many hours old as in the present one."""
    first = min((item.at for item in ended.values()), default=hours)
    passed = first
    for session_id, item in sorted(ended.items(), key=lambda pair: pair[1].at):
        if item.at > passed:
            yield _checked(b"%d hours" % (item.at - passed))
            passed = item.at
        yield _written(item.until, session_id, item.hours)
    if hours > passed:
        yield _checked(b"%d hours" % (hours - passed))


def _written(until: int, session_id: str, hours: int) -> bytes:
    return _checked(f"{until} {hours} {session_id}".encode("ascii"))


def _checked(text: bytes) -> bytes:
    return text + b" %08x" % zlib.crc32(text)


def _parsed(line: bytes) -> tuple[int, int, str] | int | None:
    """Return what a line says: the end, hours and id of a session, or hours that have passed; None if it is damaged."""
    found = _CHECKED.fullmatch(line)
    if found is None or zlib.crc32(found[1]) != int(found[2], 16):
        return None
    if (passed := _HOURS.fullmatch(found[1])) is not None:
        return int(passed[1])
    if (ended := _LINE.fullmatch(found[1])) is None:
        return None
    return int(ended[1]), int(ended[2] or LONGEST), ended[3].decode("ascii")
