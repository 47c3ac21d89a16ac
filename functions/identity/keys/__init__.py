"""The keys that sign tokens: which are published, which one signs, and where their private halves lie."""
