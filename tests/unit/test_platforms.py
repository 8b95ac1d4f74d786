"""Only `gateway/platforms` calls what one system has; its Windows module is called here with Windows replaced."""

from __future__ import annotations

import ast
import inspect
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from gateway.platforms import system, windows
from tests.kit.platforms import posix_only
from tests.unit.test_architecture import Module, inside

CHECKED = ("gateway", "demo_comfyui", "wire", "tests", "serve")
PLATFORMS = {"gateway.platforms.posix", "gateway.platforms.windows", __name__}
MODULES = {"fcntl", "grp", "msvcrt", "posix", "pty", "pwd", "resource", "termios", "tty", "winreg"}
NAMES = {  # of a module: what only some systems have, and what means something else on another one
    "os": r"name|exec[lv]\w*|fork\w*|wait\w*|kill\w*|nice|[gs]ete?[ug]id|[gs]etpgid|setsid|sched_\w+|posix_\w+"
    r"|getloadavg|sysconf|statvfs|uname|mkfifo|umask|sendfile|pipe2|open|link|symlink|readlink|rename|replace|startfile"
    r"|[fl]?ch(mod|own)",
    "signal": r"SIG(KILL|ALRM|PROF|HUP|USR\d|CHLD|PIPE|STOP|BREAK)|CTRL_\w+|setitimer|alarm|pause|pthread_\w+",
    "socket": r"SO_REUSE\w+|SO_EXCLUSIVEADDRUSE|AF_UNIX",
    "sys": r"platform",
}
ATTRIBUTES = {  # of any object, such as an event loop, a process or a path
    "add_signal_handler", "remove_signal_handler", "add_reader", "add_writer", "create_unix_server",
    "create_unix_connection", "send_signal", "chmod", "symlink_to", "hardlink_to", "st_mode",
}  # fmt: skip
KEYWORDS = {
    "creationflags", "pass_fds", "preexec_fn", "process_group", "reuse_address", "reuse_port", "start_new_session",
    "startupinfo",
}  # fmt: skip
MARKS = re.compile(r"(posix|linux)_only\(.+")  # of tests that are skipped elsewhere, with the reason
EXCEPTIONS = {
    "gateway.platforms": ("sys.platform", "it chooses"),
    "gateway.export.site": ("chmod", "Windows only clears the mark of files that are read-only"),
    "gateway.whole_file": ("os.open", "with the flags of Python's own files, so that no line end is changed"),
    "demo_comfyui.routes_info": (r"os.name|sys.platform", "ComfyUI reports them"),
    "tests.kit.browser.crashes": (r"os.getloadavg|/proc/meminfo", "facts for a report, left out where missing"),
    "tests.kit.platforms": (".+", "what tests need of a system"),
    "tests.toolchain": (r"chmod|sys.platform", "packages of Debian; Chrome has no --version on Windows"),
}

TEXT_MODE = re.compile(r"'[rwax]\+?t?'")


def found_in(module: Module) -> Iterator[tuple[int, str]]:
    """Yield the lines and names of what `gateway.platforms` is for."""
    for node in unmarked(module.tree):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, one.name) for one in names if one.name in MODULES)
            case ast.ImportFrom(module=str(name)) if name in MODULES:
                yield node.lineno, name
            case ast.Attribute(value=ast.Name(id=of), attr=name) if re.fullmatch(NAMES.get(of, "(?!)"), name):
                yield node.lineno, f"{of}.{name}"
            case ast.Attribute(attr=name) if name in ATTRIBUTES:
                yield node.lineno, name
            case ast.Call(func=ast.Attribute(attr="replace" | "rename" as name, value=of), args=[_], keywords=[]):
                if ast.unparse(of) != "dataclasses":  # a path's: a text's has two arguments
                    yield node.lineno, name
            case ast.Constant(value=str(text)) if re.match(r"/(proc|dev)/", text):
                yield node.lineno, text
            case ast.keyword(arg=str(name)) if name in KEYWORDS:
                yield node.value.lineno, name


def unmarked(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield all nodes but those of tests that are skipped on other systems."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        marks = node.decorator_list if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else []
        if not any(MARKS.fullmatch(ast.unparse(mark)) for mark in marks):
            yield node
            waiting += ast.iter_child_nodes(node)


def test_only_one_package_calls_what_one_system_has() -> None:
    found, used = [], set()
    for module in (module for name in CHECKED for module in inside(name)):
        allowed, _ = EXCEPTIONS.get(module.name, ("", ""))
        for line, name in found_in(module):
            if re.fullmatch(allowed, name):
                used.add(module.name)
            elif module.name not in PLATFORMS:
                found.append(f"{module.name}:{line} {name}")
    assert found == []
    assert used == EXCEPTIONS.keys(), "an exception without need"


@pytest.mark.parametrize(
    "source",
    [
        "import fcntl",
        "from resource import getrlimit",
        "os.kill(pid, 9)",
        "signal.SIGKILL",
        "is_windows = sys.platform == 'win32'",
        "loop.add_signal_handler(15, end)",
        "process.send_signal(2)",
        "fresh.replace(path)",
        "open('/proc/self/status')",
        "Popen(words, start_new_session=True)",
        "site = TCPSite(reuse_address=True)",
        "listener.setsockopt(1, socket.SO_REUSEADDR, 1)",
    ],
)
def test_each_kind_of_call_is_found(source: str, tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text(source, "utf-8")
    (tmp_path / "two.py").write_text(f"@posix_only('no such call')\ndef test_one(): {source}", "utf-8")
    assert len(list(found_in(Module("one", tmp_path / "one.py")))) == 1
    assert list(found_in(Module("two", tmp_path / "two.py"))) == []


def test_product_names_the_encoding_of_each_text() -> None:
    """The default differs between systems; `python -m tests` sets it for the tests."""
    found = [
        f"{module.name}:{call.lineno} {ast.unparse(call)[:60]}"
        for module in (module for name in CHECKED if name != "tests" for module in inside(name))
        for call in ast.walk(module.tree)
        if isinstance(call, ast.Call) and is_of_text(call) and not names_encoding(call)
    ]
    assert found == []


def is_of_text(call: ast.Call) -> bool:
    """Return whether a call reads or writes text."""
    match call.func:
        case ast.Attribute(attr="read_text" | "write_text"):
            return True
        case ast.Attribute(attr="open") | ast.Name(id="open"):
            modes = [TEXT_MODE.fullmatch(ast.unparse(one)) for one in call.args]
            return not modes or any(modes)
        case _:
            return any(one.arg == "text" and ast.unparse(one.value) == "True" for one in call.keywords)


def names_encoding(call: ast.Call) -> bool:
    of_path = isinstance(call.func, ast.Attribute) and call.func.attr in {"read_text", "write_text"}
    is_last = (
        of_path
        and bool(call.args)
        and re.fullmatch(r"'(utf-8(-sig)?|ascii|replace)'", ast.unparse(call.args[-1])) is not None
    )
    return is_last or any(one.arg == "encoding" for one in call.keywords)


# The modules of the systems


def names_of(module: ModuleType) -> dict[str, list[str]]:
    """Return a module's own public names, with the parameters that callers give."""
    imported = {
        name
        for one in ast.parse(inspect.getsource(module)).body
        if isinstance(one, ast.Import | ast.ImportFrom)
        for alias in one.names
        for name in [alias.asname or alias.name]
    }
    return {
        name: [one.name for one in inspect.signature(value).parameters.values() if one.kind is not one.KEYWORD_ONLY]
        if inspect.isfunction(value) else []
        for name, value in vars(module).items() if not name.startswith("_") and name not in imported
    }  # fmt: skip


@posix_only("it has only the one module")
def test_both_systems_have_the_same_functions() -> None:
    assert names_of(windows) == names_of(system)
    assert {"replace", "become", "claim"} < names_of(system).keys()


class Child:
    """A process that records what is done to it; its wait is interrupted by Ctrl+C once."""

    pid = 4711

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self.calls.append("left")

    def wait(self) -> int:
        self.calls.append("wait")
        if self.calls.count("wait") == 1:
            raise KeyboardInterrupt
        return 3

    def send_signal(self, number: int) -> None:
        self.calls.append(number)


def test_windows_waits_for_the_command_despite_ctrl_c() -> None:
    child = Child()

    def popen(command: list[str], env: dict[str, str]) -> Child:
        child.calls.append((command, env))
        return child

    with pytest.raises(SystemExit) as ended:
        windows.become(["python", "-m", "gateway"], {"A": "b"}, popen=popen)
    assert ended.value.code == 3
    assert child.calls == [(["python", "-m", "gateway"], {"A": "b"}), "wait", "wait", "left"]


def test_windows_ends_a_process_by_ctrl_break_in_its_group() -> None:
    child: Any = Child()
    windows.end(child)
    assert child.calls == [1]
    assert windows.ENDABLE == windows.OWN_GROUP == {"creationflags": 0x200}
    assert windows.at_low_priority(["node", "x.js"]) == (["node", "x.js"], {"creationflags": 0x4200})
    assert windows.inheriting(7) == {}
    run: list[list[str]] = []
    windows.kill_group(child, run=lambda words, **_: run.append(words))
    assert run == [["taskkill", "/T", "/F", "/PID", "4711"]]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["python", "serve.py", "--server", "a=http://127.0.0.1:1"], "python serve.py --server a=http://127.0.0.1:1"),
        (["--fleet", "C:\\My files\\a.toml"], '--fleet "C:\\My files\\a.toml"'),
        (["a&b", "(c)"], '"a&b" "(c)"'),
    ],
)
def test_windows_quotes_words_for_both_of_its_shells(words: list[str], line: str) -> None:
    assert windows.shell_line(words) == line


def test_windows_lock_is_refused_while_another_process_has_it() -> None:
    calls = []

    def locking(*arguments: int) -> None:
        calls.append(arguments)
        if len(calls) > 1:
            raise PermissionError(13, "Permission denied")

    assert [windows.lock(5, locking=locking) for _ in range(2)] == [True, False]
    assert calls == [(5, 2, 1)] * 2


@pytest.mark.parametrize("refusals", [0, 3])
def test_windows_replaces_a_file_once_its_readers_have_closed_it(tmp_path: Path, refusals: int) -> None:
    (old := tmp_path / "old").write_text("old")
    (new := tmp_path / "new").write_text("new")
    waited: list[float] = []

    def move(source: Path, target: Path) -> None:
        if len(waited) < refusals:
            raise PermissionError(13, "Access is denied")
        os.replace(source, target)

    windows.replace(new, old, move=move, sleep=waited.append)
    assert (old.read_text(), new.exists(), len(waited)) == ("new", False, refusals)


def test_windows_reports_a_file_that_stays_open(tmp_path: Path) -> None:
    waited: list[float] = []

    def refuse(*_: Path) -> None:
        raise PermissionError(13, "Access is denied")

    with pytest.raises(PermissionError):
        windows.replace(tmp_path / "new", tmp_path / "old", move=refuse, sleep=waited.append)
    assert 1 < sum(waited) < 3
    windows.delete(tmp_path / "open", unlink=refuse)
    windows.delete(tmp_path / "missing")


def test_windows_publishes_a_file_under_a_free_name_only(tmp_path: Path) -> None:
    (whole := tmp_path / "whole").write_text("key")

    def move(source: Path, target: Path) -> None:  # as `os.rename` does there
        if target.exists():
            raise FileExistsError
        os.rename(source, target)

    windows.publish(whole, tmp_path / "key", move=move)
    assert (tmp_path / "key").read_text() == "key"
    with pytest.raises(FileExistsError):
        windows.publish(tmp_path / "key", tmp_path / "key", move=move)


def test_windows_does_not_share_a_port() -> None:
    options = []
    listener: Any = SimpleNamespace(setsockopt=lambda *option: options.append(option))
    windows.claim(listener)
    assert options == [(socket.SOL_SOCKET, -5, 1)]


def test_windows_has_no_modes_and_no_limits(tmp_path: Path) -> None:
    (path := tmp_path / "key").write_text("key")
    path.chmod(0o666)
    assert not windows.is_open_to_others(path)
    assert not windows.is_root()
    windows.take_after(path, tmp_path / "missing")
    windows.bound_memory(1)
    windows.yield_processor()
    assert (windows.raise_file_limit(99), windows.peak_memory()) == (None, 0)
    assert set(windows.STOP_SIGNALS) >= {signal.SIGINT}


@posix_only("no such system calls")
def test_posix_becomes_the_command_in_the_same_process(tmp_path: Path) -> None:
    code = (
        "import os, sys; from gateway.platforms import system; print(os.getpid(), flush=True);"
        " system.become([sys.executable, '-c', 'import os; print(os.getpid())'], os.environ)"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert len(printed) == 2 and printed[0] == printed[1]


@posix_only("no port waits for late packets")
def test_posix_port_is_free_at_once_after_its_last_connection() -> None:
    port = 0
    for _ in range(2):
        with socket.socket() as listener:
            system.claim(listener)
            listener.bind(("127.0.0.1", port))
            listener.listen()
            port = listener.getsockname()[1]
            with socket.create_connection(("127.0.0.1", port)) as browser:
                listener.accept()[0].close()  # the end that closes first keeps the port busy
                browser.recv(1)


@posix_only("no such limits")
def test_posix_raises_its_limit_of_files_as_far_as_it_may() -> None:
    code = (
        "import resource; from gateway.platforms import system;"
        " resource.setrlimit(resource.RLIMIT_NOFILE, (50, 90)); print(*map(system.raise_file_limit, (70, 60, 200)))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.split() == ["70", "70", "90"]


@posix_only("no such modes")
def test_posix_file_for_the_group_is_open_to_others(tmp_path: Path) -> None:
    (path := tmp_path / "key").touch(0o600)
    assert not system.is_open_to_others(path)
    path.chmod(0o640)
    assert system.is_open_to_others(path)
