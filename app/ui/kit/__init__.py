"""Parts, controls, words and languages that every feature uses."""
