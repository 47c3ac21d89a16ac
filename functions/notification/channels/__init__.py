"""The ways out: e-mail, webhook and push. Each sends once and says whether another try can help."""
