"""Pictures of the page in every state.

.venv/bin/python -m tests.screens                                all 72, in English, into docs/screens/en
.venv/bin/python -m tests.screens --language zh-CN pseudo        in other languages; `pseudo` is 40 % longer
.venv/bin/python -m tests.screens --state running --theme dark   some of them
.venv/bin/python -m tests.screens --readme                       those of the README, into docs/images

`--whole` takes the whole page instead of the window. Everything is real, and on loopback: demo servers, gateway,
Chromium. `python3 -m tests` sets up what it needs.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image
from playwright.async_api import expect

from tests.kit.browser.chromium import open_chromium
from tests.kit.browser.windows import PATIENCE
from tests.screens.backdrop import open_backdrop
from tests.screens.shooting import SIZES, THEMES, Wanted, shoot
from tests.screens.states import STATES

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
README = {"results": "done", "form": "form", "running": "running", "fleet": "fleet"}  # picture: state


def main(arguments: list[str]) -> int:
    """Take the requested pictures."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.screens", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [state.name for state in STATES]
    parser.add_argument("--state", nargs="+", choices=names, default=names, metavar="STATE", help=", ".join(names))
    parser.add_argument("--theme", nargs="+", choices=THEMES, default=list(THEMES))
    parser.add_argument("--width", nargs="+", type=int, choices=list(SIZES), default=list(SIZES))
    parser.add_argument("--language", nargs="+", choices=("en", "zh-CN", "pseudo"), default=["en"])
    parser.add_argument("--whole", action="store_true", help="the whole page, also what has to be scrolled to")
    parser.add_argument("--out", type=Path, default=DOCS / "screens", help="folder (default: docs/screens)")
    parser.add_argument("--readme", action="store_true", help="the README's pictures, as WebP, into docs/images")
    given = parser.parse_args(arguments)
    if given.readme:
        return _shoot_readme()
    wanted = Wanted(
        tuple(given.state), tuple(given.theme), tuple(given.width), tuple(given.language), is_whole=given.whole
    )
    began = time.monotonic()
    count = asyncio.run(_shoot(wanted, given.out))
    print(f"{count} pictures in {time.monotonic() - began:.0f} s, in {given.out}")
    return 0


def _shoot_readme() -> int:
    images = DOCS / "images"
    images.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_shoot(Wanted(tuple(README.values()), ("light",), (1440,)), Path(folder)))
        for name, state in README.items():
            with Image.open(Path(folder) / "en" / f"{state}-light-1440.png") as picture:
                picture.save(images / f"{name}.webp", quality=80, method=6)
    return 0


async def _shoot(wanted: Wanted, out: Path) -> int:
    expect.set_options(timeout=PATIENCE)
    count = 0
    with tempfile.TemporaryDirectory() as folder, open_backdrop(Path(folder)) as (fleet, gateway):
        async with open_chromium() as browser:
            async for path in shoot(browser, fleet, gateway, wanted, out):
                print(path.relative_to(out), flush=True)
                count += 1
    return count


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
