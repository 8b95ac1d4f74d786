"""The panel of this browser's windows, and what closed windows have left."""
