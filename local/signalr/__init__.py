"""A stand-in for Azure SignalR Service in serverless mode: the same client protocol, REST API and tokens."""
