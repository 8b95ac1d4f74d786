"""The file of ended sessions (`--sessions FILE`), which every gateway of an installation appends to and reads.

One line per session that was logged out before its time, in ASCII, each between two line feeds:

    <until> <session id> <crc32 of both>

`until` is the second since 1970 at which no copy of that session could be valid any more; the line is dropped then. A
line feed comes first as well as last, so that a line cut short by a full disk never swallows the next one. A line that
does not match its checksum is ignored and logged, since a log-out may be missing.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

from gateway.errors import ConfigError
from gateway.install.exclusion import exclusive
from gateway.whole_file import open_as, write_all, write_whole

SLACK = 300.0  # seconds by which the clocks of two gateways may differ
DROP_AT = 1_000  # expired lines in the file before it is rewritten without them
_LINE = re.compile(rb"([0-9]{1,12}) ([0-9a-f]{32}) ([0-9a-f]{8})")

_log = logging.getLogger(__name__)


class Revocations:
    """The sessions that ended early. `read` and `add` block, so call them from a thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._until: dict[str, int] = {}  # by session id
        self._file = (0, 0)  # device and inode of the file that was read
        self._position = 0  # bytes of it that were read, up to a line's end
        self._size = 0
        self._fault = ""
        self._lock = threading.Lock()

    def __contains__(self, session_id: str) -> bool:
        return session_id in self._until

    @classmethod
    def open(cls, path: Path, now: float) -> Revocations:
        """Read the file, or create it; raise `ConfigError` if neither is possible."""
        found = cls(path)
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
            before = len(self._until)
            try:
                fault = self._read_on()
            except OSError as error:
                fault = f"cannot be read, so log-outs at other gateways are unknown here ({error.strerror})"
            if fault and fault != self._fault:
                _log.error("%s %s", self._path, fault)
            self._fault = fault
            return len(self._until) > before

    def add(self, session_id: str, until: float, now: float) -> None:
        """End a session for every gateway; if that cannot be written, only for this one, and raise `ConfigError`."""
        second = int(until) + 1
        line = _written(second, session_id)
        with self._lock:
            self._until[session_id] = second
        try:
            with self._lock, self._held(), open_as(self._path, "a") as file:
                write_all(file, b"\n" + line + b"\n")  # on disk before a log-out is answered
        except OSError as error:
            raise ConfigError(f"it cannot be written ({error.strerror})", file=self._path) from error
        try:
            self._drop_expired(now)
        except OSError as error:
            _log.error("%s keeps its expired lines: it cannot be rewritten (%s)", self._path, error.strerror)

    def _read_on(self) -> str:
        """Read the lines that were added; return what is wrong with the end of the file, or an empty string."""
        with self._path.open("rb") as file:
            stat = os.fstat(file.fileno())
            if (stat.st_dev, stat.st_ino) != self._file or stat.st_size < self._position:
                self._file, self._position = (stat.st_dev, stat.st_ino), 0
            has_grown, self._size = stat.st_size != self._size, stat.st_size
            file.seek(self._position)
            data = file.read()
        whole, _, rest = data.rpartition(b"\n")
        self._position += len(data) - len(rest)
        for line in whole.split(b"\n"):
            self._take(line)
        is_cut = bool(rest) and not has_grown  # otherwise another gateway may still be writing it
        return "ends in the middle of a line: a log-out may be missing" if is_cut else ""

    def _take(self, line: bytes) -> None:
        if not line:
            return
        if (found := _parsed(line)) is None:
            _log.error("%s has a damaged line: a log-out may be missing, see `serve.py user logout`", self._path)
            return
        second, session_id = found
        self._until[session_id] = max(second, self._until.get(session_id, 0))

    def _drop_expired(self, now: float) -> None:
        """Rewrite the file without expired lines once there are many, while no other gateway can append."""
        with self._lock:
            expired = sum(until + SLACK < now for until in self._until.values())
            if expired < DROP_AT:
                return
            with self._held():
                self._read_on()  # lines that others have added so far
                kept = {one: until for one, until in self._until.items() if until + SLACK >= now}
                write_whole(self._path, b"".join(b"\n" + _written(until, one) + b"\n" for one, until in kept.items()))
                self._until = kept
                self._position = 0  # the new file is read from its beginning

    @contextlib.contextmanager
    def _held(self) -> Iterator[None]:
        """Hold the lock of the file, which only one gateway has at a time."""
        with exclusive(self._path.with_name(f".{self._path.name}.lock"), lambda: None):
            yield


def _written(until: int, session_id: str) -> bytes:
    text = f"{until} {session_id}".encode("ascii")
    return text + b" %08x" % zlib.crc32(text)


def _parsed(line: bytes) -> tuple[int, str] | None:
    found = _LINE.fullmatch(line)
    if found is None or zlib.crc32(found[1] + b" " + found[2]) != int(found[3], 16):
        return None
    return int(found[1]), found[2].decode("ascii")
