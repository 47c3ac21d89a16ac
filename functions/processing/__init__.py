"""The processing service.

Polars' allocator reads its settings when Polars is loaded, which is after this. By default it gives memory back to the
system after half a second, and the page faults of getting it anew take a twentieth of a chunk's time.
"""

import os

os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:5000,muzzy_decay_ms:-1")
