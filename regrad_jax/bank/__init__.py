"""Gradients at rest: manifest, codecs, reader, store, builder."""
