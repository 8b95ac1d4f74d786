"""Submitting work: where it can run, reserving a server, uploading, sending, cancelling."""
