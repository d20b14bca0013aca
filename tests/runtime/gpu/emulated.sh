#!/usr/bin/env bash
# Runs the driver of ROCm devices and the device conformance suite on emulated AMD GPUs.
#
#   emulated.sh BUILD [CHIP...]      default chips: gfx942 gfx1100 gfx1200
#
# What it needs, and where that is named: tests/amd/emulator.sh. Without it nothing is run, which is said.
set -euo pipefail
build=$1
shift
chips=("$@")
[ $# = 0 ] && chips=(gfx942 gfx1100 gfx1200)

. "$(dirname "$0")/../../amd/emulator.sh"
use_amd_emulator "$build" "${PYTHON:-.venv/bin/python}" || exit $(($? - 1))
# A kernel that never ends is stopped after so many instructions of a wave.
export HIP_EMU_LIMIT=20000000

status=0
run() {
  local name=$1 log
  shift
  log=$(mktemp)
  if "$@" >"$log" 2>&1; then
    echo "$name: $(tail -n +2 "$log" | grep '^\[  PASSED' | tr -s ' ')"
  else
    echo "$name: FAILED"
    grep -vE '^\[ (RUN |      OK)' "$log" | tail -60
    status=1
  fi
  rm "$log"
}
for chip in "${chips[@]}"; do
  export HIP_EMU_ARCH=$chip
  run "$chip driver" "$build/bin/heed-gpu-device-test"
  # Strict: warnings of the emulator, values read before they are written among them, fail a launch.
  # The large grid would take minutes.
  run "$chip conformance" env HIP_EMU_STRICT=1 HIP_EMU_QUANTUM=20 \
    "$build/bin/heed-runtime-test" --gtest_filter='*/rocm_0:-*GridsMayBeLarge*'
done
exit $status
