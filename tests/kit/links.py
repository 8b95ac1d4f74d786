"""Unusual inputs of a node, with ComfyUI's reading of each: link or value, and whether it accepts the prompt.

`links.json` was made by ComfyUI's own `is_link` and `validate_prompt`; 0.3.64 and 0.30.0 agree on the links. Each value
was the only input of node 2, which takes any type; node 1 has one output. `link` is the result of `is_link` afterwards.
`tests/contract/test_links.py` checks running servers with the same inputs.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROWS: list[dict[str, Any]] = json.loads(Path(__file__).with_name("links.json").read_text("utf-8"))
ODD_LINKS = [(row["value"], row["link"]) for row in ROWS]
ODD_IDS = [json.dumps(row["value"]) for row in ROWS]
