"""Secrets that tenants leave with the platform: written once, read only by the work that needs them."""
