"""The artefacts of other programs, in and out."""
