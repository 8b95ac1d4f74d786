"""Partner nodes, which run elsewhere with a key, as ComfyUI's API writes them."""

from __future__ import annotations

API_KEY = "api_key_comfy_org"  # in `extra_data` of a prompt
PARTNER_KEYS = (API_KEY, "auth_token_comfy_org")  # the token is of a login in ComfyUI's own page
