"""What is in the wheel: one package, `mooring`, in which everything is made already.

    python -m hatchling build -t wheel     where hatchling is installed; set-up makes all else

    mooring/__init__.py, __main__.py       from gateway/package/
    mooring/parts/                         the gateway, the demo servers, what both share, and the page as it is served
    mooring/docs/, mooring/licences/       for people to read

See docs/decisions/0090-imports-by-part.md and 0132-a-wheel.md.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PARTS = ("gateway", "demo_comfyui", "wire")
# What a build needs and a gateway does not: the compiler of templates, and the scripts that Node runs. And pictures of
# the page, which exist only where someone has made them.
LEFT_OUT = (
    "gateway/package/",
    "gateway/page/template_compiler.py",
    "gateway/install/join.mjs",
    "gateway/install/pack.mjs",
    "gateway/install/snapshot.mjs",
    "docs/screens/",
)


class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Sets up the sources before a wheel is written, and names its files."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the files; `SetupError` or `SnapshotFailed` if one of them cannot be made."""
        if version == "editable":
            raise ValueError("An editable installation has no page: run python3 serve.py in the clone.")
        if self.target_name == "wheel":
            root = Path(self.root)
            build_data["force_include"] = {str(source): target for target, source in wheel_files(root).items()}


def wheel_files(root: Path) -> dict[str, Path]:
    """Set up the sources at `root`, and return the wheel's files by their paths in it."""
    sys.path.insert(0, str(root))
    from gateway.install import Installation, set_up
    from gateway.install.packed import write_page

    set_up(root, packed=True, show=sys.stderr)
    place = Installation(root)
    page = place.state / "wheel"
    shutil.rmtree(page, ignore_errors=True)
    write_page(place, page)
    files = {f"mooring/{path.name}": path for path in _files(root / "gateway" / "package")}
    for part in (*PARTS, "docs"):
        names = {path.relative_to(root).as_posix(): path for path in _files(root / part)}
        target = "mooring" if part == "docs" else "mooring/parts"
        files |= {f"{target}/{name}": path for name, path in names.items() if not name.startswith(LEFT_OUT)}
    for name, folder in (("parts/page", page), ("licences", place.vendor / "licences")):
        files |= {f"mooring/{name}/{path.relative_to(folder).as_posix()}": path for path in _files(folder)}
    files |= {f"mooring/docs/{name}": root / name for name in ("README.md", "CHANGELOG.md", "fleet.example.toml")}
    return dict(sorted(files.items()))


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith("."):
            yield path
