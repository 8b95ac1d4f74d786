"""Measurements, each by one command that prints a table: `python3 -m benchmarks` lists them."""
