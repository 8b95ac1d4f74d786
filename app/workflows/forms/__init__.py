"""Forms of workflows: fields, their order, arrangement, presets and undo."""
