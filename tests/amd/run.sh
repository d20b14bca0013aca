#!/usr/bin/env bash
# run.sh BUILD [-j JOBS] [CHIP[=CASES]...]: attention (the numerics suite), products, rows and maps (tests/generated) on
# emulated AMD GPUs, through the ROCm driver: CASES at least of each of the four (100). Without CHIPs 100 on gfx942,
# gfx1100 and gfx1200, and 20 on gfx90a, gfx950, gfx1151 and gfx1201. Waves are preempted at random, attention runs twice
# and must give the same bits, and a launch that reads what nobody wrote, or writes outside its operands, fails.
# The end is a table of what passed; fewer cases than asked for are a failure. Logs are in BUILD/amd-emulator.
#
# What it needs, and where that is named: emulator.sh. Without it nothing is run, which is said.
set -uo pipefail
[ $# -ge 1 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$(realpath "$1") python=$root/.venv/bin/python
shift
jobs=$(nproc)
[ "${1:-}" = -j ] && { jobs=$2; shift 2; }
chips=("$@")
[ ${#chips[@]} -gt 0 ] || chips=(gfx942 gfx1100 gfx1200 gfx90a=20 gfx950=20 gfx1151=20 gfx1201=20)

. "$root/tests/amd/emulator.sh"
use_amd_emulator "$build" "$python" || exit $(($? - 1))
export HIP_EMU_STRICT=1 HIP_EMU_QUANTUM=${HIP_EMU_QUANTUM:-40}
logs=$build/amd-emulator

# The numerics suite leaves out what takes too many multiply-adds, so it is asked for some more.
run_attend() {
  HIP_EMU_ARCH=$1 "$root/tests/numerics/run.sh" "$build" --device=rocm:0 --target="rocm:$1" --rounds=3 --max-work=4000000 \
    --sample=$(($2 * 5 / 4)) --jobs=1 >"$logs/$1-attend.log" 2>&1
}
run_others() {
  HIP_EMU_ARCH=$1 "$python" "$root/tests/generated/run.py" "$build" --device=rocm:0 --target="rocm:$1" --cases="$2" \
    >"$logs/$1-others.log" 2>&1
}
start=$SECONDS
for entry in "${chips[@]}"; do
  chip=${entry%%=*} cases=100
  [ "$chip" = "$entry" ] || cases=${entry#*=}
  for part in attend others; do
    while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n; done
    "run_$part" "$chip" "$cases" &
  done
done
wait

status=0
printf '%-8s' chip
printf '%14s' attend matmul row map
echo "   cases passed, with preemption"
for entry in "${chips[@]}"; do
  chip=${entry%%=*} cases=100 line=''
  [ "$chip" = "$entry" ] || cases=${entry#*=}
  # Both end in lines of counts: `N passed, N failed`, and `SKELETON: N of N cases passed`.
  read -r passed failed < <(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$logs/$chip-attend.log" | tail -n 1)
  results=("${passed:-0} $((${passed:-0} + ${failed:-0}))")
  for skeleton in matmul row map; do
    results+=("$(sed -n "s/^$skeleton: \([0-9]*\) of \([0-9]*\) cases passed.*/\1 \2/p" "$logs/$chip-others.log")")
  done
  for result in "${results[@]}"; do
    read -r passed total <<<"${result:-0 0}"
    line+=$(printf '%14s' "$passed of $total")
    [ "$passed" = "$total" ] && [ "$passed" -ge "$cases" ] || { status=1 line+='!'; }
  done
  printf '%-8s%s\n' "$chip" "$line"
  unset passed failed
  grep -hE '^(FAIL|CRASH|heedc failed|Traceback|hip_emu:)' "$logs/$chip-attend.log" "$logs/$chip-others.log" | head -n 20
done
echo "$((SECONDS - start)) s"
[ "$status" = 0 ] || echo "FAILED: the places marked ! have failures, or fewer cases than wanted"
exit $status
