"""The languages of the page: one for each catalogue in `static/locales`, as its own header tells.

    list_languages(root)      # {"zh-CN": {"name": "简体中文", "path": "zh_CN.po"}}

Another language is one more `.po` file with `Language` and `X-Name` in its header, and nothing else.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path

FOLDER = "static/locales"
_HEADER = 4096  # bytes in which a catalogue's header stands
_CODE = re.compile(r'^"Language:\s*([a-z]{2,3}(?:[_-][A-Za-z0-9]+)*)\\n"', re.M)
_NAME = re.compile(r'^"X-Name:\s*([^"\\<>]{1,40})\\n"', re.M)

log = logging.getLogger("mooring.gateway")


def list_languages(root: Path) -> dict[str, dict[str, str]]:
    """Those that are there now, by their codes, with their files in the folder. Reads files: call it in a thread."""
    found = {}
    for path in sorted((root / FOLDER).glob("*.po")):
        with path.open("rb") as file:
            header = file.read(_HEADER).decode("utf-8", "replace")
        code, name = _CODE.search(header), _NAME.search(header)
        if code is None or name is None:
            log.warning("%s is left out: its header tells no Language or no X-Name", path.name)
            continue
        found[code[1].replace("_", "-")] = {"name": name[1].strip(), "path": path.name}
    return found
