"""The authorization endpoint: a user signs in, at Microsoft Entra ID or with the development login."""
