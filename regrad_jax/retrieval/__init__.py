"""Search: questions to the passages of a bank."""
