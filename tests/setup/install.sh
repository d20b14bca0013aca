#!/usr/bin/env bash
# Installs what building and testing Heed needs on Debian 12: the packages of packages.txt, and a Python environment
# in .venv with the versions of tests/requirements.txt. Does nothing, in well under a second, when all is there.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)

fail() {
  echo "install: error: $*" >&2
  exit 1
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    env DEBIAN_FRONTEND=noninteractive "$@"
  elif command -v sudo >/dev/null; then
    sudo env DEBIAN_FRONTEND=noninteractive "$@"
  else
    fail "installing packages needs root: run this as root, or install sudo"
  fi
}

installed_packages() { dpkg-query -W -f '${db:Status-Abbrev} ${binary:Package}\n' 2>/dev/null | sed -n 's/^ii *//p' | sed 's/:.*//'; }

missing_packages() { comm -23 <(grep -v '^#' "$here/packages.txt" | sort -u) <(installed_packages | sort -u); }

install_packages() {
  local missing
  mapfile -t missing < <(missing_packages)
  [ ${#missing[@]} = 0 ] && return
  command -v apt-get >/dev/null || fail "apt-get not found; Debian 12 is expected. Needed: ${missing[*]}"
  echo "install: apt packages: ${missing[*]}" >&2
  as_root apt-get update -qq || fail "apt-get update failed: check the network and the package sources"
  local name
  for name in "${missing[@]}"; do
    apt-cache show "$name" >/dev/null 2>&1 ||
      fail "apt knows no package $name: Debian 12 (bookworm) with its security updates enabled is expected"
  done
  as_root apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 "${missing[@]}" >/dev/null ||
    fail "apt-get install failed for: ${missing[*]}"
}

install_python() {
  local venv=$root/.venv requirements=$root/tests/requirements.txt python=/usr/bin/python3
  cmp -s "$requirements" "$venv/installed.txt" && "$venv/bin/python" -c '' 2>/dev/null && return
  echo "install: Python packages into .venv" >&2
  "$python" -m venv --clear "$venv" || fail "could not make the Python environment $venv"
  "$venv/bin/pip" install -q --disable-pip-version-check --no-deps -r "$requirements" ||
    fail "pip could not install tests/requirements.txt: check the network"
  cp "$requirements" "$venv/installed.txt"
}

install_packages
install_python
