"""Documents, questions, prompts, and what reads or generates them."""
