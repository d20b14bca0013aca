/// Fragments read by the instruction that loads 8x8 matrices of 16-bit elements, in either orientation.
#include "backends/simt/TileLowering.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace heed;
using namespace heed::simt;
using tile::Layout;

/// Rows and columns of a matrix the instruction moves, and elements of it that a lane gets.
constexpr int64_t matrixSize = 8, elementsPerMatrix = 2;
constexpr unsigned matrixBits = 3; ///< of a lane's number that are a row

/// The dimension along which a lane gets neighbours, if the fragments are made of such matrices: lane t has elements
/// 2 (t % 4) and 2 (t % 4) + 1 along it, in line t / 4.
static std::optional<unsigned> neighbourDim(const Layout &layout) {
  if (layout.registerBases().empty() || layout.numLanes() != 32)
    return std::nullopt;
  for (unsigned dim : {0u, 1u}) {
    auto base = [&](unsigned along, int64_t distance) {
      tile::Coordinates vector{0, 0};
      vector[along] = distance;
      return vector;
    };
    unsigned line = 1 - dim;
    if (layout.registerBases()[0] == base(dim, 1) &&
        layout.laneBases() == tile::Bases{base(dim, 2), base(dim, 4), base(line, 1), base(line, 2), base(line, 4)})
      return dim;
  }
  return std::nullopt;
}

/// Whether the places of elements are XORs of what the bits of their coordinates stand for, not sums.
static bool isJoinedByXor(const SharedTile &tile) {
  return tile.layout.isSwizzled() || tile.layout.getPanelBytes() != 0;
}

bool TileLowering::canLoadMatrices(const Operand &operand) const {
  constexpr int64_t rowBytes = 16; // of a matrix, whose address is a multiple of that
  const SharedTile &tile = operand.shared;
  bool isAligned = isJoinedByXor(tile) ? tile.layout.getChunkBytes() % rowBytes == 0
                                       : tile.stride(1 - tile.fastestDim()) % matrixSize == 0;
  return target.abilities.loadMatrix && isAligned && tile.element.getIntOrFloatBitWidth() == 16 &&
         neighbourDim(operand.layout).has_value();
}

/// As loadMatrixBatch wants it, from `fixed` bytes behind the start of the tile.
Value TileLowering::swizzledMatrixAddress(const Operand &operand, ArrayRef<tile::Coordinates> offsets, int64_t &fixed) {
  const SharedTile &tile = operand.shared;
  Value address, panels;
  int64_t touched = 0;
  auto join = [&](Value &sum, Value source, unsigned bit, int64_t bytes, bool adds) {
    if (bytes == 0)
      return;
    Value set = arith::AndIOp::create(b, arith::ShRUIOp::create(b, source, i32(bit)), i32(1));
    Value part = arith::MulIOp::create(b, set, i32(bytes));
    if (sum)
      part = adds ? arith::AddIOp::create(b, sum, part).getResult() : arith::XOrIOp::create(b, sum, part).getResult();
    sum = part;
  };
  auto add = [&](Value source, unsigned bit, std::pair<int64_t, int64_t> bytes) {
    touched |= bytes.first;
    join(address, source, bit, bytes.first, /*adds=*/false);
    join(panels, source, bit, bytes.second, /*adds=*/true);
  };
  for (unsigned bit = 0; bit < matrixBits; ++bit) {
    tile::Coordinates row(2, 0);
    row[1 - tile.fastestDim()] = int64_t(1) << bit;
    add(lane, bit, tile.bytesTo(row));
  }
  for (auto [bit, base] : llvm::enumerate(operand.layout.bases(tile::Input::Warp)))
    add(warp, bit, tile.bytesTo(base));
  auto [first, panel] = tile.bytesTo(offsets[0]);
  for (unsigned bit = 0; (size_t(1) << bit) < offsets.size(); ++bit) {
    auto [next, nextPanel] = tile.bytesTo(offsets[size_t(1) << bit]);
    add(lane, matrixBits + bit, {next ^ first, nextPanel - panel});
  }
  fixed += panel + (first & ~touched);
  if ((first & touched) != 0)
    address = arith::XOrIOp::create(b, address, i32(first & touched));
  return panels ? arith::AddIOp::create(b, address, panels).getResult() : address;
}

Value TileLowering::matrixAddress(const Operand &operand, ArrayRef<tile::Coordinates> offsets) {
  const SharedTile &tile = operand.shared;
  const Layout &layout = operand.layout;
  int64_t bytes = tile.elementBytes();
  auto bytesAt = [&](const tile::Coordinates &at) { return (at[0] * tile.stride(0) + at[1] * tile.stride(1)) * bytes; };
  Value row = arith::AndIOp::create(b, lane, i32(matrixSize - 1));
  Value address = arith::MulIOp::create(b, row, i32(tile.stride(1 - tile.fastestDim()) * bytes));
  for (unsigned dim : {0u, 1u})
    address = arith::AddIOp::create(
        b, address,
        arith::MulIOp::create(b, contribution(layout, tile::Input::Warp, dim), i32(tile.stride(dim) * bytes)));
  for (unsigned bit = 0; (size_t(1) << bit) < offsets.size(); ++bit) {
    Value set = arith::AndIOp::create(b, arith::ShRUIOp::create(b, lane, i32(matrixBits + bit)), i32(1));
    int64_t distance = bytesAt(offsets[size_t(1) << bit]) - bytesAt(offsets[0]);
    address = arith::AddIOp::create(b, address, arith::MulIOp::create(b, set, i32(distance)));
  }
  return arith::AddIOp::create(b, address, i32(bytesAt(offsets[0])));
}

/// One instruction for 1, 2 or 4 matrices: lane t gives the address of row t % 8 of matrix t / 8, whose offset must be
/// the sum of what the bits of t / 8 stand for.
Registers TileLowering::loadMatrixBatch(const Operand &operand, ArrayRef<tile::Coordinates> offsets) {
  const SharedTile &tile = operand.shared;
  const Layout &layout = operand.layout;
  int64_t fixed = tile.range.begin;
  Value address =
      isJoinedByXor(tile) ? swizzledMatrixAddress(operand, offsets, fixed) : matrixAddress(operand, offsets);
  if (tile.slot)
    address = arith::AddIOp::create(b, address, tile.slot);
  address = arith::AddIOp::create(b, address, i32(fixed));
  SmallVector<Type> words(offsets.size(), b.getI32Type());
  auto load = simt::LoadMatrixOp::create(b, words, address, /*transposed=*/tile.fastestDim() != *neighbourDim(layout));
  tag(load, tile);
  Registers values;
  auto single = VectorType::get({1}, b.getI32Type()), pair = VectorType::get({elementsPerMatrix}, tile.element);
  for (Value word : load.getResults())
    unpack(vector::BitCastOp::create(b, pair, vector::FromElementsOp::create(b, single, word)), values);
  return values;
}

/// Fragments are lists of matrices; four at a time are loaded as far as their offsets allow.
SmallVector<Registers> TileLowering::loadMatrices(const Operand &operand, ArrayRef<tile::Coordinates> offsets,
                                                  int64_t size) {
  SmallVector<tile::Coordinates> matrices;
  for (const tile::Coordinates &offset : offsets) {
    int64_t first = *operand.layout.registerAt(offset);
    for (int64_t reg = first; reg < first + size; reg += elementsPerMatrix)
      matrices.push_back(operand.layout.registerOffset(reg));
  }
  auto isSum = [&](ArrayRef<tile::Coordinates> batch) {
    if (isJoinedByXor(operand.shared)) {
      auto [first, panel] = operand.shared.bytesTo(batch[0]);
      auto [second, secondPanel] = operand.shared.bytesTo(batch[1]);
      auto [third, thirdPanel] = operand.shared.bytesTo(batch[2]);
      auto [last, lastPanel] = operand.shared.bytesTo(batch[3]);
      return (first ^ second) == (third ^ last) && secondPanel - panel == lastPanel - thirdPanel;
    }
    return llvm::all_of(llvm::seq<unsigned>(0, 2),
                        [&](unsigned dim) { return batch[3][dim] - batch[2][dim] == batch[1][dim] - batch[0][dim]; });
  };
  Registers all;
  for (size_t first = 0; first < matrices.size();) {
    ArrayRef<tile::Coordinates> rest = ArrayRef<tile::Coordinates>(matrices).drop_front(first);
    size_t count = rest.size() >= 4 && isSum(rest.take_front(4)) ? 4 : rest.size() >= 2 ? 2 : 1;
    llvm::append_range(all, loadMatrixBatch(operand, rest.take_front(count)));
    first += count;
  }
  SmallVector<Registers> result;
  for (size_t fragment = 0; fragment < offsets.size(); ++fragment)
    result.push_back(Registers(ArrayRef<Value>(all).slice(fragment * size, size)));
  return result;
}
