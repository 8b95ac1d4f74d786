"""`python -m gateway`: the composition root. It chooses the fleet, runs the gateway, and ends it on a signal."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import errno
import gc
import logging
import os
import signal
import socket
import ssl
import sys
import threading
from collections.abc import AsyncIterator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from types import FrameType

from gateway.commands import find_command
from gateway.errors import ConfigError, MooringError, StartError
from gateway.flags import Flags, parse_flags
from gateway.fleet.changes import OwnFile
from gateway.fleet.choice import USUAL_ADDRESS, choose_fleet, demo_count
from gateway.fleet.demo import DemoFleet
from gateway.fleet.file import check_direct
from gateway.fleet.fleet import DeclaredBy, Fleet, LocalServer
from gateway.fleet.local_servers import PORTS, find_local_servers
from gateway.fleet.watch import watched
from gateway.http.deadlines import Deadlines
from gateway.http.own_hosts import OwnHosts, build_own_hosts
from gateway.installation import PLACE, ROOT, command_words, locate
from gateway.logs import start_logs
from gateway.people.login_settings import LoginSettings, find_login_settings
from gateway.platforms import system
from gateway.tasks import start_task

_FAILED = 1
_log = logging.getLogger(__name__)
_LOCAL_SECONDS = 1.0  # for a ComfyUI on this machine to answer
_THREADS = 64
_END_SECONDS = 15.0  # from a signal to the end of the process, whatever hangs


def main() -> int:
    """Run until a signal, or run a sub-command. The exit code is 0, or 1 after one sentence about what to do."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a Windows program without a window has None
            stream.reconfigure(errors="replace")  # names of devices may be in any script
    command, words = find_command(sys.argv[1:])
    if command is not None:
        with _readers_may_leave():
            return command.run(words)
    flags = parse_flags(words)
    try:
        start_logs(is_json=flags.json_logs, file=flags.log)
        if flags.export is not None:
            with _readers_may_leave():
                _export(flags, flags.export)
        else:
            asyncio.run(_run(flags))
    except MooringError as error:
        print(error, file=sys.stderr, flush=True)
        if flags.log is not None:
            _log.error("%s", error)
        return _FAILED
    except KeyboardInterrupt:  # a second one
        return _FAILED
    return 0


@contextlib.contextmanager
def _readers_may_leave() -> Iterator[None]:
    """End the process without a traceback once no one reads its output any more, as after `| head`."""
    try:
        try:
            yield
        finally:
            print(end="", flush=True)
    except BrokenPipeError:
        # Python flushes it again at its end.
        with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        sys.exit(_FAILED)


def _export(flags: Flags, folder: Path) -> None:
    from gateway.export.command import export  # which a gateway does not need

    for line in export(flags, folder, ROOT):
        print(line)


async def _run(flags: Flags) -> None:
    loop = asyncio.get_running_loop()
    # Host name look-ups take a thread each and hang with their name server, while file access needs threads too.
    loop.set_default_executor(ThreadPoolExecutor(_THREADS))
    serving = asyncio.create_task(_serve(flags))
    with _end_on_signal(loop, serving), contextlib.suppress(asyncio.CancelledError):
        await serving


@contextlib.contextmanager
def _end_on_signal(loop: asyncio.AbstractEventLoop, serving: asyncio.Task[None]) -> Iterator[None]:
    """The first signal ends the gateway in order; the second one kills it. Windows' loop has no signal handlers.

    A thread that hangs, such as one in a name look-up or on a lost network drive, would keep the process for ever.
    """
    timer = threading.Timer(_END_SECONDS, _give_up)
    timer.daemon = True

    def end(_number: int, _frame: FrameType | None) -> None:
        with contextlib.suppress(RuntimeError):  # it has been started by an earlier signal
            timer.start()
        loop.call_soon_threadsafe(serving.cancel)

    before = {number: signal.signal(number, end) for number in system.STOP_SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def _give_up() -> None:
    _log.error("the gateway has not ended within %.0f s of the signal: it is killed", _END_SECONDS)
    os._exit(_FAILED)


async def _serve(flags: Flags, usual: str = USUAL_ADDRESS, ports: Iterable[int] = PORTS) -> None:
    """Serve for ever. Without a named fleet, a ComfyUI at `usual` is used, and those at `ports` are offered."""
    deadlines = Deadlines()
    soon = dataclasses.replace(deadlines, probe=_LOCAL_SECONDS)
    tls = _load_tls(flags)
    fleet = await choose_fleet(flags, soon, usual)
    logins = find_login_settings(flags, fleet.rules)
    check = partial(check_direct, has_users=logins is not None)
    check(fleet)
    own_hosts = build_own_hosts(
        host=flags.host,
        port=flags.port,
        is_tls=tls is not None,
        names=fleet.names,
        machine=socket.gethostname(),
        flagged=flags.names,
    )
    async with contextlib.AsyncExitStack() as stack:
        listener = stack.enter_context(contextlib.closing(_bind(flags)))
        demo = None
        if fleet.source is DeclaredBy.DEMO:
            demo = await stack.enter_async_context(_run_demo(flags))
            fleet = dataclasses.replace(fleet, servers=demo.servers)
        from gateway.server import Gateway  # with most of a start's imports, while the demo servers start

        breakable = demo if flags.faults else None
        place = locate().fleet
        gateway = Gateway(
            fleet=fleet,
            own_hosts=own_hosts,
            root=ROOT,
            deadlines=deadlines,
            breakable=breakable,
            workflows=flags.workflows,
            logins=logins,
            own_file=None if place is None else OwnFile(place, is_read=not flags.names_fleet),
        )
        await stack.enter_async_context(gateway)
        if demo is not None:
            await demo.ready(deadlines.demo_start)  # they have started while the page was made ready
            demo.watch(gateway.prober.explain_down)
        await stack.enter_async_context(watched(gateway, deadlines, check))
        await gateway.listen(listener, tls)
        gc.collect()
        gc.freeze()  # these objects live as long as the gateway; searching them would block for 50 ms
        _announce(gateway.state.fleet, own_hosts, logins)
        if not flags.names_fleet and logins is None and own_hosts.is_private:
            found = await find_local_servers(fleet, soon, ports)
            gateway.state.note_local(found)
            _offer(flags, fleet, found)
        stack.callback(start_task(gateway.draw_ahead()).cancel)
        await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def _run_demo(flags: Flags) -> AsyncIterator[DemoFleet]:
    demo = DemoFleet(
        count=demo_count(flags), after_port=flags.port, is_faulty=flags.faults, place=PLACE, version=flags.speaks
    )
    try:
        await demo.start()
        yield demo
    finally:
        await demo.close()


def _announce(fleet: Fleet, own_hosts: OwnHosts, logins: LoginSettings | None) -> None:
    print(f"Fleet: {fleet.why}")
    for server in fleet.servers:
        print(f"  {server.id}  {server.address}")
    for warning in fleet.warnings:
        print(f"Warning: {warning}")
    if logins is not None and logins.users is not None and logins.sessions is None and fleet.rules.session_days:
        print("Warning: without --sessions FILE a session lasts one day, whatever session_days says.")
    if not own_hosts.is_private:
        others = sorted({origin for origin in own_hosts.listed.values() if origin != own_hosts.origin})
        reached = "this machine" if own_hosts.is_open else "what is in front of it"
        whom = f"everyone who can reach {reached}" if logins is None else "users who log in"
        print(f"Open to {whom}, as {', '.join(others)}{' or by its address' if own_hosts.is_open else ''}.")
    print(f"Mooring is ready: {own_hosts.origin}/", flush=True)


def _offer(flags: Flags, fleet: Fleet, found: tuple[LocalServer, ...]) -> None:
    """Print the servers that were found on this machine, and how to use them all."""
    if not found:
        return
    print("\nAlso found on this machine, and not used until you choose it under Fleet:")
    for one in found:
        about = ", ".join([f"ComfyUI {one.version}".rstrip(), *one.devices])
        print(f"  {one.server.id}  {one.server.address}  {about}")
    mine = () if fleet.source is DeclaredBy.DEMO else fleet.servers
    named = tuple((server.id, server.address) for server in (*mine, *(one.server for one in found)))
    words = dataclasses.replace(flags, servers=named).arguments()
    print(f"Start Mooring like this to use all of them:\n  {system.shell_line([*command_words(), *words])}", flush=True)


def _bind(flags: Flags) -> socket.socket:
    """Return a listening socket, bound before anything is started; StartError says why it cannot be."""
    host = "127.0.0.1" if flags.host.lower() == "localhost" else flags.host
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, flags.port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror as error:
        raise ConfigError(f"--host {flags.host} is not an address of this machine.") from error
    listener = socket.socket(family, kind, protocol)
    try:
        system.claim(listener)
        listener.setblocking(False)
        listener.bind(address)
        listener.listen()
    except OSError as error:
        listener.close()
        raise _explain_bind(flags, error) from error
    return listener


def _explain_bind(flags: Flags, error: OSError) -> MooringError:
    match error.errno:
        case errno.EACCES if flags.port < 1024:
            return StartError(f"Port {flags.port} is not for ordinary users: choose one above 1023 with --port.")
        case errno.EADDRINUSE | errno.EACCES:  # the latter on Windows
            return StartError(
                f"Port {flags.port} is in use on {flags.host}: end what uses it, or choose another with --port."
            )
        case errno.EADDRNOTAVAIL:
            return ConfigError(f"--host {flags.host} is not an address of this machine.")
        case _:
            return StartError(f"cannot listen on {flags.host}:{flags.port}: {error.strerror}.")


def _load_tls(flags: Flags) -> ssl.SSLContext | None:
    if flags.tls_cert is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        # Without a password callback OpenSSL would prompt on the terminal, and a service would wait for ever.
        context.load_cert_chain(flags.tls_cert, flags.tls_key, password=lambda: "")
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"it does not open with {flags.tls_key}: {error}", file=flags.tls_cert, key="--tls-cert"
        ) from error
    return context


if __name__ == "__main__":
    sys.exit(main())
