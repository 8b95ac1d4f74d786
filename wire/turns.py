"""How many runs of one user may be ahead on a server: the page keeps to it, and a gateway with users enforces it.

A prompt whose `extra_data.mooring` has `all_now` is sent all the same: its user chose *Send all now*. The gateway
counts the user's prompts in the server's queue, running or waiting, and answers `not-your-turn` to one too many, which
certainly was not sent.
"""

from __future__ import annotations

AHEAD = 2
OWNER, ALL_NOW = "mooring", "all_now"  # keys in `extra_data`, and in its value
NOT_YOUR_TURN = "not-your-turn"  # the gateway's cause
