"""The microservice chassis: what every service shares, so that a service holds only its own subject.

Settings, token checks, typed errors, service-to-service HTTP, messages, tables and blobs, the outbox, telemetry and
FastAPI over an HTTP trigger. It knows no service and no durable topic.
"""
