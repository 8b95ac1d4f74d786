"""Faults of demo servers (*Break it*), by their names in `POST /demo/break` and in the fleet's state."""

from __future__ import annotations

from enum import Enum


class Fault(Enum):
    """A fault, or the end of one."""

    KILL = "kill"  # SIGKILL, as a crash or a power cut
    START = "start"  # a new process on the same port
    RESTART = "restart"  # the process replaces itself: queue and history are lost
    LOSE_REQUEST = "lose-request"
    LOSE_ANSWER = "lose-answer"
    SILENT_ANSWER = "silent-answer"
    QUEUED_500 = "queued-500"
    REFUSE_NEXT = "refuse-next"
    HOLD_NEXT = "hold-next"
    RELEASE = "release"  # the next submit is a normal one, and a held one continues
    HANG = "hang"
    WAKE = "wake"
    DEAD_WORKER = "dead-worker"
    REVIVE_WORKER = "revive-worker"
    DEAF = "deaf"
    SPEAK = "speak"
    REFUSE_SOCKETS = "refuse-sockets"
    ADMIT_SOCKETS = "admit-sockets"
    DROP_SOCKETS = "drop-sockets"
    CLEAR_HISTORY = "clear-history"
    OVERWRITE_FILE = "overwrite-file"
    RESET = "reset"
