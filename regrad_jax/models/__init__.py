"""The frozen networks: decoder and sentence encoder, their weights, tokenizers and tokens."""
