"""Forty hand-written passages on invented things, and questions that only they answer."""
