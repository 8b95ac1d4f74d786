"""Settings of hypothesis: the same examples each time; `MOORING_EXAMPLES=2000` runs that many new ones."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

asked = os.environ.get("MOORING_EXAMPLES")
settings.register_profile(
    "mooring",
    deadline=None,  # a loaded machine proves nothing
    max_examples=int(asked) if asked else 200,
    derandomize=not asked,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("mooring")
