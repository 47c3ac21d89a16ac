"""Messages: partitions owned by nodes, envelopes taken apart, handlers run, poison kept."""
