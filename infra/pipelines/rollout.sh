#!/usr/bin/env bash
# Rolls one image out: IMAGE at DIGEST from REGISTRY, to the cluster of the present kubeconfig, with overlay OVERLAY.
# A service gets a canary first; the gateway gives it a growing share of the edge's requests (ConfigMap `canaries`), and
# takes it back when it fails more of them than what is there, or when too few come to tell (infra/pipelines/canary.py).
# The edge itself rolls pod by pod.
set -euo pipefail
cd "$(dirname "$0")/../.."
overlay="keda/overlays/$OVERLAY"
namespace=platform

# The addresses and identities of this environment, as infra/deploy/environment.py wrote them (a variable, no secret).
python -m infra.deploy.environment "$OVERLAY" <<<"$ENVIRONMENT_FILE"
(cd "$overlay" && kustomize edit set image "platform/$IMAGE=$REGISTRY/$IMAGE@$DIGEST")

back() {
  echo "the canary of $IMAGE gets no more requests"
  python -m infra.pipelines.rollout "$IMAGE" 0
  sleep 90 # a mounted ConfigMap is seen within a minute, the edge asks every second
  kubectl -n "$namespace" delete deployment,service "$IMAGE-canary" "$IMAGE-canary-pods" --ignore-not-found
}
apply() {
  kustomize build "$overlay" | kubectl apply -l "app.kubernetes.io/name=$IMAGE" -f -
}

# The names by which edges reach pods, of all services: before a gateway that tells edges to ask for them.
kustomize build "$overlay" | kubectl apply -l app.kubernetes.io/component=endpoints -f -

if [ "$IMAGE" = edge ]; then
  apply
  kubectl -n "$namespace" rollout status deployment/edge --timeout=15m || { kubectl -n "$namespace" rollout undo deployment/edge; exit 1; }
  exit 0
fi

# What others must know of the service; the gateway mounts it within a minute.
kubectl -n "$namespace" create configmap "$IMAGE-manifest" --from-file="functions/$IMAGE/service.yaml" \
  --dry-run=client -o yaml | kubectl apply -f -

trap 'back; exit 1' ERR INT TERM
kustomize build "$overlay" | python -m infra.pipelines.canary_objects "$IMAGE" | kubectl apply -f -
kubectl -n "$namespace" rollout status "deployment/$IMAGE-canary" --timeout=10m
python -m infra.pipelines.rollout "$IMAGE"
apply
kubectl -n "$namespace" rollout status "deployment/$IMAGE" --timeout=15m || { kubectl -n "$namespace" rollout undo "deployment/$IMAGE"; false; }
trap - ERR INT TERM
back
