"""Servers that are looked up by name: asked for in DNS, asked who they are, and told to the gateway as its fleet."""
