"""What a deployment writes for the cluster, from the outputs of infra/bicep and from every service.yaml."""
