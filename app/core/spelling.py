"""Names of models in folders, which Windows servers spell `xl\\sd.safetensors` and others `xl/sd.safetensors`.

    respelled("xl/sd.safetensors", options)     # the name in these options that is equal but for its slashes
    with_slashes("xl\\\\sd.safetensors")          # "xl/sd.safetensors": equal for one model on all servers

Both spellings mean one model, but each server accepts only its own.
"""

from __future__ import annotations

from collections.abc import Collection


def with_slashes(name: str) -> str:
    """Return the name as a server without Windows spells it."""
    return name.replace("\\", "/")


def respelled(name: str, options: Collection[object]) -> str:
    """Return the option that is equal to the name but for its slashes; the name itself if it is one, or if none is."""
    if not ("/" in name or "\\" in name) or name in options:
        return name
    plain = with_slashes(name)
    return next((other for other in (plain, plain.replace("/", "\\")) if other in options), name)
