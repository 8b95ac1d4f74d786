"""The page's files, their archive, and the key of each build. Standard library only."""
