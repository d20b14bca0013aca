#!/usr/bin/env bash
# Builds the fuzz targets with sanitizers and runs each for a while. Whatever makes one fail is kept in build/asan/fuzz.
#
#   tests/fuzz/run.sh [-j N] [SECONDS] [TARGET...]      30 seconds and all targets unless said otherwise
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

jobs=$(nproc)
if [ "${1-}" = -j ]; then
  jobs=$2
  shift 2
fi
seconds=${1:-30}
shift $(($# > 0 ? 1 : 0))
targets=("$@")
[ ${#targets[@]} != 0 ] || mapfile -t targets < <(sed -n 's/^ *heed_add_fuzzer(\(heed-[a-z-]*\).*/\1/p' tests/fuzz/CMakeLists.txt)

build=build/asan
export CCACHE_SLOPPINESS=pch_defines,time_macros
cmake --preset asan >/dev/null
ninja -C "$build" -j"$jobs" "${targets[@]}" heed-test-packages

# LLVM's allocators poison what they have not handed out yet when a source is compiled with ASan, but the installed LLVM
# is not, so it hands memory out without saying so.
export ASAN_OPTIONS=allow_user_poisoning=0

# First inputs: hand-made packages and the files of tests/fuzz/seeds.
seeds=$build/fuzz/seeds
mkdir -p "$seeds"
"$build/bin/heed-test-packages" "$seeds"
cp -n tests/fuzz/seeds/* "$seeds" 2>/dev/null || true
for text in tests/compiler/import/*.textproto; do
  protoc --proto_path=/usr/include --encode=onnx.ModelProto onnx/onnx.proto <"$text" >"$seeds/$(basename "$text" .textproto).onnx"
done

for target in "${targets[@]}"; do
  corpus=$build/fuzz/$target
  mkdir -p "$corpus"
  echo "$target: $seconds s"
  if ! "$build/bin/$target" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=10 -max_len=65536 \
      -artifact_prefix="$build/fuzz/$target-" "$corpus" "$seeds" >"$build/fuzz/$target.log" 2>&1; then
    tail -n 60 "$build/fuzz/$target.log"
    echo "$target: failed; the input is beside $build/fuzz/$target.log" >&2
    exit 1
  fi
  tail -n 1 "$build/fuzz/$target.log"
done
