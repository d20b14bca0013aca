#!/usr/bin/env bash
# From nothing to sentence embeddings: installs what is needed, builds Heed, makes the ONNX file of all-MiniLM-L6-v2,
# compiles it for the CPU, embeds a few sentences and compares with ONNX Runtime. A second run takes seconds.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

graph=${1:-decomposed} # or: attention
case $graph in
attention | decomposed) ;;
*) echo "usage: examples/quickstart.sh [decomposed|attention]" >&2; exit 2 ;;
esac
build=build/release models=build/minilm
export CCACHE_SLOPPINESS=pch_defines,time_macros

step() { printf '%s\n' "== $*" >&2; }
quietly() {
  local log=build/quickstart.log
  mkdir -p build
  "$@" >"$log" 2>&1 || { tail -n 40 "$log" >&2; echo "error: failed: $* (log: $log)" >&2; exit 1; }
}

step "Installing what is missing"
tests/setup/install.sh
step "Building (several minutes the first time)"
quietly cmake --preset release
quietly ninja -C "$build" heedc heed-run heed-bench
step "Making the ONNX file of all-MiniLM-L6-v2"
quietly .venv/bin/python examples/minilm/export.py --out "$models"
step "Compiling it for the CPU"
time "$build/bin/heedc" "$models/minilm-$graph.onnx" -o "$models/minilm-$graph.heed" --target=cpu --require-fused
step "Embedding a few sentences"
.venv/bin/python examples/minilm/embed.py "$models/minilm-$graph.onnx" "$models/minilm-$graph.heed"
