"""What makes the page an app on a home screen: its manifest, and a service worker with the page that it shows.

    static/home/away.html            in each build: one document with its styles, script and all its translations
    static/icons/icon-512.png, …     in each build: the icons for launchers that show no SVG
    worker.js                        at the page's own address, for its build; there is none without `home_screen`
    manifest.webmanifest             the same

The page that says that nothing answers has to work without any other file, so its policy allows exactly its own script
and style. Pure.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Sequence

from gateway.page.icon_png import icon_png
from gateway.page.languages import Language, texts_of

FOLDER = "static/home"
AWAY = f"{FOLDER}/away.html"
WORKER = f"{FOLDER}/worker.js"
NO_WORKER = f"{FOLDER}/no_worker.js"
MANIFEST = f"{FOLDER}/manifest.webmanifest"
PARTS = f"{FOLDER}/away."  # its sources, which are no files of a build
ICONS = ("static/icons/favicon.svg", "static/icons/maskable.svg")
TOUCH_ICON = "static/icons/touch-180.png"
# Each is drawn from one of those, at a size in pixels.
DRAWN_ICONS = {
    TOUCH_ICON: (ICONS[0], 180),
    "static/icons/icon-192.png": (ICONS[0], 192),
    "static/icons/icon-512.png": (ICONS[0], 512),
    "static/icons/maskable-512.png": (ICONS[1], 512),
}
WORKER_PATH, MANIFEST_PATH = "worker.js", "manifest.webmanifest"
_STYLES = ("static/css/base.css", "static/css/alone.css", f"{FOLDER}/away.css")
_SCRIPT = f"{FOLDER}/away.js"
_SLOT = re.compile(r"<!-- (policy|style|icon|texts|script) -->")


def away_page(html: str, languages: Sequence[Language], read: Callable[[str], str]) -> bytes:
    """Return the page that says that nothing answers. `read` returns the text of one of our files."""
    style, script = "".join(map(read, _STYLES)), read(_SCRIPT)
    texts = {language.code: texts_of(language, html) for language in languages}
    policy = (
        f"default-src 'none'; script-src {_hash_of(script)}; style-src {_hash_of(style)}; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'"
    )
    parts = {
        "policy": f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        "style": f"<style>{style}</style>",
        "icon": read(ICONS[0]).strip().replace("<svg ", '<svg aria-hidden="true" ', 1),
        "texts": f'<script type="application/json" id="away-texts">{_quoted(texts)}</script>',
        "script": f"<script>{script}</script>",
    }
    return _SLOT.sub(lambda slot: parts[slot[1]], html).encode()


def drawn_icon(name: str, svg: str) -> bytes:
    """Return one of the `DRAWN_ICONS`. iOS rounds corners itself, and shows transparent ones black."""
    return icon_png(svg, DRAWN_ICONS[name][1], is_opaque=name == TOUCH_ICON)


def page_facts(*, has_worker: bool) -> dict[str, str]:
    """Return what the page has to know: the address of its service worker, if it is to have one."""
    return {"worker": WORKER_PATH} if has_worker else {}


def worker_text(source: str, home: str) -> str:
    """Return the service worker for the build whose files are below `home`."""
    return f"const HOME = {json.dumps(home)};\n{source}"


def manifest_text(source: str, home: str, *, is_whole_site: bool = True) -> str:
    """Return the manifest with icons below `home`. An app that is not a whole site has no id but its own address."""
    text = source.replace('"src": "static/', f'"src": "{home}static/')
    return text if is_whole_site else text.replace('"id": "/",', "", 1)


def _hash_of(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _quoted(value: object) -> str:
    """Return JSON that no HTML parser takes for the end of its script."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")
