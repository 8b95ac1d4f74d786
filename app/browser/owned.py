"""What this browser's storage is called. Where people are told apart, each has stores of their own.

    owned("mooring")       # "mooring", or "mooring@5f0c…" for somebody who has logged in

The gateway names the stores in the page, so whoever logs in after another finds nothing of theirs. `static/js/owned.js`
is the same for scripts. To be asked when a store is opened, never at import: the memory snapshot is everybody's.
"""

from __future__ import annotations

from typing import Any

import js

from app.browser.values import present


def owned(name: str) -> str:
    """A name of a store, a key, a lock or a channel, as it is for whoever this page belongs to."""
    store = _told("store")
    return f"{name}@{store}" if store else name


def person() -> str:
    """Who has logged in; empty where people are not told apart."""
    return str(_told("person") or "")


def does_deeds() -> bool:
    """Whether whoever this is may do what concerns everybody."""
    return bool(_told("deeds"))


def has_login() -> bool:
    """Whether people log in at this gateway itself, and so log out there."""
    return bool(_told("login"))


def has_copies() -> bool:
    """Whether a copy of this login stays valid after the log-out: the gateway cannot end a single session."""
    return bool(_told("copies"))


def fleet_file() -> str:
    """Where the list of servers lies that this page asks itself; empty if it has a gateway."""
    return str(_told("fleet") or "")


def page_of() -> str:
    """What each request tells of whose page it comes from, so that none passes under another's name."""
    return str(_told("store") or "nobody")


def _told(name: str) -> Any:
    """What the gateway has put into the page, or None: a name that is not there is no attribute of a proxy."""
    return present(getattr(js.document.documentElement.dataset, name, None))
