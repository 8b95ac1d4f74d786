"""`index.html` as the gateway serves it: files by their path in one build, styles and classic scripts joined, and what
the boot needs.

In the file itself, addresses are relative, and its scripts and styles are listed. Pure: texts in, a text out.
"""

from __future__ import annotations

import json
import posixpath
import re
import tomllib
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from html import escape
from types import MappingProxyType
from typing import Any

STYLES = "static/page.css"  # all stylesheets of the page, concatenated
SCRIPTS = "static/js/classic.js"  # likewise its classic scripts, beside them: they find files by their own address
CONFIG = "pyscript.toml"
_SLOT = "<!-- boot -->"  # replaced by links to the memory snapshot and to imported modules
_MODULE = re.compile(r'<(?:script type="module" src|link rel="modulepreload" href)="([^"]+)"(?: async)?>')
_ADDRESS = re.compile(r'\b(src|href)="((?:static|app)/[^"]*)"')
_IMPORT = re.compile(r"""(?:\bfrom|\bimport) ?["'](\.{1,2}/[\w./-]+)["']""")


@dataclass(frozen=True, slots=True)
class Elements:
    """Elements of a page that each name a file. `markup` has `{}` for its address."""

    markup: str

    def files(self, html: str) -> list[str]:
        """Return the files that a page names so, in order."""
        return self._pattern.findall(html)

    def as_one(self, html: str, address: str) -> str:
        """Return the page with one element in place of all, for a file that has all of theirs."""
        first = iter((f"{self.markup.format(address)}\n    ",))
        return self._pattern.sub(lambda _: next(first, ""), html)

    @property
    def _pattern(self) -> re.Pattern[str]:
        before, after = map(re.escape, self.markup.split("{}"))
        return re.compile(rf'{before}/?([^"]+){after}\s*')


STYLE_LINKS = Elements('<link rel="stylesheet" href="{}">')
CLASSIC_SCRIPTS = Elements('<script src="{}"></script>')  # they run before the page is painted


@dataclass(frozen=True, slots=True, eq=False)
class FirstScreen:
    """The page drawn for a new window: each region's markup with its digest, by its id, and what it was drawn from.

    `classes` are lines of catalogues by their names, `"KSampler":{…}`; an empty one is not in its catalogue.
    """

    regions: Mapping[str, tuple[str, str]]
    title: str
    classes: Mapping[str, Mapping[str, str]]
    language: str

    def offers(self, workflow: str) -> bool:
        """Return whether this workflow can be chosen in it."""
        choice = f'data-item="{escape(workflow)}"'
        return any(choice in markup for markup, _ in self.regions.values())


@dataclass(frozen=True, slots=True)
class PageText:
    """`index.html`, PyScript's configuration, and the modules that the page's modules import."""

    html: str
    config: str
    imported: tuple[str, ...] = ()

    def modules(self) -> list[str]:
        """The modules that the page itself loads."""
        config = self._config() or {}
        mains = config.get("js_modules", {}).get("main", {})
        return [*_MODULE.findall(self.html), *mains]

    def write(
        self,
        home: str,
        snapshot: str,
        about: Mapping[str, str] = MappingProxyType({}),
        screen: FirstScreen | None = None,
    ) -> str:
        """Return the page with its files below `home` (`/b/…/`), the snapshot's link, facts about its user, and the
        first screen of a new window."""
        html = CLASSIC_SCRIPTS.as_one(STYLE_LINKS.as_one(self.html, STYLES), SCRIPTS)
        # Imported modules are preloaded too, but after what the page's first paint waits for.
        low = '\n    <link rel="modulepreload" href="{}" fetchpriority="low">'
        preloads = "".join(low.format(name) for name in self.imported)
        html = _ADDRESS.sub(rf'\1="{home}\2"', html.replace(_SLOT, f"{snapshot}{preloads}"))
        attributes = "".join(f' data-{key}="{escape(value)}"' for key, value in about.items() if value)
        html = html.replace("<html ", f"<html{attributes} ", 1)
        html = html.replace(f'config="{CONFIG}"', f'config="{self._placed_config(home)}"')
        return html if screen is None else _drawn(html, screen)

    def _placed_config(self, home: str) -> str:
        """Return the configuration inline, which saves the page a request and a parser."""
        config = self._config()
        if config is None:
            return f"/{CONFIG}"  # PyScript reports what is wrong with it
        modules = config.get("js_modules", {})
        placed = {
            "interpreter": f"{home}{config.get('interpreter', '')}",
            "js_modules": {
                part: {f"{home}{path}": name for path, name in named.items()} for part, named in modules.items()
            },
        }
        return escape(json.dumps(config | placed))

    def _config(self) -> dict[str, Any] | None:
        try:
            return tomllib.loads(self.config)
        except tomllib.TOMLDecodeError:
            return None


def _drawn(html: str, screen: FirstScreen) -> str:
    """Return the page with a first screen in its regions, which can be used once the page's Python is up."""

    for region, (inside, digest) in screen.regions.items():
        element = re.compile(rf'(<([a-z]+) id="{re.escape(region)}"[^>]*)>.*?</\2>', re.DOTALL)
        markup = rf'\1 data-drawn="{digest}">' + inside.replace("\\", r"\\") + r"</\2>"
        html = element.sub(markup, html, count=1)
    html = html.replace('<body class="', '<body class="is-drawn ', 1)
    html = html.replace("<title>Mooring</title>", f"<title>{escape(screen.title)}</title>", 1)
    html = re.sub(r'(<html [^>]*\b)lang="en"', rf'\1lang="{escape(screen.language)}"', html, count=1)
    classes = json.dumps(screen.classes, ensure_ascii=False).replace("<", "\\u003c")
    data = f'<script type="application/json" id="first-classes">{classes}</script>'
    return html.replace("</body>", f"{data}\n  </body>", 1)


def imported_by(modules: Iterable[str], files: Container[str], read: Callable[[str], str]) -> tuple[str, ...]:
    """Return the modules that these import statically, directly or not; dynamic imports are left out."""
    named = list(modules)
    waiting, found = list(named), dict.fromkeys(named)
    while waiting:
        module = waiting.pop(0)
        for path in _IMPORT.findall(read(module) if module in files else ""):
            name = posixpath.normpath(posixpath.join(posixpath.dirname(module), path))
            if name in files and name not in found:
                found[name] = None
                waiting.append(name)
    return tuple(name for name in found if name not in named)
