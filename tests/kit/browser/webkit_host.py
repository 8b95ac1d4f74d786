"""A WebKitGTK window for WebKitWebDriver, in place of MiniBrowser, whose automated sessions are all private.

It runs in the system's Python, which has `gi`, and is started by the driver (`tests/kit/browser/engines.py`). The
folder of its profile is in `MOORING_PROFILE`; if that is empty, the session is private. It prints console messages,
and a line once the first page of a tab is there.
"""

from __future__ import annotations

import os
from typing import Any

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("WebKit2", "4.1")
from gi.repository import Gtk, WebKit2  # noqa: E402 - the versions come first

SIZE = (1280, 900)
EMPTY = "about:blank"
profile = os.environ["MOORING_PROFILE"]
storage = (
    WebKit2.WebsiteDataManager(base_data_directory=f"{profile}/data", base_cache_directory=f"{profile}/cache")
    if profile
    else WebKit2.WebsiteDataManager.new_ephemeral()
)
context = WebKit2.WebContext.new_with_website_data_manager(storage)
context.set_automation_allowed(True)
settings = WebKit2.Settings(
    enable_write_console_messages_to_stdout=True,
    javascript_can_open_windows_automatically=True,
)


def show(**options: Any) -> WebKit2.WebView:
    """Open a window with a view that the driver controls."""
    view = WebKit2.WebView(is_controlled_by_automation=True, settings=settings, **options)
    window = Gtk.Window(default_width=SIZE[0], default_height=SIZE[1])
    window.add(view)
    view.connect("close", lambda _view: window.destroy())
    view.connect("create", lambda opener, _action: show(related_view=opener))
    report(view)
    window.show_all()
    return view


def report(view: WebKit2.WebView) -> None:
    """Print once the first page of a view is there."""

    def look(_view: WebKit2.WebView, event: WebKit2.LoadEvent) -> None:
        if event == WebKit2.LoadEvent.COMMITTED and view.get_uri() != EMPTY:
            view.disconnect(handler)
            print("opened", flush=True)

    handler = view.connect("load-changed", look)


def begin(_context: WebKit2.WebContext, session: WebKit2.AutomationSession) -> None:
    application = WebKit2.ApplicationInfo()
    application.set_name("MiniBrowser")  # the driver accepts no other name
    session.set_application_info(application)
    session.connect("create-web-view", lambda _session: show(web_context=context))


context.connect("automation-started", begin)
Gtk.main()
