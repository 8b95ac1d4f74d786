"""The library: what can be opened here, and opening it."""
