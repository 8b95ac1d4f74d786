"""The folder of an export: only files that Mooring has written are overwritten, and each file is replaced whole.

mooring-export.json    marks the folder as an export
nginx.conf, *.inc      the configuration; readable by its owner only if it contains a server's login
site/                  the static site
logs/, tmp/            nginx's own; the log, which has the addresses of pictures, is readable by its owner only
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gateway.errors import ConfigError
from gateway.install.place import read_record, write_record
from gateway.whole_file import PRIVATE, PUBLIC, write_whole

MARK = "mooring-export.json"
SITE = "site"
_OWN = ("logs", "tmp")
_LOG = "logs/error.log"


def claim(folder: Path) -> None:
    """Claim the folder: it must be new, empty, or an earlier export; otherwise raise `ConfigError`."""
    record = read_record(folder / MARK)
    is_ours = record is not None and record.get("by") == "mooring"
    try:
        is_free = not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
        if not is_ours and not is_free:
            raise ConfigError(
                f"{folder} was not made by Mooring, and its content would be overwritten: name a new or empty one",
                key="--export",
            )
        folder.mkdir(parents=True, exist_ok=True)
        write_record(folder / MARK, {"by": "mooring"})
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written to ({error.strerror})", key="--export") from error


def write_configuration(folder: Path, files: Mapping[str, str], *, is_private: bool) -> None:
    """Write nginx's files, and make the folders that nginx writes to."""
    for name in _OWN:
        (folder / name).mkdir(exist_ok=True)
    (folder / _LOG).touch(PRIVATE)  # nginx keeps an existing file, but its own would be readable by everyone
    for name, text in files.items():
        write_whole(folder / name, text.encode(), PRIVATE if is_private else PUBLIC)
