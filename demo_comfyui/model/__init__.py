"""One model of ComfyUI: its rules as values and functions, with the traps of a real server.

The demo servers drive it with sockets, folders and the real clock, the simulation with ports in memory, a virtual clock
and faults. It has no I/O, clock or randomness of its own: what it needs of them are arguments. What differs between
versions is in `versions.py`; every other rule is the same in both.
"""
