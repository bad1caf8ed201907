"""Documents' gradients at rest, with their keys and texts: making, filling, reading and checking a bank."""
