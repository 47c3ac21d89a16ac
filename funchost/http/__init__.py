"""The HTTP trigger and the host's own endpoints."""
