"""What hashing one client secret costs: OWASP's Argon2id minimum (Password Storage Cheat Sheet: m=19 MiB, t=2, p=1).

Enough, as our secrets are 256 random bits that nobody guesses; it keeps a token request from taking 64 MiB and a core.
"""

TIME_COST = 2
MEMORY_KIB = 19_456
LANES = 1
"""More lanes would let one check take all cores."""
