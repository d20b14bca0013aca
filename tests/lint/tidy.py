#!/usr/bin/env python3
"""clang-tidy with .clang-tidy over every source of Heed that the build compiles, or over those given (files or folders).

A source that was clean is not checked again until it or a file it includes changes: what ninja knows about includes,
the contents of those files, the command and the version of clang-tidy make the key of a stamp. Stamps lie in the build
folder, or in the folder that HEED_TIDY_CACHE names, which several checkouts may share.
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TIDY = "clang-tidy-22"


def sources(build: Path) -> dict[str, dict]:
    """The entries of the compilation database for sources of the repository, by source."""
    commands = json.loads((build / "compile_commands.json").read_text())
    within = f"{ROOT}{os.sep}"
    found = {entry["file"]: entry for entry in commands}
    return {file: found[file] for file in sorted(found) if file.startswith(within) and not file.startswith(f"{build}")}


def included_files(build: Path) -> dict[str, list[str]]:
    """What each object was made from, by ninja's record."""
    listing = subprocess.run(["ninja", "-C", str(build), "-t", "deps"], check=True, capture_output=True, text=True)
    files, current = {}, None
    for line in listing.stdout.splitlines():
        if line.startswith(" "):
            files[current].append(line.strip())
        elif ": #deps" in line:
            current = line.split(":")[0]
            files[current] = []
    return files


class Stamps:
    """Files that say by their names what was found clean."""

    def __init__(self, build: Path):
        self.build = build
        self.folder = Path(os.environ.get("HEED_TIDY_CACHE") or build / "tidy")
        self.folder.mkdir(parents=True, exist_ok=True)
        version = subprocess.run([TIDY, "--version"], check=True, capture_output=True).stdout
        self.common = version + (ROOT / ".clang-tidy").read_bytes()
        self.digests: dict[Path, bytes] = {}  # of files of the repository and the build, by name and contents

    def digest(self, path: Path) -> bytes:
        if path not in self.digests:
            ours = path.is_relative_to(ROOT) and path.suffix != ".pch" and path.is_file()
            name = str(path.relative_to(ROOT)).encode() if ours else b""
            self.digests[path] = hashlib.sha256(name + b"\0" + path.read_bytes()).digest() if ours else b""
        return self.digests[path]

    def of(self, entry: dict, includes: list[str]) -> Path:
        key = hashlib.sha256(self.common + entry["command"].replace(str(ROOT), "").encode())
        for path in sorted({Path(os.path.normpath(self.build / name)) for name in (entry["file"], *includes)}):
            key.update(self.digest(path))
        return self.folder / key.hexdigest()


def select(known: list[str], paths: list[Path]) -> list[str]:
    """The known sources that are or lie below a path; all without paths."""
    wanted = set() if paths else set(known)
    for path in paths:
        below = [name for name in known if Path(name).is_relative_to(path)]
        if not below:
            sys.exit(f"tidy: error: the build compiles nothing of {path}; give a source or a folder with sources")
        wanted.update(below)
    return sorted(wanted)


def check(build: Path, source: str) -> subprocess.CompletedProcess:
    return subprocess.run([TIDY, "-p", str(build), "--quiet", source], capture_output=True, text=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-j", type=int, default=os.cpu_count(), help="processes")
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "release")
    parser.add_argument("paths", nargs="*", type=Path, help="sources, or folders with sources")
    options = parser.parse_args()
    build = options.build.resolve()
    entries, includes = sources(build), included_files(build)
    wanted = select(list(entries), [path.resolve() for path in options.paths])
    of = Stamps(build).of
    stamps = {name: of(entries[name], includes.get(entries[name].get("output", ""), [])) for name in wanted}
    stale = [name for name in wanted if not stamps[name].exists()]
    failures = 0
    with concurrent.futures.ThreadPoolExecutor(options.j) as pool:
        for name, done in zip(stale, pool.map(lambda name: check(build, name), stale)):
            if done.returncode == 0:
                stamps[name].touch()
            else:
                failures += 1
                print(done.stdout or done.stderr, flush=True)
    print(f"tidy: {len(wanted)} files, {len(stale)} checked, {failures} with findings")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
