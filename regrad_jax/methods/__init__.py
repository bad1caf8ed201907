"""Ways of answering a question, one file each, one interface."""
