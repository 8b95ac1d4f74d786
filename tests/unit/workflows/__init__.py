"""The workflows: a catalogue or a file in, a value or a typed refusal out."""
