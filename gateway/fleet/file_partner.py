"""The `[partner]` table of the fleet file: keys for partner nodes, by reference only, and who may use them."""

from __future__ import annotations

import re

from gateway.fleet.file_server import ServerReader
from gateway.fleet.partner_rules import EVERYONE, PartnerRules
from gateway.fleet.toml_text import TomlTable
from gateway.http.secret import Secret

KEYS = ("key", "people", "keys")
# Text that JSON and addresses leave unchanged, so that a key is found in whatever contains it.
_KEY = re.compile(r"[A-Za-z0-9._~-]{16,512}", re.ASCII)
_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}", re.ASCII)


def read_partner(reader: ServerReader, table: TomlTable) -> PartnerRules:
    """Read the table; `reader` collects the files that it refers to."""
    table.check_keys(KEYS)
    people = table.texts("people", "names")
    for name in people:
        if name != EVERYONE and not _NAME.fullmatch(name):
            raise table.fault(f'{name!r} is no user\'s name: write it in lower case, or "*" for all users', "people")
    key = _read_key(reader, table, "key") if "key" in table.values else None
    if people and key is None:
        raise table.fault("there is no key for them: name one as key, or one for each user in [partner.keys]", "people")
    own = table.values.get("keys", {})
    if not isinstance(own, dict):
        raise table.fault("write it as a [partner.keys] table", "keys")
    keys = TomlTable(table.text, own, "partner.keys")
    for name in own:
        if not _NAME.fullmatch(name):
            raise keys.fault("it is no user's name: write it in lower case", name)
    rules = PartnerRules(people, key, {name: _read_key(reader, keys, name) for name in own})
    if not any(rules.keys):
        raise table.text.error("it has no key", table.text.find("partner"), "key")
    return rules


def _read_key(reader: ServerReader, table: TomlTable, name: str) -> Secret:
    text = reader.secret(table, name, "key")
    if not _KEY.fullmatch(text):
        raise table.fault("its target is no key: 16 to 512 letters, digits and . _ ~ -", name)
    return Secret(text)
