"""Partner nodes: nodes that run elsewhere, cost credits and need a key."""
