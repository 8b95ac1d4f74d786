"""The session: each promise in short scenarios on the simulation's ports."""
