"""Ways of answering questions about documents: one file a method, all with the interface of `base.Method`."""
