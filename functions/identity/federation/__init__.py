"""Tokens of other issuers, believed where a client or a tenant says so: Kubernetes, Microsoft Entra ID, any OIDC."""
