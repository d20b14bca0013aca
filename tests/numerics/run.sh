#!/usr/bin/env bash
# run.sh BUILD [OPTION...]: compiles the suite's kernels with BUILD/bin/heedc and runs every case; OPTIONs go to
# `heed-numerics run`. The packages stay in BUILD/numerics.
set -uo pipefail
[ $# -ge 1 ] || { sed -n '2,3s/^# //p' "$0" >&2; exit 2; }
build=$1 folder=$1/numerics
shift
rm -rf "$folder"
"$build/bin/heed-numerics" emit "$folder" || exit 1
start=$SECONDS status=0
# A kernel that does not compile fails its cases below; the others still run.
"$(dirname "$0")/compile-kernels.sh" "$build/bin/heedc" "$folder" || status=1
echo "compiled the kernels in $((SECONDS - start)) s"
"$build/bin/heed-numerics" run "$folder" "$@" || status=1
exit $status
