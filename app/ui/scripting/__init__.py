"""The drawer of the scripting console."""
