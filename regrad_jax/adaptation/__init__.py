"""The method as pure functions: adapters, document gradients, adapted parameters, outer loss."""
