"""The store in memory, for private windows, the self-check and tests; and the self-check's other ports."""
