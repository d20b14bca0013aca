#!/usr/bin/env bash
# make_bundle.sh OUT [--build=BUILD] [--cuda=CHIPS] [--vulkan=CHIPS] [--cpu=CPU] [--packages=DIR] [--only=PARTS]
# [--jobs=N]: collects what testing on a machine with a GPU needs, where there is no compiler: the runtime, its tools, and packages
# compiled here. OUT/run.sh runs everything there. README.md says more.
#
#   --build=BUILD     the build folder (build/release)
#   --cuda=CHIPS      chips to compile for, such as cuda:sm_80,cuda:sm_90a (cuda:sm_80); empty for none
#   --vulkan=CHIPS    the same for Vulkan (vulkan:32)
#   --cpu=CPU         the same for the processor, to try a bundle where it was made (none)
#   --packages=DIR    keep compiled packages here and take those that are newer than the compiler from here
#   --only=PARTS      of numerics,onnx,skeletons,minilm,runtime (all)
#   --jobs=N          compilations at a time (one per processor)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)

usage() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
out='' build=$root/build/release cuda=cuda:sm_80 vulkan=vulkan:32 cpu='' packages='' only=numerics,onnx,skeletons,minilm,runtime
jobs=$(nproc)
for argument in "$@"; do
  case $argument in
  --build=*) build=$(realpath "${argument#*=}") ;;
  --cuda=*) cuda=${argument#*=} ;;
  --vulkan=*) vulkan=${argument#*=} ;;
  --cpu=*) cpu=${argument#*=} ;;
  --packages=*) packages=$(realpath "${argument#*=}") ;;
  --only=*) only=${argument#*=} ;;
  --jobs=*) jobs=${argument#*=} ;;
  -*) usage ;;
  *) [ -z "$out" ] || usage; out=$argument ;;
  esac
done
[ -n "$out" ] || usage
mkdir -p "$out"
out=$(realpath "$out")
packages=${packages:-$out.packages}
mkdir -p "$packages" "$out"/{bin,lib,spare}
python=$root/.venv/bin/python
wants() { [[ ,$only, == *,$1,* ]]; }

# The programs. libstdc++ is the machine's own unless that is too old or missing: then run.sh takes the one in spare/.
cp "$build"/bin/{heed-run,heed-bench,heed-numerics} "$out/bin/"
cp -L "$build/lib/libheed.so.0" "$out/lib/"
libraries=$(ldd "$out/bin/heed-run" | awk '$3 ~ /^\// { print $3 }' | sort -u)
for library in $libraries; do
  case $(basename "$library") in
  libonnx_proto* | libprotobuf* | libz.* | libgtest* | libgmock* | libabsl*) cp -L "$library" "$out/lib/" ;;
  libstdc++* | libgcc_s*) cp -L "$library" "$out/spare/" ;;
  esac
done
cp "$here/run.sh" "$here/README.md" "$out/"
git -C "$root" describe --always --dirty >"$out/revision.txt"

# compile_attention KIND TARGETS: the kernels of the numerics suite.
compile_attention() {
  local folder=$packages/numerics-$1
  "$build/bin/heed-numerics" emit "$folder.new"
  mkdir -p "$folder"
  # Sources that changed, and what an older compiler made, are compiled again.
  move_changed "$folder.new" "$folder"
  find "$folder" -name '*.heed' ! -newer "$build/bin/heedc" -delete
  mkdir -p "$folder.todo"
  local source
  for source in "$folder"/*.mlir; do
    [ -e "${source%.mlir}.heed" ] || cp "$source" "$folder.todo/"
  done
  "$root/tests/numerics/compile-kernels.sh" "$build/bin/heedc" "$folder.todo" "$jobs" "--target=$2" ||
    echo "some kernels do not compile for $2; their cases will fail"
  find "$folder.todo" -name '*.heed' -exec mv -t "$folder" {} +
  rm -r "$folder.todo"
  mkdir -p "$out/numerics-$1"
  find "$folder" -name '*.heed' -exec cp -t "$out/numerics-$1" {} +
}

# move_changed FROM TO: moves the files of FROM to TO that differ there, and drops what a changed source was made into.
move_changed() {
  local file name kept
  kept=$(ls "$1")
  for file in "$1"/*; do
    name=$(basename "$file")
    cmp -s "$file" "$2/$name" || { rm -f "$2/${name%.mlir}.heed"; mv "$file" "$2/$name"; }
  done
  for file in "$2"/*.mlir; do
    grep -qxF "$(basename "$file")" <<<"$kept" || rm -f "$file" "${file%.mlir}.heed"
  done
  rm -r "$1"
}

for kind in cuda vulkan cpu; do
  targets=${!kind}
  [ -n "$targets" ] || continue
  wants numerics && compile_attention "$kind" "$targets"
  for what in onnx skeletons; do
    wants $what && "$python" "$here/collect_nodes.py" $what "$out" "$packages" "$kind" "$targets" "$jobs"
  done
  wants minilm && "$python" "$here/collect_minilm.py" "$out" "$kind" "$targets"
done
wants runtime && "$root/tests/runtime/gpu/pack.sh" "$build" "$out/runtime"

tar -C "$(dirname "$out")" -I 'xz -T0 -3' -cf "$out.tar.xz" "$(basename "$out")"
megabytes=$(($(stat -c %s "$out.tar.xz") / 1048576))
echo "$out.tar.xz: $megabytes MiB"
[ "$megabytes" -le 60 ] || { echo "make_bundle.sh: error: more than 60 MiB; leave something out with --only" >&2; exit 1; }
