"""The names of this browser's stores. Where users log in, each user has their own.

    owned("mooring")       # "mooring", or "mooring@5f0c…" for a logged-in user

The gateway puts the name into the page, so no user finds the data of another. `static/js/owned.js` does the same
for scripts. Call these when a store is opened, never at import: all users share the memory snapshot.
"""

from __future__ import annotations

from typing import Any

import js

from app.browser.values import present


def owned(name: str) -> str:
    """The name of a store, key, lock or channel for the user of this page."""
    store = _page_fact("store")
    return f"{name}@{store}" if store else name


def user() -> str:
    """The name of the user; empty where users do not log in."""
    return str(_page_fact("person") or "")


def can_administer() -> bool:
    """Whether the user may administer the fleet."""
    return bool(_page_fact("admin"))


def has_login() -> bool:
    """Whether users log in at this gateway itself, and can log out there."""
    return bool(_page_fact("login"))


def has_copies() -> bool:
    """Whether a copy of this login stays valid after the logout: the gateway cannot end a single session."""
    return bool(_page_fact("copies"))


def fleet_file() -> str:
    """The path of the list of servers for a page without a gateway; empty if it has one."""
    return str(_page_fact("fleet") or "")


def has_worker() -> bool:
    """Whether this page has a service worker, as far as the installation and the browser let it."""
    return bool(_page_fact("worker")) and hasattr(js.navigator, "serviceWorker")


def page_of() -> str:
    """The user of this page as sent with each request, so that none is accepted for another user."""
    return str(_page_fact("store") or "nobody")


def _page_fact(name: str) -> Any:
    """A fact that the gateway has put into the page, or None: a proxy has no attribute for a missing one."""
    return present(getattr(js.document.documentElement.dataset, name, None))
