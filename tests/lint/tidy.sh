#!/usr/bin/env bash
# clang-tidy with .clang-tidy over every source of Heed that the build knows, or over the files given.
#
#   tests/lint/tidy.sh [-j N] [FILE...]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

build=${HEED_BUILD:-build/release} jobs=$(nproc)
if [ "${1-}" = -j ]; then
  jobs=$2
  shift 2
fi
if [ $# = 0 ]; then
  mapfile -t files < <(git ls-files --cached --others --exclude-standard '*.cpp')
  known=$(sed -n 's/^ *"file": "\(.*\)",\{0,1\}$/\1/p' "$build/compile_commands.json")
  for file in "${files[@]}"; do
    grep -qxF -- "$PWD/$file" <<<"$known" && set -- "$@" "$file"
  done
fi
[ $# != 0 ] || { echo "tidy: error: no sources in $build/compile_commands.json" >&2; exit 1; }
printf '%s\0' "$@" | xargs -0 -n 2 -P "$jobs" clang-tidy-22 -p "$build" --quiet
echo "tidy: $# files clean"
