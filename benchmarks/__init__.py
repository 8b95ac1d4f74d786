"""Measurements, each by one command that prints a table and writes JSON to `benchmarks/out/`."""
