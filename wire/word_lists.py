"""Files of words for prompts, published beside workflows or added by users: wildcards, and lists of tags."""

from __future__ import annotations

WILDCARD, TAGS = ".txt", ".csv"
LARGEST = {WILDCARD: 8_000_000, TAGS: 24_000_000}  # bytes; the largest common tag lists have 4 MB


FOLDERS = {"wildcards": WILDCARD, "tags": TAGS}  # of published files: other texts beside workflows are no words


def is_published(path: str) -> bool:
    """Whether a file in the folder of published workflows has words, by its path in there with `/`."""
    folder, _, rest = path.partition("/")
    return bool(rest) and folder in FOLDERS and rest.lower().endswith(FOLDERS[folder])


def ending_of(path: str) -> str:
    """Return the ending of a file of words, or nothing for any other file."""
    return next((ending for ending in LARGEST if path.lower().endswith(ending)), "")
