"""Input and output bindings: one module per service."""
