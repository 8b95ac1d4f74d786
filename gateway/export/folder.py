"""The folder of an export: only what Mooring has made is ever written over, and each file is replaced whole.

mooring-export.json    says that it is ours
nginx.conf, *.inc      the configuration; for its owner's eyes only if it holds a server's log-in
site/                  the static site
logs/, tmp/            nginx's own; the log, which names the addresses of pictures, for its owner's eyes only
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gateway.errors import ConfigError
from gateway.export.site import put
from gateway.install.place import read_record, write_record

MARK = "mooring-export.json"
SITE = "site"
_OWN = ("logs", "tmp")
_LOG = "logs/error.log"
_PRIVATE, _PUBLIC = 0o600, 0o644


def claim(folder: Path) -> None:
    """Make sure that the folder is ours to write to: it is new, empty, or an export of before. Else `ConfigError`."""
    record = read_record(folder / MARK)
    is_ours = record is not None and record.get("by") == "mooring"
    try:
        is_free = not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
        if not is_ours and not is_free:
            raise ConfigError(
                f"{folder} was not made by Mooring, and what is in it would be written over: name a new or empty one",
                key="--export",
            )
        folder.mkdir(parents=True, exist_ok=True)
        write_record(folder / MARK, {"by": "mooring"})
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written to ({error.strerror})", key="--export") from error


def write_configuration(folder: Path, files: Mapping[str, str], *, is_private: bool) -> None:
    """Write nginx's files, and make the folders that it writes to."""
    for name in _OWN:
        (folder / name).mkdir(exist_ok=True)
    (folder / _LOG).touch(_PRIVATE)  # nginx makes none that is there, and its own could be read by everybody
    for name, text in files.items():
        put(folder / name, text.encode(), _PRIVATE if is_private else _PUBLIC)
