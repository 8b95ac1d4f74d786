"""The port suite: what the session relies on, checked on the fakes and on the browser's adapters."""
