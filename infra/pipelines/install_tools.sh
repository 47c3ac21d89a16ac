#!/usr/bin/env bash
# The programs of the pipelines, from Go's module proxy, whose checksum database (sum.golang.org) vouches for what comes:
# nothing is run that was only downloaded. Each at the version named here.
set -euo pipefail
bin="$HOME/.local/bin"
mkdir -p "$bin"
GOBIN="$bin" go install sigs.k8s.io/kustomize/kustomize/v5@v5.5.0
GOBIN="$bin" go install github.com/sigstore/cosign/v2/cmd/cosign@v2.4.1
GOBIN="$bin" go install github.com/Azure/kubelogin@v0.1.6
GOBIN="$bin" go install github.com/aquasecurity/trivy/cmd/trivy@v0.58.1
echo "$bin" >> "$GITHUB_PATH"
