"""ReGrad: retrievable gradients in JAX."""
