"""Mooring's second command: `python3 -m tests` installs what the tests need, and runs everything.

python3 -m tests                       linters, type check, the whole suite
python3 -m tests tests/unit -k flags   only pytest, with these arguments
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 - for users of an older Python
    sys.exit(
        f"Mooring needs Python 3.11 or newer, and this is Python {sys.version_info[0]}.{sys.version_info[1]}:"
        " run its tests with a newer one, for example python3.12 -m tests."
    )

ROOT = Path(__file__).resolve().parent.parent
LINTERS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
)

# pytest rewrites and compiles a test when it is first collected, and each of its workers would do so. Two processes do
# it once, so that a first run saves half a minute.
HALVES = (("tests/unit",), ("tests", "--ignore=tests/unit"))
COMPILED = ROOT / "tests" / "__pycache__"

# The whole suite runs four files at a time, in the order of `tests/conftest.py`: a test of the page alone uses half
# of two cores idle. One that hangs fails, and says where: else all end, and nothing names it.
PARALLEL = ("-n", "4", "--dist", "loadfile", "--no-loadscope-reorder", "--timeout", "300")


def compile_tests(python: Path, environment: dict[str, str]) -> None:
    """Compile all tests as pytest does, unless it was done before."""
    if any(COMPILED.glob("conftest.*-pytest-*.pyc")):
        return
    print("Compiling the tests …", flush=True)
    words = [str(python), "-m", "pytest", "--collect-only", "-qq"]
    halves = [
        subprocess.Popen([*words, *half], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) for half in HALVES
    ]
    for half in halves:
        half.wait()  # what does not compile is reported by the run itself


def main(arguments: list[str]) -> int:
    """Set up, then run the linters, and mypy beside pytest, until one fails; return its exit code."""
    from gateway.install import SetupError, child_environment, set_up
    from tests.toolchain import VARIABLE, ToolchainError, equip

    try:
        python = set_up(ROOT, dev=True)
        browser = equip(python)
    except (SetupError, ToolchainError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped: run the same command again to go on.", file=sys.stderr)
        return 130
    environment = {**child_environment(), VARIABLE: str(browser)}
    environment["PYTHONUTF8"] = "1"  # tests read and write texts without naming an encoding; the product names it
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # or each worker and server would compile its modules

    def start(*words: str) -> subprocess.Popen[bytes]:
        print(f"== {' '.join(words)}", flush=True)
        return subprocess.Popen([str(python), "-m", *words], cwd=ROOT, env=environment)

    try:
        if arguments:
            return start("pytest", *arguments).wait()
        compile_tests(python, environment)
        for words in LINTERS:
            if code := start(*words).wait():
                return code
        types, tests = start("mypy"), start("pytest", *PARALLEL)
        if code := types.wait():
            tests.terminate()  # which `tests/conftest.py` takes for Ctrl+C
            tests.wait()
            return code
        return tests.wait()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # a C locale has no ellipsis
    os.chdir(ROOT)
    sys.exit(main(sys.argv[1:]))
