#!/usr/bin/env bash
# Compiles alibi.mlir and runs it from the shell on a small input: run.sh [BUILD_FOLDER]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=${1:-$here/../../build/release}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$build/bin/heedc" "$here/alibi.mlir" -o "$work/alibi.heed" --target=cpu --require-fused --explain

# One batch, eight heads, three positions of 64 numbers each. Batch and sequence are sizes of the call.
elements=$((8 * 3 * 64))
tensor() { awk -v n="$elements" -v step="$1" 'BEGIN { for (i = 0; i < n; ++i) printf "%s%.4f", i ? "," : "", sin(i * step) }'; }
"$build/bin/heed-run" "$work/alibi.heed" --device=cpu \
  --input="query=1x8x3x64xf32=$(tensor 0.1)" --input="key=1x8x3x64xf32=$(tensor 0.2)" \
  --input="value=1x8x3x64xf32=$(tensor 0.3)" --output="out=@$work/out.npy"
echo "wrote out: $(wc -c <"$work/out.npy") bytes of npy"
[ "$(wc -c <"$work/out.npy")" -ge $((4 * elements)) ]
