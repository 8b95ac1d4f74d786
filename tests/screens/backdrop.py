"""The surroundings of the states: three servers that can be broken, their gateway, and a user's browser profile."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demo_comfyui.painting.painter import paint
from tests.kit.browser.chromium import wait_for_js
from tests.kit.browser.faults import BROKEN_NETWORK, Fleet, start_fleet
from tests.kit.browser.windows import BrowserUser, MooringWindow
from tests.kit.browser.work import load_server
from tests.kit.services import Service

SERVERS = ("gpu-1", "gpu-2", "studio")
STEP_SECONDS = 0.2
EXPECTED = (*BROKEN_NETWORK, "status of 400")  # what a browser logs about the faults made here on purpose
WELL = "() => mooring.fleet().servers.every((server) => server.health === 'well' && server.catalogue)"

_seeds = itertools.count(1)


@dataclass
class Backdrop:
    """The surroundings of one state. `language` is that of its windows."""

    fleet: Fleet
    user: BrowserUser
    folder: Path
    language: str = "en"
    photos: Iterator[int] = field(default_factory=itertools.count)

    async def open(self) -> MooringWindow:
        """Open a window, once every server is known to be well."""
        window = await self.user.open(f"/?lang={self.language}")
        await wait_for_js(window.page, WELL)
        return window

    async def make(self, window: MooringWindow, title: str, **inputs: Any) -> str:
        """Make a picture in a window; return the prompt_id once its picture is shown."""
        prompt_id = await window.submit(a_picture(**inputs), title)
        await window.wait_for(prompt_id)
        await window.card(prompt_id, "succeeded").locator("img").first.wait_for()
        return prompt_id

    async def crowd(self, count: int) -> None:
        """Start long work of other users on every server."""
        for server in self.fleet.up.values():
            await load_server(server, count)

    def photo(self) -> Path:
        """Return a generated picture to use as a photo."""
        number = next(self.photos)
        file = self.folder / f"boats-{number}.jpg"
        *_, painted = paint("boats in a bay, noon", number + 1, 2, (960, 640))
        painted.save(file)
        return file


def a_picture(text: str = "a harbour at dawn", *, steps: int = 3, **inputs: Any) -> dict[str, Any]:
    """Return a unique workflow, so that no server answers from its cache."""
    given = {"text": text, "seed": next(_seeds), "steps": steps, "width": 768, "height": 512, **inputs}
    return {
        "1": {"class_type": "DemoSampler", "inputs": given, "_meta": {"title": "Draw"}},
        "2": {
            "class_type": "SaveImage",
            "inputs": {"images": ["1", 0], "filename_prefix": "mooring"},
            "_meta": {"title": "Save"},
        },
    }


@contextlib.contextmanager
def open_backdrop(folder: Path) -> Iterator[tuple[Fleet, Service]]:
    """Start the servers and their gateway."""
    with start_fleet(folder, *SERVERS, step_seconds=STEP_SECONDS) as fleet, fleet.gateway() as gateway:
        yield fleet, gateway
