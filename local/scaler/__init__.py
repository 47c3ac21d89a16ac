"""KEDA and the HPA on one machine: the ScaledObjects of the dev overlay, applied to the local service processes."""
