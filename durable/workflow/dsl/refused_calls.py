"""Features of calls and processes that have no runtime, each with the reason that a person reads."""

REFUSED = {
    "call a2a": "calls of agents (A2A) have no runtime here",
    "asyncapi other than platform://events": "brokers have no runtime here, the platform's own event topic has",
    "asyncapi server": "the platform's event topic has one way in",
    "asyncapi consume for": "a subscription ends by amount, while or until; the task's timeout limits its time",
    "call mcp": "calls of MCP servers have no runtime here",
    "run container": "containers have no runtime here",
}
