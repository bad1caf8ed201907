"""A loaded checkpoint, and the making of banks from documents."""
