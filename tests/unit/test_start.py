"""What a start of the gateway imports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DELAYED = ("dns", "gateway.export", "http.server", "prometheus_client")  # each takes more than 20 ms


def test_start_imports_nothing_that_it_does_not_need() -> None:
    code = f"import sys, gateway.__main__, gateway.server; print(*(name for name in {DELAYED} if name in sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.split() == []
