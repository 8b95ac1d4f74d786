"""The flags of `serve.py` and of `python -m gateway`, parsed and checked.

    flags = parse_flags(["--port", "8300", "--server", "a=http://10.0.0.5:8188"])

Standard library only: `serve.py` parses the flags before anything is installed, so that an invalid one
fails immediately.
"""

from __future__ import annotations

import argparse
import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

from gateway.installation import COMMAND, PROGRAM, Locations, locate
from wire.versions import NEWEST, VERSIONS

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8200
LAST_PORT = 65_535
MOST_DEMO_SERVERS = 16  # each is a process with Pillow, about 60 MB
USAGE_ERROR = 2  # the exit code that argparse and the shell use for an invalid command line

SERVER_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")
HOST_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*", re.ASCII)
AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([1-9][0-9]{0,4}))?", re.ASCII)


class FlagError(ValueError):
    """An invalid command line; the text is one sentence for the user who typed it."""


@dataclass(frozen=True, slots=True)
class Flags:
    """The parsed command line. At most one of `fleet`, `servers` and `demo` is given."""

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    names: tuple[str, ...] = ()  # host names or origins, in the order given
    fleet: Path | None = None
    servers: tuple[tuple[str, str], ...] = ()  # (id, normalized address), in the order given
    demo: int | None = None  # how many demo servers; None: not requested
    speaks: str | None = None  # the version that they speak as
    workflows: Path | None = None
    faults: bool = False
    insecure: bool = False
    tls_cert: Path | None = None
    tls_key: Path | None = None
    users: Path | None = None
    key: Path | None = None
    sessions: Path | None = None
    json_logs: bool = False
    log: Path | None = None
    export: Path | None = None
    gateways: tuple[str, ...] = ()  # HOST:PORT, in the order given; only with `export`

    @property
    def names_fleet(self) -> bool:
        """Whether they say which servers to use."""
        return self.fleet is not None or bool(self.servers) or self.demo is not None

    def arguments(self) -> list[str]:
        """Return the same flags as a command line, with absolute paths, for a process in another folder."""
        words = []
        for name, value in (
            ("--host", self.host if self.host != DEFAULT_HOST else None),
            ("--port", self.port if self.port != DEFAULT_PORT else None),
            ("--fleet", self.fleet),
            ("--workflows", self.workflows),
            ("--demo", self.demo),
            ("--speaks", self.speaks),
            ("--tls-cert", self.tls_cert),
            ("--tls-key", self.tls_key),
            ("--users", self.users),
            ("--key", self.key),
            ("--sessions", self.sessions),
            ("--export", self.export),
            ("--log", self.log),
        ):
            if value is not None:
                words += [name, str(value)]
        for server_id, address in self.servers:
            words += ["--server", f"{server_id}={address}"]
        for name in self.names:
            words += ["--name", name]
        words += ["--gateways", ",".join(self.gateways)] if self.gateways else []
        words += ["--faults"] if self.faults else []
        words += ["--insecure"] if self.insecure else []
        words += ["--json-logs"] if self.json_logs else []
        return words


def parse_flags(arguments: Sequence[str]) -> Flags:
    """Parse the flags; an invalid one ends the process with one sentence on stderr and exit code 2."""
    parser = _parser()
    try:
        return read_flags(arguments, parser)
    except FlagError as error:
        parser.exit(USAGE_ERROR, f"{error}\n")


def read_flags(
    arguments: Sequence[str], parser: argparse.ArgumentParser | None = None, own: Locations | None = None
) -> Flags:
    """Parse as `parse_flags` does, but raise `FlagError` for an invalid flag.

    What no flag names is taken from the installation's `own` files, where they exist.
    """
    found = (parser or _parser()).parse_args(list(arguments))
    flags = Flags(
        host=found.host,
        port=found.port,
        names=tuple(found.name),
        fleet=found.fleet,
        servers=tuple(found.server),
        demo=found.demo,
        speaks=found.speaks,
        workflows=found.workflows,
        faults=found.faults,
        insecure=found.insecure,
        tls_cert=found.tls_cert,
        tls_key=found.tls_key,
        users=found.users,
        key=found.key,
        sessions=found.sessions,
        json_logs=found.json_logs,
        log=found.log,
        export=found.export,
        gateways=found.gateways,
    )
    flags = _with_own_files(flags, own or locate())
    _check_fleet(flags)
    _check_exposure(flags)
    _check_export(flags)
    return flags


def _with_own_files(flags: Flags, own: Locations) -> Flags:
    if not flags.names_fleet:
        flags = replace(flags, fleet=own.existing_fleet)
    if own.sessions is not None and own.users.is_file() and flags.users in {None, own.users}:
        flags = replace(flags, users=own.users, sessions=flags.sessions or own.sessions)
    return flags


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a socket that listens on `host`."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_server_id(text: str) -> bool:
    """Whether `text` is a valid server id: lower-case letters, digits and hyphens, 31 at most."""
    return SERVER_ID.fullmatch(text) is not None


def normal_address(text: str) -> str:
    """Normalize a server's http or https address, without a trailing slash, or raise `FlagError`.

    Host and scheme become lower case and the scheme's default port is left out, so that equal addresses are equal
    strings. A path is kept (a ComfyUI behind a proxy may have one); a query, a fragment or a login is refused.
    """
    if not text.isprintable() or any(character.isspace() for character in text):
        raise FlagError(f"{text!r} is not an address: it has spaces in it.")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise FlagError(f"{text!r} is not an address: {error}.") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise FlagError(f"{text!r} is not an address such as http://127.0.0.1:8188.")
    if parts.username is not None:  # whose password is in no message
        raise FlagError(
            f"The address of {parts.hostname} has a login in it. Name that in the fleet file instead:"
            ' basic = "file:PATH" for user:password, or token = "env:NAME".'
        )
    if parts.query or parts.fragment:
        raise FlagError(f"The address {text!r} may hold only a host, a port and a path.")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    own = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{host}{'' if port in {None, own} else f':{port}'}{parts.path.rstrip('/')}"


def own_name(text: str) -> str:
    """Normalize a name of the gateway, a host name or an http(s) origin, or raise `FlagError`."""
    lower = text.lower()
    if HOST_NAME.fullmatch(lower) and not is_ip_literal(lower):
        return lower
    try:
        parts = urlsplit(lower)
        is_origin = parts.scheme in {"http", "https"} and (parts.port is None or parts.port > 0)
    except ValueError:
        is_origin = False
    if is_origin and AUTHORITY.fullmatch(parts.netloc) and not (parts.path or parts.query or parts.fragment):
        return lower
    raise FlagError(f"{text!r} is neither a host name such as studio.lan nor an origin such as https://studio.lan")


def is_ip_literal(host: str) -> bool:
    """Whether a host is an IP address, written as programs write it."""
    try:
        return str(ipaddress.ip_address(host)) == host
    except ValueError:
        return False


def same_server(one: str, other: str) -> bool:
    """Whether two normalized addresses lead to the same server, as 127.0.0.1 and localhost do."""
    return _by_number(one) == _by_number(other)


def _by_number(address: str) -> str:
    return re.sub(r"^(https?://)localhost(?=[:/]|$)", r"\g<1>127.0.0.1", address)


class Parser(argparse.ArgumentParser):
    """An argument parser that raises `FlagError` where argparse prints its usage and exits."""

    def error(self, message: str) -> NoReturn:
        """Raise argparse's message as a `FlagError`."""
        words = message.removeprefix("argument ")
        sentence = words[:1].upper() + words[1:]
        raise FlagError(f"{sentence.rstrip('.')}; {COMMAND} --help lists the flags.")


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog=PROGRAM,
        allow_abbrev=False,
        description="Serve Mooring's page and pass its requests through to your ComfyUI servers.",
        epilog="With no fleet named, the installation's fleet file is used, or else a ComfyUI that answers on"
        " 127.0.0.1:8188; without either a demo starts. Others that run on this machine are listed, and used once you"
        f" choose them. {COMMAND} check --help shows how to check every server.",
    )
    add = parser.add_argument
    add("--port", type=port_number, default=DEFAULT_PORT, help="port of the page (default: %(default)s)")
    add("--host", type=_host, default=DEFAULT_HOST, help="address to listen on (default: %(default)s)")
    add(
        "--name",
        type=_name,
        action="append",
        default=[],
        metavar="NAME",
        help="a further name by which users open the page, such as https://mooring.example behind a proxy; repeatable",
    )
    add_fleet(parser)
    add("--demo", type=_demo, metavar="N", help="start N demo servers, which need no model")
    add("--speaks", choices=VERSIONS, help=f"with --demo: the version of ComfyUI to speak as (default: {NEWEST})")
    add("--workflows", type=_folder, metavar="DIR", help="workflows that all users see first, read-only")
    add("--faults", action="store_true", help="let the page and tests break the demo servers on purpose")
    add("--users", type=_file, metavar="FILE", help=f"the users, as written by {PROGRAM} user")
    add(
        "--key",
        type=_new_file,
        metavar="FILE",
        help="the installation's key, made if there is none (default: beside --users)",
    )
    add(
        "--sessions",
        type=_new_file,
        metavar="FILE",
        help="the file of log-outs, for all gateways; without it a session lasts a day",
    )
    add("--insecure", action="store_true", help="allow --host beyond this machine without a login, or without https")
    add("--json-logs", action="store_true", help="write the log as one JSON object per line")
    add("--log", type=_new_file, metavar="FILE", help="write the log to this file, of which the last 20 MB are kept")
    add("--tls-cert", type=_file, metavar="FILE", help="serve https with this certificate chain (PEM)")
    add("--tls-key", type=_file, metavar="FILE", help="the private key of --tls-cert (PEM)")
    add("--export", type=_new_folder, metavar="DIR", help="write the page and an nginx.conf there, and end")
    add(
        "--gateways",
        type=_gateways,
        default=(),
        metavar="ADDR,ADDR",
        help="with --export: where the gateways behind nginx listen (default: 127.0.0.1 and the port after --port)",
    )
    return parser


def add_fleet(parser: argparse.ArgumentParser) -> None:
    """Add the two flags that name servers."""
    add = parser.add_argument
    add("--fleet", type=_file, metavar="FILE", help="your servers, as in fleet.example.toml")
    add(
        "--server",
        type=_server,
        action="append",
        default=[],
        metavar="ID=URL",
        help="one of your servers, for example studio=http://192.168.1.20:8188; repeatable",
    )


def _check_fleet(flags: Flags) -> None:
    given = [
        name
        for name, is_given in (
            ("--fleet", flags.fleet is not None),
            ("--server", bool(flags.servers)),
            ("--demo", flags.demo is not None),
        )
        if is_given
    ]
    if len(given) > 1:
        raise FlagError(f"{' and '.join(given)} each name the whole fleet: give only one of them.")
    if flags.faults and flags.demo is None:
        raise FlagError("--faults makes demo servers misbehave: give it together with --demo N.")
    if flags.speaks and flags.demo is None:
        raise FlagError("--speaks chooses the version of demo servers: give it together with --demo N.")
    if flags.demo is not None and flags.port + flags.demo > LAST_PORT:
        raise FlagError(f"--port {flags.port} leaves no ports after it for {flags.demo} demo servers.")
    check_servers(flags.servers)


def check_servers(servers: Sequence[tuple[str, str]]) -> None:
    """Raise `FlagError` if an id or an address is given twice."""
    for index, (server_id, address) in enumerate(servers):
        for earlier_id, earlier in servers[:index]:
            if earlier_id == server_id:
                raise FlagError(f"--server names the id {server_id} twice: each server needs its own.")
            if same_server(earlier, address):
                raise FlagError(f"--server gives {earlier_id} and {server_id} the same address, {address}.")


def _check_exposure(flags: Flags) -> None:
    if not is_loopback(flags.host) and not flags.insecure:
        if flags.users is None and flags.fleet is None:  # the fleet file may name a login proxy
            raise FlagError(exposed(flags.host))
        if flags.users is not None and flags.tls_cert is None:
            raise FlagError(
                f"--host {flags.host} would send passwords and pictures over the network for everybody to read:"
                " give --tls-cert and --tls-key, or add --insecure if nobody can listen there."
            )
    if flags.sessions is not None and flags.users is None:
        raise FlagError("--sessions is the file of log-outs: give it together with --users.")
    if (flags.tls_cert is None) != (flags.tls_key is None):
        raise FlagError("--tls-cert and --tls-key belong together: give both or neither.")


def _check_export(flags: Flags) -> None:
    if flags.export is not None and flags.fleet is None:
        raise FlagError("--export needs --fleet: the gateways behind nginx read the same file.")
    if flags.gateways and flags.export is None:
        raise FlagError("--gateways says which gateways an nginx passes to: give it together with --export.")


def exposed(host: str) -> str:
    """Explain why only this machine may reach a gateway without users."""
    return (
        f"--host {host} would let everyone who can reach this machine use your ComfyUI servers without a login:"
        " name your users with --users, or add --insecure if you want that."
    )


def _host(text: str) -> str:
    host = text.strip("[]")
    if not re.fullmatch(r"[A-Za-z0-9_.:%-]+", host):
        raise argparse.ArgumentTypeError(f"{text!r} is not a host name or an IP address")
    return host


def _name(text: str) -> str:
    try:
        return own_name(text)
    except FlagError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def port_number(text: str) -> int:
    """Parse a port, as argparse calls it."""
    return _number(text, 1, LAST_PORT)


def _demo(text: str) -> int:
    return _number(text, 1, MOST_DEMO_SERVERS)


def _number(text: str, least: int, most: int) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", text) or not least <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from {least} to {most}")
    return int(text)


def _file(text: str) -> Path:
    path = Path(text).expanduser()
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"there is no file {text!r}")
    return path.absolute()  # not resolved: the target of a link may be replaced while the gateway runs


def _new_file(text: str) -> Path:
    path = Path(text).expanduser()
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is a folder")
    return path.resolve()


def _new_folder(text: str) -> Path:
    path = Path(text).expanduser()
    if path.exists() and not path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is no folder")
    return path.resolve()


def _gateways(text: str) -> tuple[str, ...]:
    addresses = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    for address in addresses:
        found = re.fullmatch(r"([A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})", address)
        if found is None or not 1 <= int(found[2]) <= LAST_PORT:
            raise argparse.ArgumentTypeError(f"{address!r} is not an address such as 127.0.0.1:8201")
    return addresses


def _folder(text: str) -> Path:
    path = Path(text).expanduser()
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {text!r}")
    return path.resolve()


def _server(text: str) -> tuple[str, str]:
    server_id, equals, address = text.partition("=")
    if not equals or not is_server_id(server_id):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not ID=URL, with an id of at most 31 lower-case letters, digits and hyphens"
        )
    try:
        return server_id, normal_address(address)
    except FlagError as error:
        raise argparse.ArgumentTypeError(str(error).rstrip(".")) from error
