"""What tells apart the runs of one workflow that were not made by a plan: their prompt and seed."""

from __future__ import annotations

from functools import lru_cache

from app.core.past import seed_and_prompts
from app.ui.kit.words import SEPARATOR

LONGEST = 60  # characters of a prompt


@lru_cache(maxsize=256)
def run_label(workflow: str) -> str:
    """Return the beginning of a workflow's prompt, and its seed; empty if it has neither."""
    seed, prompts = seed_and_prompts(workflow)
    prompt = " ".join(prompts.split())
    shown = prompt if len(prompt) <= LONGEST else f"{prompt[:LONGEST].rstrip()} …"
    return SEPARATOR.join(filter(None, (shown, seed)))
