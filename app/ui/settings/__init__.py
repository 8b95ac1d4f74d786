"""Settings of this browser, and the account."""
