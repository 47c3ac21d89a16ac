"""Requests that leave for addresses a tenant chose: not into our own network, however they are written (SSRF)."""
