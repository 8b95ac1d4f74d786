"""The real session over in-memory ports, a virtual clock and a seeded scheduler: N windows, M servers, every fault."""
