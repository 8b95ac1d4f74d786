"""The editor in a real Chromium: workflows opened in it, and what it would send.

async with open_editor(browser, object_info) as editor:
    sent = await editor.send_all({"name": graph})
    sent["name"].output                     # the result of its own `graphToPrompt`
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, Route

from tests.kit.browser.chromium import wait_for_js
from tests.oracle.editor_site import serve_editor

START_SECONDS = 120  # a loaded two-core machine

_READY = "window.app?.rootGraph && window.app.vueAppReady && Object.keys(LiteGraph.registered_node_types).length > 10"

# As a user does it: a file is opened in the editor, then Run. Warnings about missing models are left out. All files are
# opened in one of the editor's tabs, since each further tab would make the next file slower.
_SEND = """async (graphs) => {
  const sent = {};
  const tab = window.app.extensionManager.workflow.activeWorkflow;
  const quiet = { skipAssetScans: true, silentAssetErrors: true, deferWarnings: true };
  for (const [name, graph] of Object.entries(JSON.parse(graphs))) {
    try {
      const opened = await window.app.loadGraphData(graph, true, false, tab, quiet);
      if (opened === false) throw new Error("not opened");
      for (const node of window.app.canvas.graph.nodes) node.updateArea(window.app.canvas.ctx);  // as drawing does
      sent[name] = { output: (await window.app.graphToPrompt(window.app.rootGraph)).output };
    } catch (error) {
      sent[name] = { error: String(error) };
    }
  }
  return JSON.stringify(sent);
}"""

# Of a new node of each class: its widgets, sockets and outputs.
_CLASSES = """() => {
  const found = {};
  for (const name of Object.keys(LiteGraph.registered_node_types)) {
    const node = LiteGraph.createNode(name);
    found[name] = node && {
      widgets: (node.widgets ?? []).map((widget) => ({
        name: widget.name,
        isSaved: widget.serialize !== false,
        isSent: widget.options?.serialize !== false,
        value: widget.value === undefined ? { missing: true } : widget.value,
      })),
      inputs: node.inputs.map((input) => [input.name, input.type, input.widget?.name ?? null]),
      outputs: node.outputs.map((output) => output.type),
    };
  }
  return JSON.stringify(found);
}"""


@dataclass(frozen=True)
class Sent:
    """What the editor would send for a workflow, or why it cannot."""

    output: dict[str, Any]
    error: str = ""


class Editor:
    """A page with the editor."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def send_all(self, graphs: Mapping[str, Any]) -> dict[str, Sent]:
        """Open each workflow and ask what would be sent."""
        found = json.loads(await self.page.evaluate(_SEND, json.dumps(graphs)))
        return {name: Sent(entry.get("output", {}), entry.get("error", "")) for name, entry in found.items()}

    async def classes(self) -> dict[str, Any]:
        """Return how a new node of each class is laid out."""
        found: dict[str, Any] = json.loads(await self.page.evaluate(_CLASSES))
        return found


@contextlib.asynccontextmanager
async def open_editor(browser: Browser, object_info: str, scripts: Sequence[Path] = ()) -> AsyncIterator[Editor]:
    """Open the editor with this catalogue. Its requests to the internet get a 404 and never leave the browser."""
    async with serve_editor(object_info, scripts) as address:
        context = await browser.new_context(viewport={"width": 400, "height": 300})
        try:
            page = await context.new_page()

            async def stay_here(route: Route) -> None:
                if route.request.url.startswith((address, "data:", "blob:")):
                    await route.continue_()
                else:
                    await route.fulfill(status=404, body="")

            await page.route("**/*", stay_here)
            await page.goto(address)
            await wait_for_js(page, _READY, timeout=START_SECONDS * 1000)
            await page.evaluate("() => { window.app.canvas.draw = () => {}; }")  # takes half the time
            yield Editor(page)
        finally:
            await context.close()
