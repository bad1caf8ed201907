"""Ways of answering: retrieve, adapt, prompt, decode."""
