"""Kinds of almanac entries, one module a theme."""
