#!/usr/bin/env bash
# compile-kernels.sh HEEDC DIR [JOBS] [OPTION...]: compiles every DIR/*.mlir to DIR/*.heed, JOBS at a time (default: one
# per processor). OPTIONs go to heedc; the default is --target=cpu. Names every kernel that fails, keeps going, and
# fails if any did.
set -uo pipefail
[ $# -ge 2 ] || { sed -n '2,4s/^# //p' "$0" >&2; exit 2; }
heedc=$1 folder=$2 jobs=${3:-$(nproc)}
shift $(($# < 3 ? $# : 3))
[ $# -gt 0 ] || set -- --target=cpu
export heedc options="$*"

compile() {
  local source=$1 package=${1%.mlir}.heed log=${1%.mlir}.log
  rm -f "$package"
  # The options are words without spaces.
  # shellcheck disable=SC2086
  if "$heedc" "$source" -o "$package" $options >"$log" 2>&1; then
    rm -f "$log"
  else
    echo "heedc failed on $source: $(head -n 1 "$log")"
    return 1
  fi
}
export -f compile

find "$folder" -name '*.mlir' -print0 | sort -z | xargs -0 -P "$jobs" -I{} bash -c 'compile "$1"' _ {}
