"""List the benchmarks, or run one.

python3 -m benchmarks                 one line for each
python3 -m benchmarks growth          run it, with .venv's Python; python3 -m tests installs what it needs
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from gateway.install.place import Installation

ROOT = Path(__file__).resolve().parent.parent


def subjects() -> dict[str, str]:
    """Return the first sentence about each benchmark, by name."""
    paths = sorted(path for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("__"))
    return {path.stem: first_line(path) for path in paths}


def first_line(path: Path) -> str:
    return (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").partition("\n")[0]


def main(words: list[str]) -> int:
    """List, or run the named one with the other words; return its exit code."""
    known = subjects()
    if not words:
        width = max(map(len, known))
        print("\n".join(f"{name:{width}}  {about}" for name, about in known.items()))
        return 0
    name, *rest = words
    if name not in known:
        print(f"There is no benchmark {name!r}. Those that exist: {', '.join(known)}.", file=sys.stderr)
        return 2
    python = Installation(ROOT).python
    command = [str(python) if python.exists() else sys.executable, "-m", f"benchmarks.{name}", *rest]
    try:
        return subprocess.run(command, cwd=ROOT, check=False).returncode
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
