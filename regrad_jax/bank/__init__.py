"""Gradients at rest: manifest, codecs, store, builder."""
