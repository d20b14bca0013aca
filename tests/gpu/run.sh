#!/usr/bin/env bash
# run.sh [cuda|vulkan|cpu] [SUITE...]: runs the suites of this bundle on the first device of that kind (cuda) and prints a
# line for each, then what failed. SUITEs: numerics widths repeats onnx minilm runtime sanitizer (all).
# HEED_JOBS: cases at a time in a process (8); HEED_PROCESSES: processes at a time (half of the processors). Logs go to
# logs-KIND/.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1
kind=${1:-cuda}
shift $(($# > 0 ? 1 : 0))
case $kind in cuda | vulkan | cpu) ;; *) sed -n '2,5s/^# //p' "$0" >&2; exit 2 ;; esac
suites=("$@")
[ ${#suites[@]} -gt 0 ] || suites=(numerics repeats onnx minilm runtime sanitizer)
device=$kind:0
jobs=${HEED_JOBS:-8}
processes=${HEED_PROCESSES:-$((($(nproc) + 1) / 2))}
logs=$PWD/logs-$kind
mkdir -p "$logs"
export LD_LIBRARY_PATH=$PWD/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} HEED_DEVICE=$device
# A machine without a recent libstdc++ takes ours.
bin/heed-numerics list >/dev/null 2>&1 || export LD_LIBRARY_PATH=$LD_LIBRARY_PATH:$PWD/spare
bin/heed-numerics list >"$logs/list.txt" 2>&1 || { echo "the programs do not start:"; cat "$logs/list.txt"; exit 1; }

summary=() failures=0
# report SUITE PASSED FAILED NOTE
report() {
  summary+=("$(printf '%-10s %-5s %6s passed %5s failed  %s' "$1" "$([ "$3" = 0 ] && [ "$2" != 0 ] && echo pass || echo FAIL)" "$2" "$3" "$4")")
  echo "${summary[-1]}"
  [ "$3" = 0 ] && [ "$2" != 0 ] || failures=$((failures + 1))
}
# report_numerics SUITE SECONDS: from the last line of its log, which is `N passed, N failed`.
report_numerics() {
  local passed failed
  read -r passed failed < <(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$logs/$1.log" | tail -n 1)
  [ -n "$passed" ] || sed -i '$s/^/FAIL /' "$logs/$1.log"
  report "$1" "${passed:-0}" "${failed:-1}" "in $2 s; $(grep -c '^CRASH' "$logs/$1.log") crashes"
}

suite_numerics() {
  local start=$SECONDS
  bin/heed-numerics run "numerics-$kind" --device="$device" --rounds=2 --jobs="$jobs" >"$logs/numerics.log" 2>&1
  report_numerics numerics $((SECONDS - start))
}
# Two hundred runs of some cases of every type, all with the same bits.
suite_repeats() {
  local start=$SECONDS
  bin/heed-numerics run "numerics-$kind" --device="$device" --sample=96 --repeats=200 --jobs=4 >"$logs/repeats.log" 2>&1
  report_numerics repeats $((SECONDS - start))
}
# A process takes every so manieth case. A case that is expected to fail has to.
suite_onnx() {
  local start=$SECONDS passed=0 failed=0 folder=onnx-$kind part name why verdict
  [ -e "$folder/cases.txt" ] || { report onnx 0 0 "not in this bundle"; return; }
  rm -f "$folder"/part-*
  split -n "r/$processes" "$folder/cases.txt" "$folder/part-"
  for part in "$folder"/part-*; do
    timeout 540 bin/heed-run "--test-list=$part" "--device=$device" >"$logs/onnx-${part##*/part-}.txt" 2>&1 &
  done
  wait
  declare -A verdicts=() reasons=()
  while read -r verdict name why; do
    name=${name%.heed:}
    verdicts[$name]=$verdict reasons[$name]=$why
  done < <(cat "$logs"/onnx-*.txt | grep -E '^(ok|FAIL) [^ ]+\.heed: '; sed 's/^\([^ ]*\)/FAIL \1.heed:/' "$folder/uncompiled.txt")
  declare -A expected=()
  while read -r name; do expected[$name]=1; done <"$folder/expected-failures.txt"
  : >"$logs/onnx.log"
  while read -r name; do
    verdict=${verdicts[$name]:-none}
    if [ "$verdict" = "$([ -n "${expected[$name]:-}" ] && echo FAIL || echo ok)" ]; then
      passed=$((passed + 1))
      continue
    fi
    failed=$((failed + 1))
    case $verdict in
    ok) echo "FAIL $name: passes, but is listed as failing" ;;
    none) echo "FAIL $name: was not run" ;;
    *) echo "FAIL $name: ${reasons[$name]}" ;;
    esac >>"$logs/onnx.log"
  done < <(sed 's/\.heed .*//' "$folder/cases.txt"; sed 's/ .*//' "$folder/uncompiled.txt")
  report onnx "$passed" "$failed" "of which ${#expected[@]} fail as expected, in $((SECONDS - start)) s"
}
suite_minilm() {
  local start=$SECONDS passed=0 failed=0 batch
  : >"$logs/minilm.log"
  [ -d "minilm-$kind" ] || { report minilm 0 0 "not in this bundle"; return; }
  for batch in minilm-data/*/; do
    if bin/heed-run "minilm-$kind/minilm.heed" "--test-dir=$batch" "--device=$device" --rtol=0 \
      "--atol=$(cat minilm-data/tolerance.txt)" >>"$logs/minilm.log" 2>&1; then
      passed=$((passed + 1))
    else
      echo "FAIL minilm ${batch}" >>"$logs/minilm.log"
      failed=$((failed + 1))
    fi
  done
  report minilm "$passed" "$failed" "batches, in $((SECONDS - start)) s; worst norm-wise error $(sed -n 's/.*norm-wise \([^ ]*\) .*/\1/p' "$logs/minilm.log" | sort -g | tail -n 1)"
}
suite_runtime() {
  local start=$SECONDS passed failed
  [ -d runtime ] || { report runtime 0 0 "not in this bundle"; return; }
  runtime/run.sh "$device" >"$logs/runtime.log" 2>&1
  passed=$(sed -n 's/^\[  PASSED  \] \([0-9]*\) tests*\.$/\1/p' "$logs/runtime.log" | awk '{ sum += $1 } END { print sum + 0 }')
  sed -i 's/^\[  FAILED  \] \([A-Za-z].*\)/FAIL \1/' "$logs/runtime.log"
  failed=$(grep '^FAIL [^o]' "$logs/runtime.log" | sort -u | wc -l)
  report runtime "$passed" "$failed" "in $((SECONDS - start)) s"
}
# One package per skeleton, type and head width under each of compute-sanitizer's tools.
suite_sanitizer() {
  local start=$SECONDS passed=0 failed=0 tool package name sanitizer command
  : >"$logs/sanitizer.log"
  [ "$kind" = cuda ] || { echo "sanitizer: only for cuda; not run"; return; }
  sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda*/bin/compute-sanitizer 2>/dev/null | tail -n 1)
  [ -n "$sanitizer" ] || { report sanitizer 0 0 "compute-sanitizer not found: not run"; return; }
  for tool in memcheck racecheck synccheck initcheck; do
    for package in numerics-"$kind"/*-causal-d*.heed; do
      name=$(basename "$package" .heed)
      check "$tool" "$name" bin/heed-numerics run "numerics-$kind" --device="$device" --filter="$name/strided" --jobs=1
    done
    [ -e "onnx-$kind/sanitize.txt" ] || continue
    while read -r name; do
      check "$tool" "$name" bin/heed-run "onnx-$kind/$name.heed" "--test-dir=onnx-data/$name/test_data_set_0" \
        "--device=$device" --rtol=1 --atol=1
    done <"onnx-$kind/sanitize.txt"
  done
  report sanitizer "$passed" "$failed" "in $((SECONDS - start)) s"
}
# check TOOL NAME COMMAND...: counts into the variables of its caller.
check() {
  local tool=$1 name=$2
  shift 2
  if timeout 300 "$sanitizer" --tool="$tool" --report-api-errors=no --error-exitcode=99 "$@" >"$logs/sanitizer-case.log" 2>&1; then
    passed=$((passed + 1))
  else
    { echo "FAIL $tool $name: $(grep -m 1 -E '^========= [A-Z].*(rror|azard|ninitialized|arrier)' "$logs/sanitizer-case.log")"
      head -n 60 "$logs/sanitizer-case.log"; } >>"$logs/sanitizer.log"
    failed=$((failed + 1))
  fi
}

for suite in "${suites[@]}"; do
  declare -F "suite_$suite" >/dev/null || { echo "run.sh: no suite '$suite'" >&2; exit 2; }
  "suite_$suite"
done
echo
echo "$(cat revision.txt) on $device: $(bin/heed-run --list-devices 2>/dev/null | grep -m 1 "$device")"
printf '%s\n' "${summary[@]}"
grep -h '^FAIL' "$logs"/*.log 2>/dev/null | cut -c 1-250 | sort | uniq | head -n 200
[ "$failures" = 0 ]
