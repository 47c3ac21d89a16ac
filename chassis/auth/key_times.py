"""How long identity's published keys may be held: the edge, the services and the rotation of keys agree on this."""

KEYS_FRESH_FOR_S = 10
"""Edge and services look for new keys this often; so long does a withdrawn key go on being taken at most."""
KEYS_USABLE_FOR_S = 3600
"""Services go on with the keys they have when identity is away: longer than any token lives, so nothing is lost."""
