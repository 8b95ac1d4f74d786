"""One `[[server]]` table of the fleet file as a `Server`.

A login is given by reference only, `env:NAME` or `file:PATH`, so that the file can be shown and put under version
control. The secret is read once, here, and is in no error and no warning.
"""

from __future__ import annotations

import base64
import hashlib
import math
import os
import re
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from gateway.errors import ConfigError
from gateway.flags import is_loopback, is_server_id
from gateway.fleet.fleet import ReadFile, checked_address
from gateway.fleet.toml_text import TomlTable, nearest
from gateway.http.servers import MOST_REQUESTS, Access, Limits, Server, ServerId, TlsFiles
from wire.new_servers import LONGEST_NAME

COLOURS = ("teal", "rust", "violet", "green", "rose", "blue", "ochre", "slate")  # the names in `app/ui/kit/colours.py`
KEYS = (
    "id",
    "url",
    "name",
    "drain",
    "direct",
    "partner",
    "colour",
    "weight",
    "tags",
    "token",
    "basic",
    "tls_ca",
    "tls_cert",
    "tls_key",
    "tls_verify",
    "max_requests",
    "max_upload",
)
NAME_FAULT = f"a name has 1 to {LONGEST_NAME} printable characters"
LONGEST_TAG = 24  # characters
MOST_TAGS = 8
LEAST_WEIGHT, MOST_WEIGHT = 0.01, 100.0
LARGEST_SECRET = 8_192  # bytes; headers are limited too
LARGEST_PEM = 1_000_000  # bytes; a machine's whole list of authorities has 220,000
LEAST_UPLOAD = 1_000_000  # bytes; prompts have the same limit
_OWN_LOGIN = ("token", "basic", "tls_cert", "tls_key")  # which a page cannot send
_TLS = ("tls_ca", "tls_cert", "tls_key", "tls_verify")


def is_name(text: str) -> bool:
    """Whether a server may be called that."""
    return bool(text.strip()) and len(text) <= LONGEST_NAME and text.isprintable()


class ServerReader:
    """Reads the tables of one file. `files` are those that they refer to, `warnings` are sentences for the operator."""

    def __init__(self) -> None:
        self.files: list[ReadFile] = []
        self.warnings: list[str] = []

    def read(self, table: TomlTable) -> Server:
        """Read one server."""
        table.check_keys(KEYS)
        server_id = table.needed_text("id")
        if not is_server_id(server_id):
            raise table.fault(f"{server_id!r} must be at most 31 lower-case letters, digits and hyphens", "id")
        name = table.get_text("name", server_id)
        if not is_name(name):
            raise table.fault(NAME_FAULT, "name")
        address = _address(table)
        direct_at = _direct_at(table)
        access = self.access(table, server_id, address)
        return Server(
            ServerId(server_id),
            name.strip(),
            address,
            is_drained=table.flag("drain"),
            is_direct=table.flag("direct"),
            direct_at=direct_at,
            is_partner=_is_partner(table, address, access),
            colour=read_colour(table),
            weight=read_weight(table),
            tags=read_tags(table),
            access=access,
            limits=read_limits(table),
        )

    def access(self, table: TomlTable, server_id: str, address: str) -> Access:
        """Return how the gateway connects, by the table's login and TLS; `server_id` is for the warnings."""
        authorization = self._authorization(table)
        host = urlsplit(address).hostname or ""
        is_plain = address.startswith("http:")
        if authorization and is_plain and not is_loopback(host):
            self.warnings.append(f"{server_id}: its log-in goes over plain http, where others on the way can read it.")
        given = [key for key in _TLS if key in table.values]
        if given and is_plain:
            raise table.fault("it is for what is spoken to by https", given[0])
        if not given:
            return Access(authorization)
        is_verified = table.flag("tls_verify", default=True)
        if not is_verified:
            if "tls_ca" in table.values:
                raise table.fault("with tls_verify = false nothing is compared with it: leave one out", "tls_ca")
            self.warnings.append(f"{server_id}: tls_verify = false, so any server at its address is trusted.")
        context, digest = self._tls(table, is_verified=is_verified)
        files = TlsFiles(*(_path(table, key) if key in given else None for key in ("tls_ca", "tls_cert", "tls_key")))
        return Access(authorization, context, digest, is_unverified=not is_verified, files=files)

    # Logins

    def _authorization(self, table: TomlTable) -> str:
        if "token" in table.values and "basic" in table.values:
            raise table.fault("a server has a token or a basic log-in, not both", "basic")
        if "token" in table.values:
            token = self.secret(table, "token")
            if not re.fullmatch(r"[\x21-\x7e]+", token):
                raise table.fault("its target is no token: printable ASCII without spaces", "token")
            return f"Bearer {token}"
        if "basic" in table.values:
            login = self.secret(table, "basic")
            if not login.isprintable() or not login.partition(":")[1] or login.startswith(":"):
                raise table.fault("its target is not user:password", "basic")
            return f"Basic {base64.b64encode(login.encode()).decode()}"
        return ""

    def secret(self, table: TomlTable, key: str, what: str = "login") -> str:
        """Return the content of `env:NAME` or `file:PATH`, without a line end; the error says `what` it is."""
        kind, _, where = table.get_text(key).partition(":")
        if kind == "env" and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", where, re.ASCII):
            found = os.environ.get(where)
            if found is None:
                raise table.fault(f"the environment of this gateway has no {where}", key)
            return found.strip("\r\n")
        if kind == "file" and where.strip():
            data = self._file(table, key, where, LARGEST_SECRET)
            try:
                return data.decode("utf-8").strip("\r\n")
            except UnicodeDecodeError:
                raise table.fault("the file that it names is not text in UTF-8", key) from None
        # The value may be the secret itself, so it is not repeated.
        raise table.fault(f'write "env:NAME" or "file:PATH": the {what} itself does not belong in this file', key)

    # TLS

    def _tls(self, table: TomlTable, *, is_verified: bool) -> tuple[ssl.SSLContext, str]:
        contents = {key: self._pem(table, key) for key in ("tls_ca", "tls_cert", "tls_key") if key in table.values}
        if ("tls_cert" in contents) != ("tls_key" in contents):
            missing = "tls_key" if "tls_cert" in contents else "tls_cert"
            raise table.fault(f"tls_cert and tls_key belong together, and there is no {missing}", sorted(contents)[-1])
        whole = hashlib.sha256(repr((is_verified, sorted(contents.items()))).encode())
        try:
            authorities = contents["tls_ca"].decode("ascii") if "tls_ca" in contents else None
            context = ssl.create_default_context(cadata=authorities)
        except (ssl.SSLError, ValueError) as error:
            raise table.fault("the file that it names holds no certificates (PEM)", "tls_ca") from error
        if not is_verified:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if "tls_cert" in contents:
            self._show_own(table, context)
        return context, whole.hexdigest()

    def _show_own(self, table: TomlTable, context: ssl.SSLContext) -> None:
        certificate, key = (_path(table, name) for name in ("tls_cert", "tls_key"))
        try:
            # Without a password callback OpenSSL would prompt on the terminal, and a service would wait for ever.
            context.load_cert_chain(certificate, key, password=lambda: "")
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", None) or type(error).__name__
            raise table.fault(f"it does not open with its key ({reason})", "tls_cert") from error

    def _pem(self, table: TomlTable, key: str) -> bytes:
        return self._file(table, key, table.get_text(key), LARGEST_PEM)

    def _file(self, table: TomlTable, key: str, where: str, most: int) -> bytes:
        path = _path(table, key, where)
        try:
            with path.open("rb") as file:
                data = file.read(most + 1)
        except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
            reason = getattr(error, "strerror", None) or "no such name"
            raise table.fault(f"the file that it names cannot be read ({reason})", key) from error
        self.files.append(ReadFile.of(path, data))
        if not data.strip() or len(data) > most:
            raise table.fault(f"the file that it names has nothing in it, or more than {most} bytes", key)
        return data


def _direct_at(table: TomlTable) -> int | None:
    """Return the line that lets pages contact the server directly; None if there is none."""
    if not table.flag("direct"):
        return None
    for key in _OWN_LOGIN:
        if key in table.values:
            reason = f"a page that contacts it directly would need its login ({key}): leave one of the two out"
            raise table.fault(reason, "direct")
    return table.line("direct")


def _is_partner(table: TomlTable, address: str, access: Access) -> bool:
    """Return whether the server may get keys for partner nodes, which others on the way must not read."""
    is_partner = table.flag("partner")
    if is_partner and address.startswith("http:") and not is_loopback(urlsplit(address).hostname or ""):
        raise table.fault("it would get keys over plain http, where others on the way can read them", "partner")
    if is_partner and access.is_unverified:
        raise table.fault("with tls_verify = false any server at its address would get keys: leave one out", "partner")
    if is_partner and table.flag("direct"):
        raise table.fault(
            "a page that contacts it directly could read keys that a gateway masks: leave one out", "partner"
        )
    return is_partner


def _path(table: TomlTable, key: str, where: str | None = None) -> Path:
    """Return a path, relative to the fleet file."""
    return table.text.path.parent / Path(table.get_text(key) if where is None else where)


def _address(table: TomlTable) -> str:
    try:
        return checked_address(table.needed_text("url"))
    except ConfigError as error:
        raise (error if error.file else table.fault(error.reason, "url")) from error


def read_limits(table: TomlTable) -> Limits:
    """Return the limits for requests to a server."""
    return Limits(
        table.whole("max_requests", 1, 1_000) or MOST_REQUESTS,
        table.whole("max_upload", LEAST_UPLOAD, 2**40),
    )


def read_colour(table: TomlTable) -> str:
    """Return the name of a colour, or an empty text."""
    colour = table.get_text("colour")
    if colour not in {"", *COLOURS} or (not colour and "colour" in table.values):
        raise table.fault(f"there is no such colour{nearest(colour, COLOURS)}", "colour")
    return colour


def read_weight(table: TomlTable) -> float:
    """Return the server's share of the work."""
    value = table.values.get("weight", 1.0)
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)
    if not is_number or not LEAST_WEIGHT <= value <= MOST_WEIGHT:
        raise table.fault(f"it must be a number from {LEAST_WEIGHT} to {MOST_WEIGHT:.0f}", "weight")
    return float(value)


def read_tags(table: TomlTable) -> tuple[str, ...]:
    """Return the tags, short names for users."""
    tags = tuple(tag.strip() for tag in table.texts("tags", "short names"))
    if len(tags) > MOST_TAGS or len(set(tags)) < len(tags):
        raise table.fault(f"it has each tag once, and at most {MOST_TAGS}", "tags")
    if not all(tag and len(tag) <= LONGEST_TAG and tag.isprintable() for tag in tags):
        raise table.fault(f"a tag has 1 to {LONGEST_TAG} printable characters", "tags")
    return tags
