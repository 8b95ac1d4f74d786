"""Results: the album, saving, deleting, contact sheets, and what is kept in the browser."""
