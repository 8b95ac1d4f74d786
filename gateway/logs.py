"""The format of the gateway's log: plain lines, or one JSON object per line for machines (`--json-logs`).

    {"at": "2026-11-26T10:41:41.203+00:00", "level": "info", "logger": "mooring.audit", "message": "log-in …",
     "what": "log-in", "name": "alice", "peer": "10.0.0.7"}

An audit line says who did what on which server under which id (`gateway/people/audit.py`). The content of a request
is never logged: no prompt, no picture, no password, no cookie.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

_PLAIN = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class JsonLines(logging.Formatter):
    """One object per line. A line break in a message is escaped."""

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
        return json.dumps(line, default=str, ensure_ascii=False)


class PlainLines(logging.Formatter):
    """One line per record. Text from a client cannot begin a line of its own."""

    def __init__(self) -> None:
        super().__init__(_PLAIN)

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text; the traceback of an error follows on lines of its own."""
        record.message = record.getMessage().replace("\r", "\\r").replace("\n", "\\n")
        record.asctime = self.formatTime(record)
        text = self.formatMessage(record)
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


def start_logs(*, is_json: bool) -> None:
    """Log everything from INFO upwards to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if is_json else PlainLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
