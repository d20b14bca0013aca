#include "dialects/tile/Atom.h"

#include "backends/cuda/Atoms.h"
#include "backends/rocm/Atoms.h"
#include "backends/simt/MultiplyAdd.h"
#include "dialects/tile/LayoutConversion.h"
#include "tests/unit/LaneEvaluator.h"

#include <gtest/gtest.h>
#include <set>

using namespace heed;
using namespace heed::tile;
using namespace heed::test;

namespace {

/// As its manual describes it.
Atom plain(const Atom &atom) { return atom.isTransposed ? transposed(atom) : atom; }

/// Every atom of every chip, once.
std::vector<Atom> allAtoms() {
  std::vector<Atom> atoms = {simt::multiplyAdd(Element::F32, 32, 4, 4), simt::multiplyAdd(Element::F64, 64, 1, 1),
                             simt::multiplyAdd(Element::I32, 8, 2, 4)};
  std::set<std::string> seen;
  auto add = [&](llvm::ArrayRef<Atom> table) {
    for (const Atom &atom : table)
      if (seen.insert(atom.instruction).second)
        atoms.push_back(atom);
  };
  add(cuda::atomsOf("sm_80"));
  for (const char *chip : {"gfx90a", "gfx942", "gfx950", "gfx1100", "gfx1151", "gfx1200", "gfx1201"})
    add(rocm::atomsOf(chip));
  return atoms;
}

Atom atomNamed(llvm::StringRef name) {
  for (const Atom &atom : allAtoms())
    if (atom.name == name)
      return plain(atom);
  ADD_FAILURE() << "no atom is called " << name.str();
  return allAtoms().front();
}

/// Every atom as it is and transposed.
std::vector<Atom> bothWays() {
  std::vector<Atom> atoms = allAtoms();
  for (const Atom &atom : allAtoms())
    atoms.push_back(transposed(atom));
  return atoms;
}

/// The register that holds an element is the one the manual names, and replicas are where it wants them.
void expectPlaces(const Layout &layout, const std::function<Places(int64_t, int64_t)> &places) {
  std::set<std::pair<int64_t, int64_t>> documented;
  for (int64_t row = 0; row < layout.shape()[0]; ++row)
    for (int64_t column = 0; column < layout.shape()[1]; ++column)
      for (LaneRegister place : places(row, column)) {
        EXPECT_EQ(layout.coordinates(place.reg, place.lane, 0), (Coordinates{row, column}));
        documented.insert({place.lane, place.reg});
      }
  EXPECT_EQ(int64_t(documented.size()), layout.numLanes() * layout.numRegisters());
}

} // namespace

TEST(Atom, tablesHoldTheInstructionsOfEachChip) {
  EXPECT_EQ(allAtoms().size(), 13u);
  for (const char *chip : {"sm_80", "sm_86", "sm_90", "sm_90a", "sm_120"})
    EXPECT_EQ(cuda::atomsOf(chip).size(), 2u) << chip;
  for (const char *chip : {"sm_75", "sm_", "gfx942", ""})
    EXPECT_TRUE(cuda::atomsOf(chip).empty()) << chip;
  EXPECT_EQ(rocm::atomsOf("gfx90a").size(), 4u);
  EXPECT_EQ(rocm::atomsOf("gfx1151").size(), 2u);
  EXPECT_EQ(rocm::atomsOf("gfx1151").data(), rocm::atomsOf("gfx1100").data());
  EXPECT_TRUE(rocm::atomsOf("gfx803").empty());
}

TEST(Atom, recordsAreConsistent) {
  for (const Atom &atom : allAtoms())
    EXPECT_EQ(atom.findError(), "");
  Atom broken = atomNamed("mma.m16n8k16.f16");
  broken.right = broken.left;
  EXPECT_EQ(broken.findError(), "mma.m16n8k16.f16: the layout of right has another shape than the instruction");
}

// A group of four warps holds rows and sums as four warps with the instruction of one warp would, 16 rows each.
TEST(Atom, groupsOfWarpsHoldWhatSingleWarpsHold) {
  EXPECT_TRUE(cuda::warpgroupAtomsOf("sm_90").empty());
  EXPECT_TRUE(cuda::warpgroupAtomsOf("sm_100a").empty());
  ASSERT_EQ(cuda::warpgroupAtomsOf("sm_90a").size(), 128u);
  for (const Atom &atom : cuda::warpgroupAtomsOf("sm_90a")) {
    SCOPED_TRACE(atom.name);
    EXPECT_EQ(atom.findError(), "");
    EXPECT_EQ(atom.warps(), 4);
    Atom single = plain(atomNamed(atom.operand == Element::F16 ? "mma.m16n8k16.f16" : "mma.m16n8k16.bf16"));
    AtomTiling tiling = tileWithAtom(single, atom.m, atom.n, atom.k, /*rowWarps=*/4, /*columnWarps=*/1);
    EXPECT_EQ(atom.sum, tiling.sum);
    if (atom.leftResidence == Residence::Registers)
      EXPECT_EQ(atom.left, tiling.left);
    AtomTiling two = tileWithAtom(atom, 2 * atom.m, atom.n, 4 * atom.k, /*rowWarps=*/2, /*columnWarps=*/1);
    EXPECT_EQ(two.sum.numWarps(), 8);
    EXPECT_EQ(two.sum.coordinates(0, 0, 5), (Coordinates{80, 0}));
    EXPECT_EQ(two.right.rank(), 0u) << "read from shared memory";
    AtomTiling three = tileWithAtom(atom, 3 * atom.m, atom.n, atom.k, /*rowWarps=*/3, /*columnWarps=*/1);
    EXPECT_EQ(three.sum.numWarps(), 12);
    EXPECT_EQ(three.sum.coordinates(0, 0, 9), (Coordinates{144, 0}));
  }
}

TEST(Atom, layoutsAreThoseOfTheManuals) {
  for (const Atom &oriented : allAtoms()) {
    Atom atom = plain(oriented);
    SCOPED_TRACE(atom.name);
    const Instruction *instruction = findInstruction(atom.name);
    ASSERT_TRUE(instruction);
    ASSERT_EQ(std::tuple(atom.m, atom.n, atom.k, atom.lanes()),
              std::tuple(instruction->m, instruction->n, instruction->k, instruction->lanes));
    expectPlaces(atom.left, instruction->left);
    expectPlaces(atom.right, instruction->right);
    expectPlaces(atom.sum, instruction->sum);
  }
}

TEST(Atom, lanesMultiplyMatrices) {
  for (const Atom &atom : bothWays()) {
    SCOPED_TRACE(atom.name);
    EXPECT_EQ(atom.findError(), "");
    Matrix left = randomMatrix(1, atom.m, atom.k), right = randomMatrix(2, atom.k, atom.n),
           sum = randomMatrix(3, atom.m, atom.n);
    std::string error;
    WarpFragments result =
        executeAtom(atom, scatter(left, atom.left)[0], scatter(right, atom.right)[0], scatter(sum, atom.sum)[0], error);
    EXPECT_EQ(gather({result}, atom.sum, error), multiply(left, right, sum));
    EXPECT_EQ(error, "");
  }
}

TEST(Atom, missingReplicasAreNoticed) {
  Atom atom = atomNamed("wmma.16x16x16.replicated.f16");
  Fragments left = scatter(randomMatrix(1, 16, 16), atom.left), right = scatter(randomMatrix(2, 16, 16), atom.right);
  left[0][17][3] += 1;
  std::string error;
  execute(*findInstruction(atom.name), left[0], right[0], scatter(Matrix(16, 16), atom.sum)[0], error);
  EXPECT_EQ(error, "the instruction wants replicas of an element that differ");
}

TEST(Atom, tilesMultiplyWithWarpsInGrids) {
  for (const Atom &atom : bothWays())
    for (auto [rowWarps, columnWarps] : {std::pair{1, 1}, {4, 1}, {2, 2}, {1, 2}}) {
      SCOPED_TRACE(atom.name);
      // Three atoms beyond what the warps cover: repeats that are no powers of two.
      int64_t rows = atom.m * rowWarps * 2, columns = atom.n * columnWarps * 3, depth = atom.k * 5;
      AtomTiling tiling = tileWithAtom(atom, rows, columns, depth, rowWarps, columnWarps);
      EXPECT_EQ(tiling.sum.shape(), (Coordinates{rows, columns}));
      EXPECT_TRUE(tiling.sum.isInjective());
      Matrix left = randomMatrix(4, rows, depth), right = randomMatrix(5, depth, columns),
             sum = randomMatrix(6, rows, columns);
      std::string error;
      Fragments result = multiplyTiles(atom, tiling, scatter(left, tiling.left), scatter(right, tiling.right),
                                       scatter(sum, tiling.sum), error);
      EXPECT_EQ(gather(result, tiling.sum, error), multiply(left, right, sum));
      EXPECT_EQ(error, "");
    }
}

TEST(Atom, orientationThatFeedsTheSecondProduct) {
  auto choose = [](llvm::StringRef name) { return chooseOrientation(atomNamed(name), atomNamed(name)); };
  for (const char *name : {"mma.m16n8k16.f16", "mma.m16n8k16.bf16"})
    EXPECT_EQ(choose(name), Orientation::Straight) << name;
  for (const char *name : {"mfma.16x16x16.f16", "mfma.16x16x16.bf16", "mfma.32x32x8.f16", "mfma.32x32x8.bf16",
                           "wmma.16x16x16.f16", "wmma.16x16x16.bf16"})
    EXPECT_EQ(choose(name), Orientation::Transposed) << name;
  for (const char *name : {"wmma.16x16x16.replicated.f16", "wmma.16x16x16.replicated.bf16", "fma.4x4.f32"})
    EXPECT_EQ(choose(name), std::nullopt) << name;
}

TEST(Atom, tablesAreOrientedForChains) {
  for (const Atom &atom : allAtoms()) {
    if (atom.k == 1)
      continue;
    SCOPED_TRACE(atom.name);
    bool isStraight = atom.name.find("mma.m16n8k16") == 0,
         isReplicated = atom.name.find("replicated") != std::string::npos;
    EXPECT_EQ(atom.isTransposed, !isStraight);
    if (!isReplicated)
      EXPECT_EQ(chooseOrientation(atom, atom), Orientation::Straight);
  }
}

namespace {

Fragments renamed(const Fragments &fragments, llvm::ArrayRef<int64_t> registers) {
  Fragments result = fragments;
  for (auto [from, to] : llvm::zip_equal(fragments, result))
    for (auto [fromLane, toLane] : llvm::zip_equal(from, to)) {
      toLane.clear();
      for (int64_t reg : registers)
        toLane.push_back(fromLane[reg]);
    }
  return result;
}

} // namespace

// O = (Q K^T) V for 128 queries, 96 keys and a width of 32, by four warps that never exchange anything.
TEST(Atom, chainedProductsNeedNoExchange) {
  for (const Atom &atom : bothWays()) {
    std::optional<Orientation> orientation = chooseOrientation(atom, atom);
    if (!orientation)
      continue;
    SCOPED_TRACE(atom.name);
    bool straight = *orientation == Orientation::Straight;
    int64_t queries = 128, keys = 96, width = 32;
    Matrix query = randomMatrix(1, queries, width), key = randomMatrix(2, keys, width),
           value = randomMatrix(3, keys, width);
    Matrix scores = multiply(query, transpose(key), Matrix(queries, keys));
    Matrix expected = multiply(scores, value, Matrix(queries, width));
    // Warps share out the queries, which are columns of the transposed products.
    AtomTiling first =
        straight ? tileWithAtom(atom, queries, keys, width, 4, 1) : tileWithAtom(atom, keys, queries, width, 1, 4);
    AtomTiling second =
        straight ? tileWithAtom(atom, queries, width, keys, 4, 1) : tileWithAtom(atom, width, queries, keys, 1, 4);
    const Matrix &left = straight ? query : key;
    Matrix right = transpose(straight ? key : query), left2 = transpose(value);
    std::string error;
    Fragments zero = scatter(Matrix(first.sum.shape()[0], first.sum.shape()[1]), first.sum);
    Fragments product = multiplyTiles(atom, first, scatter(left, first.left), scatter(right, first.right), zero, error);
    std::optional<llvm::SmallVector<int64_t>> registers =
        matchRegisters(first.sum, straight ? second.left : second.right);
    ASSERT_TRUE(registers);
    Fragments operand = renamed(product, *registers);
    Fragments start = scatter(Matrix(second.sum.shape()[0], second.sum.shape()[1]), second.sum);
    Fragments out = straight ? multiplyTiles(atom, second, operand, scatter(value, second.right), start, error)
                             : multiplyTiles(atom, second, scatter(left2, second.left), operand, start, error);
    Matrix result = gather(out, second.sum, error);
    EXPECT_EQ(straight ? result : transpose(result), expected);
    EXPECT_EQ(error, "");
  }
}
