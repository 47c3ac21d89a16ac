"""Users' sessions: from the authorization code to the last refresh token."""
