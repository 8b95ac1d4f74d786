"""The session of one window: asynchronous orchestration over the ports, without rules of its own."""

from app.session.facts import Picked, Preview, Run, RunStage, SocketFacts
from app.session.session import Session

__all__ = ["Picked", "Preview", "Run", "RunStage", "Session", "SocketFacts"]
