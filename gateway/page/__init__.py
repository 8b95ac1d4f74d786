"""What the page is made of: its files, their archive, and the name of each build. Standard library only."""
