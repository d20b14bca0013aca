#!/usr/bin/env bash
# Compiles test kernels, those of the device conformance suite unless told, for every GPU target that heed-simt has.
#
#   compile.sh HEED_SIMT OUT_DIR [SOURCE]
#
# Writes OUT_DIR/gpu-kernels.txt, one line an image: kind of device, format, file beside the list, features it needs. A
# target that is not built in gives a line that starts with '#' and says so.
set -euo pipefail
simt=$1 out=$2 source=${3:-$(dirname "$0")/kernels.mlir.in}
mkdir -p "$out"

# target of heed-simt, lanes of a warp
targets=(
  "vulkan:8 8"
  "vulkan:32 32"
  "vulkan:64 64"
  "cuda:sm_80 32"
  "rocm:gfx90a 64"
  "rocm:gfx942 64"
  "rocm:gfx1100 32"
  "rocm:gfx1200 32"
)

# The stores of test_many: parameter i as a float to out[i].
stores=
for i in $(seq 0 19); do
  stores+="  %small$i = arith.trunci %p$i : i64 to i32\n  %value$i = arith.sitofp %small$i : i32 to f32\n"
  stores+="  %offset$i = arith.constant $((4 * i)) : i64\n  %to$i = arith.addi %out, %offset$i : i64\n"
  stores+="  simt.store global %value$i, %to$i if %on align 4 : f32, i64\n"
done

manifest=$out/gpu-kernels.txt
: >"$manifest.new"
for entry in "${targets[@]}"; do
  read -r target lanes <<<"$entry"
  name=$(tr ':' '-' <<<"$target")-$lanes
  sed -e "s/@LANES@/$lanes/g" -e "s/@STORES@/$stores/" "$source" >"$out/$name.mlir"
  if ! list=$("$simt" "$out/$name.mlir" --target="$target" --list 2>"$out/$name.log"); then
    echo "# $target: $(head -1 "$out/$name.log")" >>"$manifest.new"
    continue
  fi
  while read -r index format _ features; do
    index=${index%:}
    "$simt" "$out/$name.mlir" --target="$target" --image="$index" -o "$out/$name.$index"
    [ "$features" = nothing ] && features=
    echo "${target%%:*} $format $name.$index ${features//,/}" >>"$manifest.new"
  done <<<"$list"
done
mv "$manifest.new" "$manifest"
