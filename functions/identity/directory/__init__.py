"""Who may do what in a tenant: its roles, to whom they are assigned, and its clients."""
