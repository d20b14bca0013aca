#include "backends/rocm/Atoms.h"

#include <vector>

using namespace heed;
using tile::Atom;
using tile::Element;
using tile::Layout;

/// The right operand of all these instructions is held as the left one, with rows and columns exchanged. The layouts
/// given are those of the manuals; the record may come out transposed.
static Atom describe(const std::string &name, Element operand, const Layout &left, const Layout &sum,
                     const char *instruction) {
  Atom atom = {.name = name + "." + tile::stringifyElement(operand).str(),
               .m = left.shape()[0],
               .n = sum.shape()[1],
               .k = left.shape()[1],
               .operand = operand,
               .accumulator = Element::F32,
               .left = left,
               .right = left.transpose({1, 0}),
               .sum = sum,
               .instruction = instruction};
  return tile::orientedForChains(atom);
}

// v_mfma_f32_16x16x16: lane = 16 * group + member; a lane has four neighbours along k (rows of the sum), the group's.
static Atom mfma16x16x16(Element operand, const char *instruction) {
  return describe("mfma.16x16x16", operand,
                  Layout::get({16, 16}, {{0, 1}, {0, 2}}, {{1, 0}, {2, 0}, {4, 0}, {8, 0}, {0, 4}, {0, 8}}),
                  Layout::get({16, 16}, {{1, 0}, {2, 0}}, {{0, 1}, {0, 2}, {0, 4}, {0, 8}, {4, 0}, {8, 0}}),
                  instruction);
}

// v_mfma_f32_32x32x8: lane = 32 * group + member; k as above, the sum's rows in four blocks of four neighbours.
static Atom mfma32x32x8(Element operand, const char *instruction) {
  return describe(
      "mfma.32x32x8", operand,
      Layout::get({32, 8}, {{0, 1}, {0, 2}}, {{1, 0}, {2, 0}, {4, 0}, {8, 0}, {16, 0}, {0, 4}}),
      Layout::get({32, 32}, {{1, 0}, {2, 0}, {8, 0}, {16, 0}}, {{0, 1}, {0, 2}, {0, 4}, {0, 8}, {0, 16}, {4, 0}}),
      instruction);
}

// v_wmma_f32_16x16x16 of RDNA3, wave32: each half of the wave holds all of both operands, 16 elements a lane; even rows
// of the sum are in the lower half, odd ones in the upper.
static Atom wmmaReplicated(Element operand, const char *instruction) {
  return describe("wmma.16x16x16.replicated", operand,
                  Layout::get({16, 16}, {{0, 1}, {0, 2}, {0, 4}, {0, 8}}, {{1, 0}, {2, 0}, {4, 0}, {8, 0}, {0, 0}}),
                  Layout::get({16, 16}, {{2, 0}, {4, 0}, {8, 0}}, {{0, 1}, {0, 2}, {0, 4}, {0, 8}, {1, 0}}),
                  instruction);
}

// v_wmma_f32_16x16x16 of RDNA4, wave32: 8 elements a lane; the upper half of the wave holds the upper half of k, and of
// the sum's rows.
static Atom wmma(Element operand, const char *instruction) {
  return describe("wmma.16x16x16", operand,
                  Layout::get({16, 16}, {{0, 1}, {0, 2}, {0, 4}}, {{1, 0}, {2, 0}, {4, 0}, {8, 0}, {0, 8}}),
                  Layout::get({16, 16}, {{1, 0}, {2, 0}, {4, 0}}, {{0, 1}, {0, 2}, {0, 4}, {0, 8}, {8, 0}}),
                  instruction);
}

llvm::ArrayRef<Atom> heed::rocm::atomsOf(llvm::StringRef chip) {
  static const std::vector<Atom> cdna = {
      mfma16x16x16(Element::F16, "llvm.amdgcn.mfma.f32.16x16x16f16"),
      mfma16x16x16(Element::BF16, "llvm.amdgcn.mfma.f32.16x16x16bf16.1k"),
      mfma32x32x8(Element::F16, "llvm.amdgcn.mfma.f32.32x32x8f16"),
      mfma32x32x8(Element::BF16, "llvm.amdgcn.mfma.f32.32x32x8bf16.1k"),
  };
  static const std::vector<Atom> rdna3 = {
      wmmaReplicated(Element::F16, "llvm.amdgcn.wmma.f32.16x16x16.f16.v8f32.v16f16"),
      wmmaReplicated(Element::BF16, "llvm.amdgcn.wmma.f32.16x16x16.bf16.v8f32.v16i16"),
  };
  static const std::vector<Atom> rdna4 = {
      wmma(Element::F16, "llvm.amdgcn.wmma.f32.16x16x16.f16.v8f32.v8f16"),
      wmma(Element::BF16, "llvm.amdgcn.wmma.f32.16x16x16.bf16.v8f32.v8i16"),
  };
  struct Row {
    llvm::StringRef chip;
    llvm::ArrayRef<Atom> atoms;
  } rows[] = {{"gfx90a", cdna},   {"gfx942", cdna},   {"gfx950", cdna},  {"gfx1100", rdna3},
              {"gfx1151", rdna3}, {"gfx1200", rdna4}, {"gfx1201", rdna4}};
  for (const Row &row : rows)
    if (row.chip == chip)
      return row.atoms;
  return {};
}
