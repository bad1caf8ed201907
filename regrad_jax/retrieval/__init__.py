"""Keys and search."""
