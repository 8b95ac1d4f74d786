"""Messages above everything else, and what screen readers announce."""
