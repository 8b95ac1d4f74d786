"""Compiles the page's templates that have changed: `NAME.html` to `NAME_html.py` beside it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from gateway.platforms import system

FOLDER = "app/ui"
SUFFIX = "_html.py"


def stale(root: Path) -> list[Path]:
    """Return the templates that have changed since they were compiled, or never were."""
    compiler = Path(__file__).with_name("template_compiler.py").stat().st_mtime_ns
    return [
        path
        for path in sorted((root / FOLDER).rglob("*.html"))
        if not (made := _module(path)).exists() or made.stat().st_mtime_ns < max(compiler, path.stat().st_mtime_ns)
    ]


def update(root: Path) -> None:
    """Compile changed templates, and delete modules without a template. TemplateError names the first mistake."""
    if found := stale(root):
        from gateway.page.template_compiler import compile_template  # set-up starts before Jinja2 is installed

        for path in found:
            fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
            fresh.write_bytes(compile_template(path.read_text("utf-8"), path.relative_to(root).as_posix()).encode())
            system.replace(fresh, _module(path))
    for made in (root / FOLDER).rglob(f"*{SUFFIX}"):
        if not made.with_name(f"{made.name.removesuffix(SUFFIX)}.html").exists():
            system.delete(made)


def _module(path: Path) -> Path:
    return path.with_name(path.stem + SUFFIX)


if __name__ == "__main__":
    update(Path(sys.argv[1]))
