"""How long identity's published keys may be held: the edge, the services and the rotation of keys agree on this."""

KEYS_FRESH_FOR_S = 2
"""Edge and services look for new keys this often."""
KEYS_WAITED_FOR_S = 0.5
"""How long a request waits for new keys at a service that has not looked for twice as long, for want of requests."""
WITHDRAWN_WITHIN_S = 5
"""A withdrawn key's tokens are refused everywhere after so long: replicas of identity look at their ring every 2 s."""
KEYS_USABLE_FOR_S = 3600
"""Services go on with the keys they have when identity is away: longer than any token lives, so nothing is lost."""
