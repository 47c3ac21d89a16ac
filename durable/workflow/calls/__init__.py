"""Calls that leave the platform, as activities carry them out: HTTP, OpenAPI, gRPC, AsyncAPI."""
