#!/usr/bin/env bash
# run.sh [cuda|vulkan|cpu] [SUITE...]: runs the suites of this bundle on the first device of that kind (cuda) and prints a
# line for each, then what failed. SUITEs: numerics repeats onnx skeletons minilm runtime
# sanitizer (all).
# HEED_JOBS: cases at a time in a process (8); HEED_PROCESSES: processes at a time (half of the processors). Logs go to
# logs-KIND/.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1
kind=${1:-cuda}
shift $(($# > 0 ? 1 : 0))
case $kind in cuda | vulkan | cpu) ;; *) sed -n '2,6s/^# //p' "$0" >&2; exit 2 ;; esac
suites=("$@")
[ ${#suites[@]} -gt 0 ] || suites=(numerics repeats onnx skeletons minilm runtime sanitizer)
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
suite_onnx() { run_list onnx; }
suite_skeletons() { run_list skeletons; }
run_list() {
  local start=$SECONDS passed=0 failed=0 what=$1 folder=$1-$kind part name why verdict
  [ -e "$folder/cases.txt" ] || { report "$what" 0 0 "not in this bundle"; return; }
  rm -f "$folder"/part-* "$logs/$what"-*.txt
  split -n "r/$processes" "$folder/cases.txt" "$folder/part-"
  for part in "$folder"/part-*; do
    timeout 540 bin/heed-run "--test-list=$part" "--device=$device" >"$logs/$what-${part##*/part-}.txt" 2>&1 &
  done
  wait
  declare -A verdicts=() reasons=()
  while read -r verdict name why; do
    name=${name%.heed:}
    verdicts[$name]=$verdict reasons[$name]=$why
  done < <(cat "$logs/$what"-*.txt | grep -E '^(ok|FAIL) [^ ]+\.heed: '; sed 's/^\([^ ]*\)/FAIL \1.heed:/' "$folder/uncompiled.txt")
  declare -A expected=()
  while read -r name; do expected[$name]=1; done <"$folder/expected-failures.txt"
  : >"$logs/$what.log"
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
    esac >>"$logs/$what.log"
  done < <(sed 's/\.heed .*//' "$folder/cases.txt"; sed 's/ .*//' "$folder/uncompiled.txt")
  report "$what" "$passed" "$failed" "of which ${#expected[@]} fail as expected, in $((SECONDS - start)) s"
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
  local start=$SECONDS passed=0 failed=0 tool package name sanitizer part lines
  local work=$logs/sanitizer
  rm -rf "$work"; mkdir -p "$work"
  [ "$kind" = cuda ] || { echo "sanitizer: only for cuda; not run"; return; }
  sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda*/bin/compute-sanitizer 2>/dev/null | tail -n 1)
  [ -n "$sanitizer" ] || { report sanitizer 0 0 "compute-sanitizer not found: not run"; return; }
  rm -f skeletons-"$kind"/part-*
  [ ! -e "skeletons-$kind/cases.txt" ] || split -n r/4 "skeletons-$kind/cases.txt" "skeletons-$kind/part-"
  for tool in memcheck racecheck synccheck initcheck; do
    for part in skeletons-"$kind"/part-*; do
      [ ! -e "$part" ] || inspect "$tool" "skeletons-${part##*-}" "$(wc -l <"$part")" \
        bin/heed-run "--test-list=$part" "--device=$device"
    done
    for package in numerics-"$kind"/*-causal-d*.heed; do
      [ -e "$package" ] || continue
      name=$(basename "$package" .heed)
      inspect "$tool" "$name" 1 bin/heed-numerics run "numerics-$kind" --device="$device" --filter="$name/strided" --jobs=1
    done
  done
  wait
  while read -r name lines; do passed=$((passed + lines)); done < <(cat "$work"/*.ok 2>/dev/null)
  while read -r name lines; do failed=$((failed + lines)); done < <(cat "$work"/*.failed 2>/dev/null)
  for name in "$work"/*.failed; do
    name=${name%.failed}
    [ -e "$name.log" ] || continue
    echo "FAIL ${name##*/}: $(grep -m 1 -E '^FAIL|^========= [A-Z].*(rror|azard|ninitialized|arrier)' "$name.log")"
    grep -E "^(FAIL|=========)" "$name.log" | head -n 60
  done >"$logs/sanitizer.log"
  report sanitizer "$passed" "$failed" "packages times tools, in $((SECONDS - start)) s"
}
# inspect TOOL NAME PACKAGES COMMAND...: starts the command under the tool as soon as a process may run. NAME.ok or
# NAME.failed counts the packages.
inspect() {
  local tool=$1 name=$1-$2 packages=$3
  shift 3
  while [ "$(jobs -rp | wc -l)" -ge "$processes" ]; do wait -n; done
  {
    if timeout 300 "$sanitizer" --tool="$tool" --report-api-errors=no --error-exitcode=99 "$@" >"$work/$name.log" 2>&1; then
      echo "$name $packages" >"$work/$name.ok"
    else
      echo "$name $packages" >"$work/$name.failed"
    fi
  } &
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
