#!/usr/bin/env bash
# azd's predeploy hook: what the cluster needs before the first service, and again whenever service.yaml files change.
# Everything may be repeated. Needs azd's environment, az, kubectl, kubelogin, jq and Python with requirements.txt.
set -euo pipefail
cd "$(dirname "$0")/../.."
namespace=platform
overlay=${PLATFORM_OVERLAY:-$AZURE_ENV_NAME}

az aks get-credentials --resource-group "$AZURE_RESOURCE_GROUP" --name "$AZURE_AKS_CLUSTER_NAME" --overwrite-existing
kubelogin convert-kubeconfig -l azurecli
azd env get-values --output json | python -m infra.deploy.environment "$overlay"
kubectl apply -f keda/base/platform/namespace.yaml

# The durable backlog is asked for by identity, which KEDA can since 2.20: an older add-on needs the overlay without it.
keda=$(kubectl -n kube-system get deployment keda-operator -o jsonpath='{.spec.template.spec.containers[0].image}')
if ! python -m infra.deploy.keda_version "$keda" "$overlay"; then exit 1; fi

put() { kubectl -n "$namespace" "$@" --dry-run=client -o yaml | kubectl apply -f -; }
issuer=$(az aks show --resource-group "$AZURE_RESOURCE_GROUP" --name "$AZURE_AKS_CLUSTER_NAME" --query oidcIssuerProfile.issuerUrl -o tsv)
put create configmap identity-clients --from-literal="clients.json=$(python -m infra.deploy.clients "$issuer" "https://$PLATFORM_DOMAIN")"
for folder in functions/*/; do
  service=$(basename "$folder")
  [ -f "$folder/service.yaml" ] || continue
  put create configmap "$service-manifest" --from-file="$folder/service.yaml"
  # Host, function and system keys of the Functions host: made once, kept.
  kubectl -n "$namespace" get secret "$service-function-keys" > /dev/null 2>&1 ||
    kubectl -n "$namespace" create secret generic "$service-function-keys" \
      --from-literal="host.master=$(openssl rand -base64 32)" \
      --from-literal="host.function.default=$(openssl rand -base64 32)" \
      --from-literal="host.systemKey.durabletask_extension=$(openssl rand -base64 32)"
done
# What the gateway and its edges know each other by.
kubectl -n "$namespace" get secret gateway-keys > /dev/null 2>&1 ||
  kubectl -n "$namespace" create secret generic gateway-keys --from-literal="edge-control.secret=$(openssl rand -base64 32)"

# Users of the task hubs: each service's identity, by its own name (the MSSQL provider's hub is the user's name).
token=$(az account get-access-token --resource https://database.windows.net/ --query accessToken -o tsv)
for service in workflow processing; do
  SQLCMDACCESSTOKEN=$token sqlcmd -S "$AZURE_SQL_HOST" -d durable -v user="id-$service" -i infra/deploy/durable_user.sql
done

# The audit trail's policy is locked for good in production; that can't be undone.
if [ "${PLATFORM_LOCK_AUDIT:-false}" = true ]; then
  etag=$(az storage container immutability-policy show --account-name "$AZURE_STORAGE_ACCOUNT" --container-name audit-leaves --query etag -o tsv)
  az storage container immutability-policy lock --account-name "$AZURE_STORAGE_ACCOUNT" --container-name audit-leaves --if-match "$etag"
fi
for board in infra/grafana/*.json; do
  az grafana dashboard create --name "$AZURE_GRAFANA_NAME" --definition "@$board" --overwrite true > /dev/null
done
