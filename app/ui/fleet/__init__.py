"""The panel of servers: their condition, their administration, injected faults."""
