"""What the Dockerfile copies for a service, against what the service imports."""
