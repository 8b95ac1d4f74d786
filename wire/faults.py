"""Faults of demo servers (*Break it*), by their names in `POST /demo/break` and in the fleet's state.

What each does is in `demo_comfyui/faults.py`, its words are in `app/ui/fleet/faults_words.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType


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


class FaultPart(Enum):
    """The part of a server that a fault affects; faults are listed by it."""

    PROCESS = "process"
    SUBMIT = "submit"
    SOCKET = "socket"
    OTHERS = "others"


@dataclass(frozen=True, slots=True)
class OfferedFault:
    """A fault in the list of *Break it*.

    `key` and `value` are what it sets in `/demo/faults`; without a key it is caused in another way. `end` ends it;
    without one it is over immediately.
    """

    fault: Fault
    part: FaultPart
    key: str = ""
    value: object = True
    end: Fault | None = None


# In the order of the list.
OFFERED = (
    OfferedFault(Fault.KILL, FaultPart.PROCESS, end=Fault.START),
    OfferedFault(Fault.RESTART, FaultPart.PROCESS, "restart"),
    OfferedFault(Fault.HANG, FaultPart.PROCESS, "hang", end=Fault.WAKE),
    OfferedFault(Fault.DEAD_WORKER, FaultPart.PROCESS, "dead_worker", end=Fault.REVIVE_WORKER),
    OfferedFault(Fault.LOSE_REQUEST, FaultPart.SUBMIT, "next_submit", "unsent", Fault.RELEASE),
    OfferedFault(Fault.LOSE_ANSWER, FaultPart.SUBMIT, "next_submit", "lost", Fault.RELEASE),
    OfferedFault(Fault.SILENT_ANSWER, FaultPart.SUBMIT, "next_submit", "silence", Fault.RELEASE),
    OfferedFault(Fault.QUEUED_500, FaultPart.SUBMIT, "next_submit", "queued_then_500", Fault.RELEASE),
    OfferedFault(Fault.REFUSE_NEXT, FaultPart.SUBMIT, "next_submit", "refuse", Fault.RELEASE),
    OfferedFault(Fault.HOLD_NEXT, FaultPart.SUBMIT, "next_submit", "hold", Fault.RELEASE),
    OfferedFault(Fault.DROP_SOCKETS, FaultPart.SOCKET, "drop_sockets"),
    OfferedFault(Fault.REFUSE_SOCKETS, FaultPart.SOCKET, "refuse_sockets", end=Fault.ADMIT_SOCKETS),
    OfferedFault(Fault.DEAF, FaultPart.SOCKET, "deaf", end=Fault.SPEAK),
    OfferedFault(Fault.CLEAR_HISTORY, FaultPart.OTHERS),
    OfferedFault(Fault.OVERWRITE_FILE, FaultPart.OTHERS),
)
SWITCHES = tuple(item for item in OFFERED if item.value is True and item.key and item.end)  # on until they are ended

# The change of `/demo/faults` that each makes, and each end; others are caused in other ways.
CHANGES: Mapping[Fault, Mapping[str, object]] = MappingProxyType(
    {
        **{item.fault: {item.key: item.value} for item in OFFERED if item.key},
        **{item.end: {item.key: False} for item in SWITCHES if item.end},
        Fault.RELEASE: {"next_submit": None, "release": True},
        Fault.RESET: {"reset": True},
    }
)
