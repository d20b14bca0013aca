#!/usr/bin/env python3
"""clang-tidy with .clang-tidy over every source of Heed that the build knows, or over the files given.

A source that was clean is not checked again until it or a file it includes changes: what ninja knows about includes
and the contents of those files make the key of a stamp in the build folder.
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


def sources(build: Path) -> dict[str, str]:
    """Object file by source, both as the compilation database names them, for sources of the repository."""
    commands = json.loads((build / "compile_commands.json").read_text())
    within = f"{ROOT}{os.sep}"
    found = {entry["file"]: entry.get("output", "") for entry in commands}
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


def stamp_of(build: Path, source: str, includes: list[str]) -> Path:
    key = hashlib.sha256((ROOT / ".clang-tidy").read_bytes())
    for name in sorted({source, *includes}):
        path = build / name
        if str(path.resolve()).startswith(f"{ROOT}{os.sep}") and path.suffix != ".pch" and path.is_file():
            key.update(name.encode() + b"\0" + path.read_bytes())
    return build / "tidy" / key.hexdigest()


def check(build: Path, source: str) -> subprocess.CompletedProcess:
    return subprocess.run([TIDY, "-p", str(build), "--quiet", source], capture_output=True, text=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-j", type=int, default=os.cpu_count(), help="processes")
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "release")
    parser.add_argument("files", nargs="*", type=Path)
    options = parser.parse_args()
    build = options.build.resolve()
    objects, includes = sources(build), included_files(build)
    wanted = [str(path.resolve()) for path in options.files] or list(objects)
    if unknown := [name for name in wanted if name not in objects]:
        sys.exit(f"tidy: error: the build does not know {unknown[0]}")
    stamps = {name: stamp_of(build, name, includes.get(objects[name], [])) for name in wanted}
    stale = [name for name in wanted if not stamps[name].exists()]
    (build / "tidy").mkdir(exist_ok=True)
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
