#!/usr/bin/env python3
"""Checks of the source text: formatting, file names, file sizes, leftovers. Needs nothing but git and clang-format-22."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINE_LIMIT = 600
CXX = {".h", ".hpp", ".cpp", ".c"}
TEXT = CXX | {".td", ".py", ".sh", ".mlir", ".md", ".txt", ".cmake", ".fbs", ".json", ".test", ""}
SOURCE_FOLDERS = ("compiler/", "dialects/", "backends/", "runtime/")
CAMEL_CASE = re.compile(r"^[A-Z][A-Za-z0-9]*(\.[a-z]+)?$")
KEBAB_CASE = re.compile(r"^[a-z0-9]+(-[a-z0-9]+)*\.(mlir|test)$")
LEFTOVERS = [
    (re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b"), "a leftover marker: finish it, or write down why not"),
    (re.compile(r"(?<![\w.$}%/-])/(home|root|work|Users)/\w"), "a path of somebody's machine"),
    (re.compile(r"^(<{7}|>{7}|={7})( |$)"), "a merge conflict marker"),
    (re.compile(r"[ \t]+$"), "white space at the end of the line"),
]
# What serves all targets names none of them, in comments neither.
COMMON_FOLDERS = ("dialects/", "compiler/graph/", "compiler/kernel/", "compiler/tile/", "backends/simt/")
TARGET_NAMES = re.compile(
    r"cpu|cuda|nvvm|nvptx|nvidia|ptxas|ptx|rocm|rocdl|amdgpu|amd|gfx\d*[a-z]?|hip|sm_?\d+[a-z]?|vulkan|spirv|spir|hsaco|cubin"
)
WORDS = re.compile(r"[A-Za-z]+_?\d+[a-z]?(?![A-Za-z\d])|[A-Z]{2,}(?![a-z])|[A-Z]?[a-z]+")
# Tools are named as users type them; C headers keep C's names.
NAMES_AS_TYPED = re.compile(r"^(heed[a-z-]*\.(h|hpp|cpp)|CMakeLists\.txt|[A-Z]+\.md|README\.md|.*\.(td|fbs|py|sh|txt))$")


def tracked_files() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def check_name(name: str) -> str | None:
    path = Path(name)
    if path.suffix in (".mlir", ".test") and name.startswith("tests/"):
        if not KEBAB_CASE.match(path.name):
            return "test files are named after the pass or behaviour in lower case with hyphens"
    elif name.startswith(SOURCE_FOLDERS) and path.suffix in CXX:
        if not CAMEL_CASE.match(path.name) and not NAMES_AS_TYPED.match(path.name):
            return "source files are CamelCase, after the idea they hold"
    return None


def target_names(line: str) -> list[str]:
    """Words and parts of identifiers that name a target."""
    return [word for word in WORDS.findall(line) if TARGET_NAMES.fullmatch(word.lower())]


def check_text(name: str) -> list[tuple[int, str]]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    found = []
    for number, line in enumerate(lines, 1):
        found += [(number, what) for pattern, what in LEFTOVERS if pattern.search(line)]
        if name.startswith(COMMON_FOLDERS):
            found += [(number, f"'{word}' names a target; say it in what all of them share") for word in target_names(line)]
    if Path(name).suffix in CXX | {".td", ".py", ".sh", ".mlir"} and len(lines) > LINE_LIMIT:
        found.append((len(lines), f"{len(lines)} lines; a file is to be read in one sitting, at most {LINE_LIMIT}"))
    return found


def check_format(names: list[str]) -> int:
    if not names:
        return 0
    return subprocess.run(["clang-format-22", "--dry-run", "-Werror", *names], cwd=ROOT).returncode


def main() -> int:
    names = tracked_files()
    problems = []
    for name in names:
        if reason := check_name(name):
            problems.append(f"{name}: error: {reason}")
        if Path(name).suffix in TEXT:
            problems += [f"{name}:{line}: error: {reason}" for line, reason in check_text(name)]
    print("\n".join(problems), end="\n" if problems else "")
    sources = [name for name in names if Path(name).suffix in CXX]
    misformatted = check_format(sources)
    print(f"lint: {len(names)} files, {len(problems)} problems, formatting {'differs' if misformatted else 'clean'}")
    return 1 if problems or misformatted else 0


if __name__ == "__main__":
    sys.exit(main())
