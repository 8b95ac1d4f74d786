"""Proof that the tests can fail: sources changed on purpose, and the tests that must notice."""
