# To be sourced: `use_amd_emulator BUILD PYTHON` makes the emulated HIP library in BUILD/amd-emulator, unless it is
# there, and sets the environment to use it. Where there is no emulator it gives 1, after a line that says so; 2 is a
# failure.
#
# HEED_AMD_EMULATOR names the folder of the emulator (the one of build_hip_emu.sh and run_hsaco.py), TINYGRAD_DIR a
# checkout of tinygrad, whose semantics of instructions it uses.
use_amd_emulator() {
  local build python name folder
  build=$(realpath "$1") python=$2 folder=$(realpath "$1")/amd-emulator
  for name in HEED_AMD_EMULATOR TINYGRAD_DIR; do
    if [ ! -d "${!name:-}" ]; then
      echo "DID NOT RUN: no AMD emulator: $name names no folder; nothing was run on an AMD GPU, not even an emulated one"
      return 1
    fi
  done
  mkdir -p "$folder"
  if [ ! -e "$folder/libamdhip64.so" ] || [ "$HEED_AMD_EMULATOR/hip_emu.c" -nt "$folder/libamdhip64.so" ] ||
    [ "$HEED_AMD_EMULATOR/stepper.c" -nt "$folder/stepper.so" ]; then
    PYTHON=${PYTHON:-$python} sh "$HEED_AMD_EMULATOR/build_hip_emu.sh" "$folder" >/dev/null || return 2
  fi
  "$python" "$(dirname "${BASH_SOURCE[0]}")/correct_emulator.py" "$TINYGRAD_DIR" "$folder/tinygrad" || return 2
  export TINYGRAD_DIR=$folder/tinygrad
  export HEED_HIP_LIBRARY=$folder/libamdhip64.so HSACO_STEPPER=$folder/stepper.so
}
