"""correct_emulator.py TINYGRAD OUT: makes OUT a checkout of links to TINYGRAD, with one defect of its emulator corrected.

RDNA's 16-bit instructions in their short form name the upper half of a register by a number from 128 on; CDNA's have no
such halves, and number 128 is a register of its own. tinygrad's emulator takes CDNA's (waves of 64) for RDNA's, so that
v_cvt_f16_f32 to v128 changes v0: wrong results or faults of every kernel with more than 128 registers and 16-bit types.
`run.py --tools=BIN -k registers` of tests/lanes finds it. A checkout in which the text differs is linked as it is."""

import sys
from pathlib import Path

EMULATOR = Path("test/mockgpu/amd/emu.py")
ON_RDNA = "ctx.wave_size == 32 and "
# Where halves are told from registers: what stands before the condition, and the condition.
CONDITIONS = (
    ("write_hi_half = ", "bits['d'] == 16 and (vdst_reg >= _c(128))"),
    ("vsrc1_hi = ", "bits['s0'] == 16 and (vsrc1_reg >= _c(128))"),
    ("if ", "bits['s0'] == 16:  # src0 >= 384"),
    ("if ", "bits['s0'] == 16:\n      vsrc1_hi = vsrc1_off"),
)


def link_around(source: Path, out: Path, kept: tuple[str, ...]) -> None:
    """Links everything in `source` but the path `kept`, whose folders are made."""
    out.mkdir(parents=True, exist_ok=True)
    for entry in source.iterdir():
        if entry.name != kept[0] and entry.name != "__pycache__" and not (out / entry.name).exists():
            (out / entry.name).symlink_to(entry.resolve())
    if len(kept) > 1:
        link_around(source / kept[0], out / kept[0], kept[1:])


def corrected(text: str) -> str:
    for before, condition in CONDITIONS:
        if text.count(before + condition) != 1:
            print("amd-emulator: tinygrad's emulator is not the text that is known to need correction; used as it is")
            return text
    for before, condition in CONDITIONS:
        text = text.replace(before + condition, before + ON_RDNA + condition)
    return text


def main() -> int:
    source, out = Path(sys.argv[1]), Path(sys.argv[2])
    link_around(source, out, EMULATOR.parts)
    text = corrected((source / EMULATOR).read_text())
    if not (out / EMULATOR).exists() or (out / EMULATOR).read_text() != text:
        (out / EMULATOR).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
