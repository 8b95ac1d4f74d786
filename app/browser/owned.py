"""The names of this browser's stores. Where users log in, each has their own.

    owned("mooring")       # "mooring", or "mooring@5f0c…" for a user who has logged in

The gateway puts the name into the page, so a user finds nothing of the previous one. `static/js/owned.js` does the same
for scripts. Call these when a store is opened, never at import: all users share the memory snapshot.
"""

from __future__ import annotations

from typing import Any

import js

from app.browser.values import present


def owned(name: str) -> str:
    """The name of a store, key, lock or channel for the user of this page."""
    store = _told("store")
    return f"{name}@{store}" if store else name


def person() -> str:
    """The name of the user; empty where users do not log in."""
    return str(_told("person") or "")


def does_deeds() -> bool:
    """Whether the user may run the fleet."""
    return bool(_told("deeds"))


def has_login() -> bool:
    """Whether users log in at this gateway itself, and can log out there."""
    return bool(_told("login"))


def has_copies() -> bool:
    """Whether a copy of this login stays valid after the log-out: the gateway cannot end a single session."""
    return bool(_told("copies"))


def fleet_file() -> str:
    """The path of the list of servers for a page without a gateway; empty if it has one."""
    return str(_told("fleet") or "")


def page_of() -> str:
    """The user of this page as sent with each request, so that none is taken for another user's."""
    return str(_told("store") or "nobody")


def _told(name: str) -> Any:
    """What the gateway has put into the page, or None: a name that is not there is no attribute of a proxy."""
    return present(getattr(js.document.documentElement.dataset, name, None))
