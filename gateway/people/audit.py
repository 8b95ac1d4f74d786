"""One line for each thing that somebody did: who, what, on which server, under which id. Never what a prompt says.

It goes to the logger `mooring.audit`, as every other line goes to its own; `gateway/logs.py` says in which form.
"""

from __future__ import annotations

import logging

AUDIT = "mooring.audit"

_log = logging.getLogger(AUDIT)


def audit(what: str, **facts: object) -> None:
    """Write one line. Facts without a value are left out."""
    known = {name: value for name, value in facts.items() if value is not None and value != ""}
    words = " ".join(f"{name}={value!r}" for name, value in known.items())
    _log.info("%s %s", what, words, extra={"what": what, "facts": known})
