"""The browser's facts for the report of a window: no addresses, and no text of the user's."""

from __future__ import annotations

from typing import Any

import js

from app.browser.storage import is_persistent, read_estimate
from app.browser.values import present


async def read_about() -> dict[str, Any]:
    """The kind of browser, which features this page may use, and how full its storage is."""
    used, quota = await read_estimate()
    return {
        "userAgent": str(js.navigator.userAgent)[:300],
        "languages": [str(language) for language in js.navigator.languages][:5],
        "isSecureContext": bool(js.window.isSecureContext),
        "hasLocks": present(getattr(js.navigator, "locks", None)) is not None,
        "isOnline": bool(js.navigator.onLine),
        "isHidden": bool(js.document.hidden),
        "upSeconds": round(float(js.performance.now()) / 1000),
        "storage": {"used": used, "quota": quota, "isPersistent": await is_persistent()},
    }
