"""Links into the page: following one that is in its address, and making one to share."""
