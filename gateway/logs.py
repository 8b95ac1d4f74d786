"""The format of the gateway's log: plain lines, or one JSON object per line for machines (`--json-logs`).

    {"at": "2026-11-26T10:41:41.203+00:00", "level": "info", "logger": "mooring.audit", "message": "log-in …",
     "what": "log-in", "name": "alice", "peer": "10.0.0.7"}

An audit line says who did what on which server under which id (`gateway/people/audit.py`). The content of a request
is never logged: no prompt, no picture, no password, no cookie.

Text from outside may be part of any line: the name of an input, a server's error. Characters that are no mark on the
screen are written as escapes, so that none moves a terminal's cursor, begins a line, or hides or reverses other text.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

from gateway.errors import ConfigError

_LOG_SIZE, _OLD_LOGS = 5_000_000, 3  # bytes of one file, and how many full ones are kept
_PLAIN = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def escaped(text: str) -> str:
    """Return the text with an escape for each character that is not printable, such as `\\u001b`; JSON stays JSON.

    Those are controls, line and paragraph separators, marks of direction, other invisible ones, and lone surrogates.
    """
    return text if text.isprintable() else "".join(char if char.isprintable() else _escape(char) for char in text)


def _escape(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[place]:02x}{units[place + 1]:02x}" for place in range(0, len(units), 2))


class JsonLines(logging.Formatter):
    """One object per line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        what, facts = getattr(record, "what", None), getattr(record, "facts", None)
        if isinstance(what, str) and isinstance(facts, dict):
            line |= {"what": what} | {key: value for key, value in facts.items() if key not in line}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return escaped(json.dumps(line, default=str, ensure_ascii=False))


class PlainLines(logging.Formatter):
    """One line per record."""

    def __init__(self) -> None:
        super().__init__(_PLAIN)

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text; the traceback of an error follows on lines of its own, which are indented."""
        record.message = record.getMessage()
        record.asctime = self.formatTime(record)
        lines = [self.formatMessage(record)]
        if record.exc_info:
            lines += [f"  {line}" for line in self.formatException(record.exc_info).split("\n")]
        return "\n".join(map(escaped, lines))


def start_logs(*, is_json: bool, file: Path | None = None) -> None:
    """Log everything from INFO upwards to standard error, or to a file."""
    handler = logging.StreamHandler() if file is None else _open(file)
    handler.setFormatter(JsonLines() if is_json else PlainLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


def _open(file: Path) -> RotatingFileHandler:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        return RotatingFileHandler(file, maxBytes=_LOG_SIZE, backupCount=_OLD_LOGS, encoding="utf-8", errors="replace")
    except OSError as error:
        raise ConfigError(f"the log cannot be written ({error.strerror})", file=file, key="--log") from error
