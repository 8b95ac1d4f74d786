"""Results: fetched from their server, kept, and listed."""
