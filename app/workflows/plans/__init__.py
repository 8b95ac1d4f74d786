"""Plans of many runs from one workflow."""
