#include "backends/cuda/Atoms.h"

#include <vector>

using namespace heed;
using tile::Atom;
using tile::Element;
using tile::Layout;

// mma.sync.m16n8k16 with 16-bit operands, as the PTX manual draws its fragments: lane = 4 * group + member. A lane has
// two neighbours along k (columns of the sum) in a register, and rows group and group + 8.
static Atom m16n8k16(Element operand, const char *instruction) {
  Layout left = Layout::get({16, 16}, {{0, 1}, {8, 0}, {0, 8}}, {{0, 2}, {0, 4}, {1, 0}, {2, 0}, {4, 0}});
  Layout right = Layout::get({16, 8}, {{1, 0}, {8, 0}}, {{2, 0}, {4, 0}, {0, 1}, {0, 2}, {0, 4}});
  Layout sum = Layout::get({16, 8}, {{0, 1}, {8, 0}}, {{0, 2}, {0, 4}, {1, 0}, {2, 0}, {4, 0}});
  Atom atom = {.name = "mma.m16n8k16." + tile::stringifyElement(operand).str(),
               .m = 16,
               .n = 8,
               .k = 16,
               .operand = operand,
               .accumulator = Element::F32,
               .left = left,
               .right = right,
               .sum = sum,
               .instruction = instruction};
  return tile::orientedForChains(atom);
}

llvm::ArrayRef<Atom> heed::cuda::atomsOf(llvm::StringRef chip) {
  static const std::vector<Atom> ampere = {m16n8k16(Element::F16, "llvm.nvvm.mma.m16n8k16.row.col.f32.f32"),
                                           m16n8k16(Element::BF16, "llvm.nvvm.mma.m16n8k16.row.col.bf16")};
  // Later chips have the instructions of earlier ones.
  struct Row {
    unsigned since;
    llvm::ArrayRef<Atom> atoms;
  } rows[] = {{80, ampere}};
  unsigned number = 0;
  if (!chip.consume_front("sm_") || chip.consumeInteger(10, number))
    return {};
  llvm::ArrayRef<Atom> found;
  for (const Row &row : rows)
    if (number >= row.since)
      found = row.atoms;
  return found;
}
