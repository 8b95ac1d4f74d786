"""The form of the chosen workflow: fields, files, masks, presets, recent values."""
