"""The real session over in-memory ports, a virtual clock and a seeded scheduler: windows, servers, and all faults."""
