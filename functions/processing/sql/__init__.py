"""Queries: what is accepted, how they are split, and the sandbox they run in."""
