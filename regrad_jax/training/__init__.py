"""Meta-training: tasks, state, loop, checkpoints."""
