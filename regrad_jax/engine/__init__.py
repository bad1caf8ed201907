"""Tokens in, tokens out: requests that each have weights of their own, run together on all local devices.

The engine knows no text, no bank on a disk and no search. A request brings its tokens and, where it is to be
adapted, the packed rows of its documents with their weights. The steps stand in files of their own: `adapt`
makes the adapted parameters, `prefill` reads the prompts, `decode` emits token after token, `sampling`
chooses each, and `scoring` measures given answers instead of writing new ones.
"""
