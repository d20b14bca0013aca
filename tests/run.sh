#!/usr/bin/env bash
# Installs what is needed, builds, and runs every test suite.
#
#   tests/run.sh                   everything
#   tests/run.sh lit numerics      the named suites only (the build is brought up to date first)
#   tests/run.sh --no-install      do not look for missing packages
#   tests/run.sh --list            the suites with their budgets
#   tests/run.sh -v                show the output of suites as they run
#
# Every suite has a budget in minutes. Exceeding it is reported; three times the budget ends the suite as failed.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

build=build/release
python=.venv/bin/python
jobs=$(nproc)
export CCACHE_SLOPPINESS=pch_defines,time_macros

# name, budget in minutes, command
suites=(
  "build 15 suite_build"
  "lint 2 suite_lint"
  "tidy 25 suite_tidy"
  "unit 2 suite_unit"
  "runtime 2 suite_runtime"
  "emulated 10 suite_emulated"
  "lit 4 suite_lit"
  "gpu-code 10 suite_gpu_code"
  "ptx 6 suite_ptx"
  "lanes 15 suite_lanes"
  "compiler 2 suite_compiler"
  "examples 2 suite_examples"
  "fuzz 10 suite_fuzz"
  "numerics 4 suite_numerics"
  "generated 4 suite_generated"
  "errors 2 suite_errors"
  "models 4 suite_models"
  "onnx 8 suite_onnx"
  "vulkan 45 suite_vulkan"
  "amd-emulator 40 suite_amd_emulator"
)

suite_build() { cmake --preset release && ninja -C "$build" -j"$jobs"; }
suite_lint() { "$python" tests/lint/check_sources.py; }
suite_tidy() { "$python" tests/lint/tidy.py -j "$jobs"; }
suite_fuzz() { tests/fuzz/run.sh -j "$jobs" 30; }
suite_unit() {
  "$build/bin/heed-unit-test"
  "$build/bin/heed-cpu-unit-test" --gtest_brief=1
}
# Vulkan devices run under the validation layer. Messages while objects are destroyed fail no call: they are looked for.
suite_runtime() {
  local messages status=0
  messages=$(mktemp)
  HEED_VULKAN_VALIDATION=1 "$build/bin/heed-runtime-test" 2>"$messages" || status=$?
  cat "$messages"
  if grep -q "Vulkan validation" "$messages"; then status=1; fi
  rm "$messages"
  "$build/bin/heed-gpu-driver-test"
  return "$status"
}
# AMD's GPUs under an emulator that is not part of this repository; says so where it is missing.
suite_emulated() { tests/runtime/gpu/emulated.sh "$build"; }
suite_lit() { /usr/lib/llvm-22/bin/lit -s -v -j"$jobs" --param build="$build" tests/dialects tests/compiler tests/backends; }
# Kernels of single lanes' programs, assembled for every chip, and of every skeleton, type and head width.
suite_gpu_code() {
  "$python" tests/lanes/run.py --tools="$build/bin" code
  "$python" tests/code/run.py --tools="$build/bin" -j "$jobs" cuda:sm_80 cuda:sm_90a vulkan:32 \
    rocm:gfx90a rocm:gfx942 rocm:gfx950 rocm:gfx1100 rocm:gfx1151 rocm:gfx1200 rocm:gfx1201
}
# Kernels whose warps have roles, their PTX interpreted: barriers, rings, boxes of tensors, matrix instructions of groups.
suite_ptx() { HEED_PTXAS='' "$python" tests/ptx/run.py "$build"; }
# Programs of single lanes on emulated chips, where there is an emulator.
suite_lanes() {
  . tests/amd/emulator.sh
  use_amd_emulator "$build" "$python" || return $(($? - 1))
  "$python" tests/lanes/run.py --tools="$build/bin"
}
suite_compiler() { "$build/bin/heed-compiler-test"; }
suite_examples() {
  local folder
  folder=$(mktemp -d)
  examples/alibi-mlir/run.sh "$build"
  "$build/bin/heedc" examples/alibi-mlir/alibi.mlir -o "$folder/alibi.heed" --target=cpu
  "$build/bin/example-aot-c" "$folder/alibi.heed"
  "$build/bin/example-jit-cpp"
  rm -r "$folder"
}
suite_numerics() {
  "$build/bin/heed-numerics-test"
  "$build/bin/heed-numerics-runner-test"
  tests/numerics/run.sh "$build"
  for isa in x86-64-v3 x86-64-v2; do
    "$build/bin/heed-numerics" run "$build/numerics" --isa=$isa
  done
}
# Products, rows and maps with sizes that are known at run time only.
suite_generated() { "$python" tests/generated/run.py "$build"; }
suite_errors() { "$python" -m pytest -n "$jobs" tests/onnx/test_errors.py; }
# Whole models and layers: accuracy, fusion, memory, compile time and byte-identical compilations.
suite_models() { "$python" -m pytest -s tests/onnx/test_models.py tests/onnx/test_layers.py; }
suite_onnx() { "$python" -m pytest -n "$jobs" tests/onnx/test_nodes.py; }

# On the first Vulkan device, which is software where there is no GPU, under the validation layer. Its messages are
# failures even where no call fails.
suite_vulkan() {
  local status=0 messages
  messages=$(mktemp)
  export HEED_VULKAN_VALIDATION=1
  tests/numerics/run.sh "$build" --device=vulkan:0 --sample=260 2> >(tee "$messages" >&2) || status=1
  if grep -q "Vulkan validation" "$messages"; then status=1; fi
  rm "$messages"
  "$python" -m pytest -n "$jobs" --device=vulkan:0 tests/onnx/test_nodes.py || status=1
  "$python" -m pytest -s --device=vulkan:0 tests/onnx/test_models.py \
    -k "test_minilm and attention and not plan" || status=1
  "$python" -m pytest -n "$jobs" --device=vulkan:0 tests/onnx/test_layers.py || status=1
  return "$status"
}
# Code objects for AMD GPUs, stepped through the driver by an emulator, where there is one.
suite_amd_emulator() { tests/amd/run.sh "$build" -j "$jobs"; }

field() { local fields; read -r -a fields <<<"$1"; echo "${fields[$2]}"; }
names() { local suite; for suite in "${suites[@]}"; do field "$suite" 0; done; }

# run_suite NAME MINUTES COMMAND: runs in a process group of its own, so that a timeout ends all of it.
run_suite() {
  local name=$1 minutes=$2 command=$3 log=$logs/$1.log start=$EPOCHREALTIME status=0 seconds note=
  local function_text
  function_text=$(declare -f "$command")
  if [ "$verbose" = 1 ]; then
    build=$build python=$python jobs=$jobs timeout --kill-after=10 $((minutes * 180)) \
      bash -c "set -e; $function_text; $command" </dev/null 2>&1 | tee "$log"
    status=${PIPESTATUS[0]}
  else
    build=$build python=$python jobs=$jobs timeout --kill-after=10 $((minutes * 180)) \
      bash -c "set -e; $function_text; $command" </dev/null >"$log" 2>&1 || status=$?
  fi
  seconds=$(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')
  [ "$status" = 124 ] && note="ended at three times its budget"
  if awk -v s="$seconds" -v m="$minutes" 'BEGIN { exit !(s > 60 * m) }'; then
    note=${note:-over budget}
  fi
  local verdict=pass
  if [ "$status" != 0 ]; then
    verdict=FAIL
    if [ "$verbose" = 0 ]; then
      echo "--- $name failed; the end of $log:"
      tail -n 80 "$log"
      echo "---"
    fi
  fi
  summary+=("$(printf '%-14s %-5s %9ss  of %3s min  %s' "$name" "$verdict" "$seconds" "$minutes" "$note")")
  echo "${summary[-1]}"
  [ "$verdict" = pass ]
}

install=1 verbose=0 chosen=()
for argument in "$@"; do
  case $argument in
  --no-install) install=0 ;;
  --list) printf '%s\n' "${suites[@]}" | awk '{ printf "%-14s %3s min\n", $1, $2 }'; exit 0 ;;
  -v | --verbose) verbose=1 ;;
  -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
  *)
    if ! names | grep -x -- "$argument" >/dev/null; then
      echo "tests/run.sh: no suite '$argument'; there are: $(names | tr '\n' ' ')" >&2
      exit 2
    fi
    chosen+=("$argument")
    ;;
  esac
done

if [ "$install" = 1 ]; then
  tests/setup/install.sh || exit 1
fi

logs=$PWD/build/test-logs
mkdir -p "$logs"
passed=0 failed=0 summary=()
for suite in "${suites[@]}"; do
  read -r name minutes command <<<"$suite"
  if [ ${#chosen[@]} != 0 ] && [ "$name" != build ] && ! printf '%s\n' "${chosen[@]}" | grep -x -- "$name" >/dev/null; then
    continue
  fi
  if run_suite "$name" "$minutes" "$command"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    # Without a build no other suite means anything; their absence from the table must not look like success.
    [ "$name" = build ] && { echo "the build failed: the other suites were not run"; break; }
  fi
done

echo
echo "suite          result     time  budget"
printf '%s\n' "${summary[@]}"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
