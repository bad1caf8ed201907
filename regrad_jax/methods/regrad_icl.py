"""ReGrad+ICL: the retrieved passages' gradients are applied, and the passages stand in the prompt too."""

from regrad_jax.methods.regrad import ReGradMethod


class ReGradICL(ReGradMethod):
    """ReGrad with in-context learning, in the words that the checkpoint was trained with."""

    shows_passages = True
