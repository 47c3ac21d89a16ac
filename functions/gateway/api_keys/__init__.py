"""API keys: for machine clients that can't do OAuth. Made, listed and revoked here, exchanged at the edge."""
