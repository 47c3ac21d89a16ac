"""`call: grpc`: a unary method of a service that a proto file describes."""
