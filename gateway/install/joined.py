"""The page's modules, joined by Node into a few files (`join.mjs`).

    .mooring/joined/KEY.json      {"files": {path: text}, "joined": [path, …]}, named by what it was made from

A page would otherwise request fifty modules one after the other, from its gateway or from the browser's cache.
"""

from __future__ import annotations

import json
import logging
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.install.failures import CommandFailed
from gateway.install.node import node_command
from gateway.install.place import Installation, child_environment, read_record, write_record
from gateway.page.joining import Joined
from gateway.page.tree import PageTree, digest
from gateway.platforms import system

JOINER = "gateway/install/join.mjs"
ROLLUP = "static/vendor/rollup"
KEPT = 4  # results, the latest first; a gateway and the tests of another commit may share a folder
_SECONDS = 60.0
_log = logging.getLogger(__name__)


def page_tree(place: Installation) -> PageTree:
    """Return the page's files of a clone, with its modules joined."""
    return PageTree(place.root, JoinedModules(place))


@dataclass(frozen=True, slots=True)
class JoinedModules:
    """The joined modules of one clone."""

    place: Installation

    def __call__(self, entries: Sequence[str], sources: str) -> Joined | None:
        """Return what these modules are joined to; None if that is impossible, and each is loaded by itself.

        `sources` is a digest of all modules. Runs Node, unless it has done this before: call it in a thread.
        """
        if not (self.place.root / ROLLUP).is_dir():
            return None  # a clone that is not set up yet, or a part of one
        folder = self.place.state / "joined"
        path = folder / f"{digest(json.dumps([sources, *entries, self.place.digest([JOINER])]).encode())}.json"
        record = read_record(path)
        if record is None:
            try:
                record = json.loads(self._run(entries))
                folder.mkdir(parents=True, exist_ok=True)
                write_record(path, record)
                for old in sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime_ns)[:-KEPT]:
                    system.delete(old)
            except CommandFailed as error:
                _log.warning("windows load more files, since Node could not join the page's modules: %s", error.output)
                return None
            except OSError as error:
                _log.warning("the page's modules are joined again at the next start: %s", error)
        return None if record is None else Joined(record["files"], frozenset(record["joined"]))

    def _run(self, entries: Sequence[str]) -> str:
        command = [*node_command(self.place), self.place.root / JOINER, self.place.root, *entries]
        try:
            ended = subprocess.run(
                [str(word) for word in command],
                cwd=self.place.root,
                env=child_environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                encoding="utf-8",
                timeout=_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise CommandFailed(f"it took more than {_SECONDS:.0f} s") from error
        if ended.returncode != 0:
            raise CommandFailed(ended.stderr[-2_000:])
        return ended.stdout
