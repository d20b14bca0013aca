#!/usr/bin/env bash
# run.sh BUILD [--device=DEVICE] [--target=TARGET] [OPTION...]: compiles the suite's kernels with BUILD/bin/heedc and
# runs every case on the device (cpu); the target is the device's kind unless it is given. Other OPTIONs go to
# `heed-numerics run`; with --sample only the kernels that it takes are compiled. The packages stay in
# BUILD/numerics, or BUILD/numerics-KIND for another device than the CPU (numerics-KIND-CHIP with --target=KIND:CHIP).
set -uo pipefail
[ $# -ge 1 ] || { sed -n '2,5s/^# //p' "$0" >&2; exit 2; }
build=$1
shift
device=cpu target='' options=() choice=()
for argument in "$@"; do
  case $argument in
  --device=*) device=${argument#*=} ;;
  --target=*) target=${argument#*=} ;;
  --sample=* | --max-work=* | --rounds=* | --filter=*) choice+=("$argument") ;;
  *) options+=("$argument") ;;
  esac
done
kind=${device%%:*} folder=$build/numerics
target=${target:-$kind}
[ "$kind" = cpu ] || folder=$build/numerics-${target/:/-}
rm -rf "$folder"
"$build/bin/heed-numerics" emit "$folder" || exit 1
used=$("$build/bin/heed-numerics" list "${choice[@]}" | sed -n 's,/.*,,p' | sort -u)
for source in "$folder"/*.mlir; do
  grep -qxF "$(basename "$source" .mlir)" <<<"$used" || rm "$source"
done
start=$SECONDS status=0
# A kernel that does not compile fails its cases below; the others still run.
"$(dirname "$0")/compile-kernels.sh" "$build/bin/heedc" "$folder" "$(nproc)" "--target=$target" || status=1
echo "compiled the kernels in $((SECONDS - start)) s"
"$build/bin/heed-numerics" run "$folder" "--device=$device" "${choice[@]}" "${options[@]}" || status=1
exit $status
