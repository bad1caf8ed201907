"""The frozen networks: decoder, sentence encoder, weights, generation."""
