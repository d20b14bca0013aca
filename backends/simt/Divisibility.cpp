#include "backends/simt/Divisibility.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

#include <numeric>

using namespace mlir;
using namespace heed;
using namespace heed::simt;

/// Stands for everything that divides zero; products of two stay far from overflow.
constexpr int64_t everything = int64_t(1) << 20;

static int64_t powerOfTwoIn(int64_t number) {
  return number == 0 ? everything : std::min(number & -number, everything);
}

static int64_t elementBytes(MemRefType view) {
  return std::max<int64_t>(view.getElementType().getIntOrFloatBitWidth() / 8, 1);
}

/// Whether several elements of the view may be moved at once: not where all are read one by one.
static bool isReadInRows(memref::ReinterpretCastOp view) {
  return llvm::any_of(view->getUsers(), [](Operation *user) {
    auto gather = dyn_cast<tile::GatherOp>(user);
    return gather ? ViewAccess::ofTile(gather.getResult()).has_value() : !isa<memref::LoadOp>(user);
  });
}

Promises simt::wantedPromises(tile::KernelOp kernel, int64_t vectorBytes) {
  Promises promises{vectorBytes, {}};
  auto want = [&](OpFoldResult number, int64_t divisor) {
    auto argument = dyn_cast_if_present<BlockArgument>(dyn_cast<Value>(number));
    if (!argument || argument.getOwner() != &kernel.getBody().front() || divisor < 2)
      return;
    unsigned parameter = argument.getArgNumber() - kernel.getNumBases();
    for (auto &[known, wanted] : promises.parameters)
      if (known == parameter) {
        wanted = std::max(wanted, divisor);
        return;
      }
    promises.parameters.push_back({parameter, divisor});
  };
  kernel.walk([&](memref::ReinterpretCastOp cast) {
    if (!isReadInRows(cast))
      return;
    int64_t elements = vectorBytes / elementBytes(cast.getType());
    for (auto [size, stride] : llvm::zip_equal(cast.getMixedSizes(), cast.getMixedStrides()))
      want(getConstantIntValue(stride) == 1 ? size : stride, elements);
  });
  return promises;
}

Divisibility::Divisibility(tile::KernelOp kernel, const Promises &promises) : baseAlignment(promises.baseAlignment) {
  for (auto [parameter, divisor] : promises.parameters)
    known[kernel.getBody().getArgument(kernel.getNumBases() + parameter)] = divisor;
}

int64_t Divisibility::of(Value number) const {
  if (auto found = known.find(number); found != known.end())
    return found->second;
  int64_t divisor = compute(number);
  known[number] = divisor;
  return divisor;
}

/// A number that a loop carries: the most that divides the first and, as it divides the number, the next.
int64_t Divisibility::ofCarried(Value carried, Value first, Value next) const {
  int64_t divisor = of(first);
  const auto before = known;
  while (true) {
    known[carried] = divisor;
    int64_t following = of(next);
    if (following >= divisor)
      return divisor;
    divisor = following;
    known = before; // what rested on the assumption goes
  }
}

int64_t Divisibility::ofArgument(BlockArgument argument) const {
  Operation *parent = argument.getOwner()->getParentOp();
  if (auto loop = dyn_cast<scf::ForOp>(parent)) {
    if (argument == loop.getInductionVar())
      return std::min(of(loop.getLowerBound()), of(loop.getStep()));
    unsigned carried = argument.getArgNumber() - loop.getNumInductionVars();
    return ofCarried(argument, loop.getInitArgs()[carried], loop.getYieldedValues()[carried]);
  }
  if (auto search = dyn_cast<scf::WhileOp>(parent)) {
    unsigned number = argument.getArgNumber();
    if (argument.getOwner() == search.getAfterBody())
      return of(search.getConditionOp().getArgs()[number]);
    return ofCarried(argument, search.getInits()[number], search.getYieldOp().getResults()[number]);
  }
  return 1;
}

int64_t Divisibility::compute(Value number) const {
  if (std::optional<int64_t> value = getConstantIntValue(number))
    return powerOfTwoIn(*value);
  if (auto argument = dyn_cast<BlockArgument>(number))
    return ofArgument(argument);
  Operation *op = number.getDefiningOp();
  unsigned result = cast<OpResult>(number).getResultNumber();
  if (isa<arith::MulIOp>(op))
    return std::min(of(op->getOperand(0)) * of(op->getOperand(1)), everything);
  if (isa<arith::AddIOp, arith::SubIOp, arith::MinSIOp, arith::MaxSIOp>(op))
    return std::min(of(op->getOperand(0)), of(op->getOperand(1)));
  if (isa<arith::SelectOp>(op))
    return std::min(of(op->getOperand(1)), of(op->getOperand(2)));
  if (auto branch = dyn_cast<scf::IfOp>(op))
    return std::min(of(branch.thenYield().getOperand(result)), of(branch.elseYield().getOperand(result)));
  if (auto loop = dyn_cast<scf::ForOp>(op))
    return of(loop.getRegionIterArgs()[result]);
  if (auto search = dyn_cast<scf::WhileOp>(op))
    return of(search.getConditionOp().getArgs()[result]);
  return 1;
}

/// The dimensions that an index of a gather changes along; none when it is not a tile of fewer dimensions.
static std::optional<ArrayRef<int64_t>> variesAlong(Value index) {
  if (!isa<RankedTensorType>(index.getType()))
    return ArrayRef<int64_t>();
  auto broadcast = index.getDefiningOp<tile::BroadcastOp>();
  return broadcast ? std::optional(ArrayRef<int64_t>(broadcast.getDims())) : std::nullopt;
}

std::optional<ViewAccess> ViewAccess::ofTile(Value tile) {
  if (auto load = tile.getDefiningOp<tile::LoadOp>())
    return ViewAccess(load);
  auto gather = tile.getDefiningOp<tile::GatherOp>();
  int64_t offset;
  SmallVector<int64_t> strides;
  if (!gather || failed(cast<MemRefType>(gather.getView().getType()).getStridesAndOffset(strides, offset)))
    return std::nullopt;
  auto *unit = llvm::find(strides, 1);
  if (unit == strides.end())
    return std::nullopt;
  auto viewDim = unsigned(unit - strides.begin());
  auto along = gather.getIndices()[viewDim].getDefiningOp<tile::BroadcastOp>();
  auto position = along ? along.getSource().getDefiningOp<tile::IndexOp>() : tile::IndexOp();
  if (!position || along.getDims().size() != 1)
    return std::nullopt;
  Rows rows{unsigned(along.getDims()[0]), viewDim, position.getOffset()};
  for (auto [dim, index] : llvm::enumerate(gather.getIndices())) {
    std::optional<ArrayRef<int64_t>> dims = variesAlong(index);
    if (!dims || (dim != viewDim && llvm::is_contained(*dims, int64_t(rows.tileDim))))
      return std::nullopt;
  }
  return ViewAccess(gather, rows);
}

std::optional<unsigned> ViewAccess::contiguousDim() const {
  if (rows)
    return rows->tileDim;
  int64_t offset;
  SmallVector<int64_t> strides;
  if (failed(viewType().getStridesAndOffset(strides, offset)))
    return std::nullopt;
  for (auto [tileDim, dim] : llvm::enumerate(dims))
    if (strides[dim] == 1)
      return tileDim;
  return std::nullopt;
}

/// Rows may be any number of strides apart, and end where the view does.
int64_t Divisibility::gatherWidth(const ViewAccess &access, int64_t vectorBytes) const {
  auto cast = access.view.getDefiningOp<memref::ReinterpretCastOp>();
  if (!cast)
    return 1;
  auto divisorOf = [&](OpFoldResult number) {
    return isa<Value>(number) ? of(::cast<Value>(number)) : powerOfTwoIn(*getConstantIntValue(number));
  };
  int64_t bytes = elementBytes(access.viewType());
  int64_t width =
      std::min({vectorBytes / bytes, baseAlignment / bytes, powerOfTwoIn(access.tile.getDimSize(access.rows->tileDim)),
                of(access.rows->origin), divisorOf(cast.getMixedOffsets()[0]),
                divisorOf(cast.getMixedSizes()[access.rows->viewDim])});
  for (auto [dim, stride] : llvm::enumerate(cast.getMixedStrides()))
    if (dim != access.rows->viewDim)
      width = std::min(width, divisorOf(stride));
  return std::max<int64_t>(width, 1);
}

int64_t Divisibility::vectorWidth(const ViewAccess &access, int64_t vectorBytes) const {
  if (access.rows)
    return gatherWidth(access, vectorBytes);
  std::optional<unsigned> fastest = access.contiguousDim();
  auto cast = access.view.getDefiningOp<memref::ReinterpretCastOp>();
  if (!fastest || !cast)
    return 1;
  auto divisorOf = [&](OpFoldResult number) {
    return isa<Value>(number) ? of(::cast<Value>(number)) : powerOfTwoIn(*getConstantIntValue(number));
  };
  int64_t bytes = elementBytes(access.viewType()), size = access.tile.getDimSize(*fastest);
  int64_t width =
      std::min({vectorBytes / bytes, baseAlignment / bytes, powerOfTwoIn(size), divisorOf(cast.getMixedOffsets()[0])});
  for (auto [dim, index] : llvm::enumerate(access.indices)) {
    int64_t stride = divisorOf(cast.getMixedStrides()[dim]);
    // The tile's own position along another dimension may be any number of strides.
    bool walked = llvm::is_contained(access.dims, int64_t(dim)) && access.dims[*fastest] != int64_t(dim);
    width = std::min(width, walked ? stride : of(index) * stride);
  }
  if (!access.extents.empty()) {
    std::optional<int64_t> extent = getConstantIntValue(access.extents[*fastest]);
    if (!extent || *extent < size)
      width = std::min(width, of(access.extents[*fastest]));
  }
  return std::max<int64_t>(width, 1);
}
