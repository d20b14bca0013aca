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

// wgmma.m64nNk16: warp w of the group has rows 16 w to 16 w + 15, as mma.sync.m16n8k16 has its 16, for every 8 columns.
static Atom m64k16(int64_t columns, Element operand, tile::Residence leftResidence) {
  const tile::Bases lanes = {{0, 2}, {0, 4}, {1, 0}, {2, 0}, {4, 0}}, warps = {{16, 0}, {32, 0}};
  tile::Bases sums = {{0, 1}, {8, 0}};
  if (columns % 16 == 0)
    sums.push_back({0, 8});
  bool isShared = leftResidence == tile::Residence::Shared;
  std::string type = tile::stringifyElement(operand).str(), shape = "m64n" + std::to_string(columns) + "k16";
  return {.name = "wgmma." + shape + "." + type + (isShared ? ".shared" : ""),
          .m = 64,
          .n = columns,
          .k = 16,
          .operand = operand,
          .accumulator = Element::F32,
          .left = isShared ? Layout() : Layout::get({64, 16}, {{0, 1}, {8, 0}, {0, 8}}, lanes, warps),
          .right = {},
          .sum = Layout::get({64, columns}, sums, lanes, warps, {{1, columns % 16 == 0 ? columns / 16 : columns / 8}}),
          .leftResidence = leftResidence,
          .rightResidence = tile::Residence::Shared,
          .instruction = "wgmma.mma_async.sync.aligned." + shape + ".f32." + type + "." + type};
}

llvm::ArrayRef<Atom> heed::cuda::warpgroupAtomsOf(llvm::StringRef chip) {
  static const std::vector<Atom> hopper = [] {
    std::vector<Atom> atoms;
    for (int64_t columns = 256; columns >= 8; columns -= 8)
      for (Element operand : {Element::F16, Element::BF16})
        for (tile::Residence left : {tile::Residence::Shared, tile::Residence::Registers})
          atoms.push_back(m64k16(columns, operand, left));
    return atoms;
  }();
  // Of this generation alone: neither earlier nor later chips have them.
  return chip == "sm_90a" ? llvm::ArrayRef<Atom>(hopper) : llvm::ArrayRef<Atom>();
}
