"""The method, pure: adapters, document gradients, adapted parameters, outer loss."""
