#!/usr/bin/env bash
# Packs the tests of GPU drivers, with everything they need, for a machine that has the GPU but not this build.
#
#   pack.sh BUILD OUT        there: OUT/run.sh [DEVICE], cuda:0 unless told
set -euo pipefail
build=$(realpath "$1") out=$2
mkdir -p "$out/lib" "$out/device" "$out/conformance"
cp "$build/bin/heed-gpu-device-test" "$build/bin/heed-runtime-test" "$out"
for program in "$out"/heed-*-test; do
  # All but the C library, whose parts must be those of the machine.
  LD_LIBRARY_PATH=$build/lib ldd "$program" | awk '/=> \// { print $3 }' | grep -vE '/(libc|libm|ld-linux[^/]*)\.so' |
    xargs -I{} cp -Lu {} "$out/lib"
done
cp "$build"/tests/runtime/gpu/device/{gpu-kernels.txt,*.[0-9]} "$out/device"
cp "$build"/tests/runtime/gpu/{gpu-kernels.txt,*.[0-9]} "$out/conformance"
cp "$build"/tests/runtime/kernels[23].so "$out"
cat >"$out/run.sh" <<'END'
#!/usr/bin/env bash
# The tests of the drivers of GPUs: run.sh [DEVICE]
# HEED_TEST_EXCEPT: tests of the conformance suite to leave out ("*GridsMayBeLarge*").
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export HEED_TEST_DEVICE=${1:-cuda:0}
export LD_LIBRARY_PATH=$here/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export HEED_TEST_GPU_KERNELS=$here/conformance/gpu-kernels.txt HEED_TEST_DEVICE_KERNELS=$here/device/gpu-kernels.txt
export HEED_TEST_KERNELS=$here/kernels
param=${HEED_TEST_DEVICE/:/_} status=0
run() {
  echo "== $*"
  timeout 300 "$@" || status=1
}
run "$here/heed-gpu-device-test" --gtest_brief=1 --gtest_filter="*DeviceDriver*:*Recording*"
run "$here/heed-runtime-test" --gtest_brief=1 --gtest_filter="*/$param:-*LostDevice*:${HEED_TEST_EXCEPT:-none}"
# What loses a device runs in a process of its own.
for test in FaultsNameTheKernel HangsNameTheKernel; do
  run "$here/heed-gpu-device-test" --gtest_brief=1 --gtest_filter="*LostDevice.$test*"
done
run "$here/heed-runtime-test" --gtest_brief=1 --gtest_filter="*LostDevice*/$param"
if [ "${param%_*}" = cuda ] && command -v compute-sanitizer >/dev/null; then
  for tool in memcheck racecheck synccheck initcheck; do
    run compute-sanitizer --tool $tool --error-exitcode 1 "$here/heed-gpu-device-test" --gtest_brief=1 \
      --gtest_filter="*RunsKernels*:*UsesAllItsSharedMemory*:*StridedCopies*:*Recording.*"
  done
fi
[ $status = 0 ] && echo "all passed on $HEED_TEST_DEVICE" || echo "FAILED on $HEED_TEST_DEVICE"
exit $status
END
chmod +x "$out/run.sh"
du -sh "$out"
