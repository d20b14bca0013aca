#!/usr/bin/env bash
# run.sh BUILD [-j JOBS] [CHIP[=CASES]...]: attention (the numerics suite) and products, rows and maps (the ONNX node
# cases) on emulated AMD GPUs, through the ROCm driver. CASES is the number of each of the four (100); without CHIPs 100
# on gfx942, gfx1100 and gfx1200, and 20 on gfx90a, gfx950, gfx1151 and gfx1201. Waves are preempted at random, and a
# launch that reads what nobody wrote, or writes outside its operands, fails.
#
# HEED_AMD_EMULATOR names the folder of the emulator (build_hip_emu.sh makes its libamdhip64.so), TINYGRAD_DIR what it
# needs. Without them nothing is run, which is said.
set -uo pipefail
[ $# -ge 1 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$(realpath "$1")
shift
jobs=$(nproc)
[ "${1:-}" = -j ] && { jobs=$2; shift 2; }
chips=("$@")
[ ${#chips[@]} -gt 0 ] || chips=(gfx942 gfx1100 gfx1200 gfx90a=20 gfx950=20 gfx1151=20 gfx1201=20)

for name in HEED_AMD_EMULATOR TINYGRAD_DIR; do
  if [ ! -d "${!name:-}" ]; then
    echo "amd-emulator: DID NOT RUN: $name names no folder; no code for AMD GPUs was tested"
    exit 0
  fi
done
library=$build/amd-emulator python=$root/.venv/bin/python
if [ ! -e "$library/libamdhip64.so" ] || [ "$HEED_AMD_EMULATOR/hip_emu.c" -nt "$library/libamdhip64.so" ]; then
  PYTHON=${PYTHON:-$python} sh "$HEED_AMD_EMULATOR/build_hip_emu.sh" "$library" >/dev/null || exit 1
fi
export HEED_HIP_LIBRARY=$library/libamdhip64.so HSACO_STEPPER=$library/stepper.so HIP_EMU_STRICT=1 HIP_EMU_QUANTUM=${HIP_EMU_QUANTUM:-40}

status=0
for entry in "${chips[@]}"; do
  chip=${entry%%=*} cases=100
  [ "$chip" = "$entry" ] || cases=${entry#*=}
  export HIP_EMU_ARCH=$chip
  echo "== $chip, $cases cases of each skeleton"
  "$root/tests/numerics/run.sh" "$build" --device=rocm:0 --target="rocm:$chip" --rounds=6 --max-work=4000000 --sample="$cases" \
    --jobs="$jobs" || status=1
  HEED_TARGET=rocm:$chip "$python" -m pytest -n "$jobs" --device=rocm:0 --sample="$cases" "$root/tests/onnx/test_nodes.py" ||
    status=1
done
exit $status
