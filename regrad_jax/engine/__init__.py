"""Tokens in, tokens out: adapted generation on the local devices."""
