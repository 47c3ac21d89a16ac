"""What the edge is told: Envoy's listeners, routes and clusters, built from the services' manifests."""
