"""The tests of all that uses the wheel's libraries, with the lowest and highest versions that pyproject.toml allows.

.venv/bin/python -m tests.ranges                           both, and the folders below
.venv/bin/python -m tests.ranges highest tests/contract    one of them, and these arguments for pytest

pip asks its registry for the libraries; the other packages of the tests are those of this environment.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

from tests.kit.wheel import ROOT, Installed, build

ENDS = ("lowest", "highest")
TESTS = ("tests/unit/gateway", "tests/unit/demo_comfyui", "tests/unit/wire", "tests/contract", "tests/integration")


def requirements(end: str) -> list[str]:
    """Return the wheel's dependencies as pip is given them: each range, or its lowest version."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    if end == "highest":
        return list(project["dependencies"])
    found = [one for one in map(Requirement, project["dependencies"]) if one.marker is None or one.marker.evaluate()]
    return [f"{one.name}=={part.version}" for one in found for part in one.specifier if part.operator == ">="]


def run(end: str, arguments: list[str]) -> int:
    """Run the tests in an environment of these versions; return pytest's exit code."""
    with tempfile.TemporaryDirectory(prefix=f"mooring-{end}-") as folder:
        home = Path(folder).resolve()
        installed = Installed.make(home, build(home / "wheel"))
        wanted = requirements(end)
        # Without the last one, pip would take those lent packages that fit.
        pip = [installed.python, "-m", "pip", "install", "--quiet", "--upgrade", "--ignore-installed"]
        subprocess.run([*pip, *wanted], check=True)
        print(f"== {end}", flush=True)
        subprocess.run([installed.python, "-m", "pip", "list", "--path", str(installed.packages)], check=True)
        words = [installed.python, "-m", "pytest", "-q", *arguments]
        return subprocess.run(words, cwd=ROOT, env={**os.environ, "PYTHONUTF8": "1"}, check=False).returncode


if __name__ == "__main__":
    chosen = [word for word in sys.argv[1:] if word in ENDS] or list(ENDS)
    given = [word for word in sys.argv[1:] if word not in ENDS] or list(TESTS)
    sys.exit(max(run(end, given) for end in chosen))
