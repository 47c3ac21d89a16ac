"""`make check-infra`: what can be checked of images, manifests, Bicep, alerts and pipelines without Azure."""
