"""Events that workflows wait for: read, matched against subscriptions, kept for a while and delivered."""
