"""Keeps a set of processes running: start, readiness, restart with back-off, ordered stop, no orphans."""
