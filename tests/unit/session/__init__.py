"""The session, scene by scene: each promise as a short story on the simulation's ports."""
