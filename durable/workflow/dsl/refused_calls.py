"""Features of calls and processes that have no runtime, each with the reason that a person reads."""

REFUSED = {
    "call a2a": "calls of agents (A2A) have no runtime here",
    "call asyncapi": "calls of AsyncAPI operations have no runtime yet",
    "call mcp": "calls of MCP servers have no runtime here",
    "run container": "containers have no runtime here",
}
