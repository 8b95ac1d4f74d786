"""The session of one window: asynchronous orchestration over the ports, without rules of its own."""

from app.session.facts import Fresh, Noticed, Picked, Preview, Run, RunStage, SocketFacts
from app.session.models import ModelFile
from app.session.salvage import Orphan, OrphanLine, OrphanRecord
from app.session.session import Session

__all__ = [
    "Fresh",
    "ModelFile",
    "Noticed",
    "Orphan",
    "OrphanLine",
    "OrphanRecord",
    "Picked",
    "Preview",
    "Run",
    "RunStage",
    "Session",
    "SocketFacts",
]
