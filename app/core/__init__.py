"""The rules of Mooring: values in, values out; no clock, no randomness, no I/O."""
