"""The almanac: generated documents about invented things, and questions on them."""
