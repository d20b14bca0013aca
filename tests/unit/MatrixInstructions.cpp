/// Matrix instructions as their manuals describe them.
#include "tests/unit/LaneEvaluator.h"

namespace heed::test {

// PTX ISA, "Matrix Fragments for mma.m16n8k16 with floating point type": groupID = lane >> 2, threadID_in_group = lane
// % 4; a(i): row groupID for i in {0, 1, 4, 5} else groupID + 8, column threadID_in_group * 2 + (i & 1), + 8 for i >=
// 4; b(i): row threadID_in_group * 2 + (i & 1), + 8 for i >= 2, column groupID; c(i): row groupID, + 8 for i >= 2,
// column threadID_in_group * 2 + (i & 1).
static Instruction mmaM16N8K16(const std::string &atom) {
  auto left = [](int64_t row, int64_t column) -> Places {
    return {{row % 8 * 4 + column % 8 / 2, column % 2 + row / 8 * 2 + column / 8 * 4}};
  };
  auto right = [](int64_t row, int64_t column) -> Places {
    return {{column * 4 + row % 8 / 2, row % 2 + row / 8 * 2}};
  };
  auto sum = [](int64_t row, int64_t column) -> Places {
    return {{row % 8 * 4 + column / 2, column % 2 + row / 8 * 2}};
  };
  return {atom, 16, 8, 16, 32, left, right, sum};
}

// AMD matrix instruction calculator, v_mfma_f32_16x16x16_f16 and _bf16: A[i][k] is GPR k % 4 of lane i + 16 * (k / 4),
// B[k][j] GPR k % 4 of lane j + 16 * (k / 4), D[i][j] GPR i % 4 of lane j + 16 * (i / 4).
static Instruction mfma16x16x16(const std::string &atom) {
  auto left = [](int64_t i, int64_t k) -> Places { return {{i + 16 * (k / 4), k % 4}}; };
  auto right = [](int64_t k, int64_t j) -> Places { return {{j + 16 * (k / 4), k % 4}}; };
  auto sum = [](int64_t i, int64_t j) -> Places { return {{j + 16 * (i / 4), i % 4}}; };
  return {atom, 16, 16, 16, 64, left, right, sum};
}

// The same, v_mfma_f32_32x32x8_f16 and _bf16: A[i][k] is GPR k % 4 of lane i + 32 * (k / 4), D[i][j] is GPR
// 4 * (i / 8) + i % 4 of lane j + 32 * (i / 4 % 2).
static Instruction mfma32x32x8(const std::string &atom) {
  auto left = [](int64_t i, int64_t k) -> Places { return {{i + 32 * (k / 4), k % 4}}; };
  auto right = [](int64_t k, int64_t j) -> Places { return {{j + 32 * (k / 4), k % 4}}; };
  auto sum = [](int64_t i, int64_t j) -> Places { return {{j + 32 * (i / 4 % 2), 4 * (i / 8) + i % 4}}; };
  return {atom, 32, 32, 8, 64, left, right, sum};
}

// RDNA3 ISA, WMMA in wave32: lanes i and i + 16 both hold row i of A (column i of B), element k in half k of the
// registers; D[i][j] is register i / 2 of lane j + 16 * (i % 2).
static Instruction wmmaOfRdna3(const std::string &atom) {
  auto left = [](int64_t i, int64_t k) -> Places { return {{i, k}, {i + 16, k}}; };
  auto right = [](int64_t k, int64_t j) -> Places { return {{j, k}, {j + 16, k}}; };
  auto sum = [](int64_t i, int64_t j) -> Places { return {{j + 16 * (i % 2), i / 2}}; };
  return {atom, 16, 16, 16, 32, left, right, sum};
}

// RDNA4 ISA, WMMA in wave32: A[i][k] is element k % 8 of lane i + 16 * (k / 8), B likewise; D[i][j] is register i % 8
// of lane j + 16 * (i / 8).
static Instruction wmmaOfRdna4(const std::string &atom) {
  auto left = [](int64_t i, int64_t k) -> Places { return {{i + 16 * (k / 8), k % 8}}; };
  auto right = [](int64_t k, int64_t j) -> Places { return {{j + 16 * (k / 8), k % 8}}; };
  auto sum = [](int64_t i, int64_t j) -> Places { return {{j + 16 * (i / 8), i % 8}}; };
  return {atom, 16, 16, 16, 32, left, right, sum};
}

// Lanes in a grid, columns of lanes fastest; each multiplies its `rows` left elements with its `columns` right ones.
static Instruction multiplyAdd(const std::string &atom, int64_t rows, int64_t columns, int64_t rowLanes,
                               int64_t columnLanes) {
  auto left = [=](int64_t row, int64_t) {
    Places places;
    for (int64_t lane = 0; lane < columnLanes; ++lane)
      places.push_back({row / rows * columnLanes + lane, row % rows});
    return places;
  };
  auto right = [=](int64_t, int64_t column) {
    Places places;
    for (int64_t lane = 0; lane < rowLanes; ++lane)
      places.push_back({lane * columnLanes + column / columns, column % columns});
    return places;
  };
  auto sum = [=](int64_t row, int64_t column) -> Places {
    return {{row / rows * columnLanes + column / columns, row % rows * columns + column % columns}};
  };
  return {atom, rows * rowLanes, columns * columnLanes, 1, rowLanes * columnLanes, left, right, sum};
}

const Instruction *findInstruction(llvm::StringRef atom) {
  static const std::vector<Instruction> known = {
      mmaM16N8K16("mma.m16n8k16.f16"),
      mmaM16N8K16("mma.m16n8k16.bf16"),
      mfma16x16x16("mfma.16x16x16.f16"),
      mfma16x16x16("mfma.16x16x16.bf16"),
      mfma32x32x8("mfma.32x32x8.f16"),
      mfma32x32x8("mfma.32x32x8.bf16"),
      wmmaOfRdna3("wmma.16x16x16.replicated.f16"),
      wmmaOfRdna3("wmma.16x16x16.replicated.bf16"),
      wmmaOfRdna4("wmma.16x16x16.f16"),
      wmmaOfRdna4("wmma.16x16x16.bf16"),
      multiplyAdd("fma.4x4.f32", 4, 4, 4, 8),
      multiplyAdd("fma.1x1.f64", 1, 1, 8, 8),
      multiplyAdd("fma.2x4.i32", 2, 4, 2, 4),
  };
  for (const Instruction &instruction : known)
    if (instruction.atom == atom)
      return &instruction;
  return nullptr;
}

} // namespace heed::test
