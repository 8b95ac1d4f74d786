"""The audit log: one line for each action, with the user, the server and the id, but never a prompt's content.

The logger is `mooring.audit`; `gateway/logs.py` has the formats.
"""

from __future__ import annotations

import logging

AUDIT = "mooring.audit"

_log = logging.getLogger(AUDIT)


def audit(what: str, **facts: object) -> None:
    """Log one action. Facts without a value are left out."""
    known = {name: value for name, value in facts.items() if value is not None and value != ""}
    words = " ".join(f"{name}={value!r}" for name, value in known.items())
    _log.info("%s %s", what, words, extra={"what": what, "facts": known})
