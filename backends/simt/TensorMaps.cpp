#include "backends/simt/TensorMaps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace heed;
using namespace heed::simt;

namespace {

/// Numbers of a kernel as expressions of its parameters.
class ParameterExpressions {
public:
  explicit ParameterExpressions(tile::KernelOp kernel) : kernel(kernel) {}

  AffineExpr of(OpFoldResult number) const {
    if (std::optional<int64_t> known = getConstantIntValue(number))
      return getAffineConstantExpr(*known, kernel.getContext());
    return of(cast<Value>(number));
  }

  /// Null when the number depends on anything else.
  AffineExpr of(Value number) const {
    if (auto argument = dyn_cast<BlockArgument>(number)) {
      int64_t parameter = int64_t(argument.getArgNumber()) - kernel.getNumBases();
      bool isParameter = argument.getOwner() == &kernel.getBody().front() && parameter >= 0;
      return isParameter ? getAffineSymbolExpr(parameter, kernel.getContext()) : AffineExpr();
    }
    Operation *op = number.getDefiningOp();
    if (!isa<arith::AddIOp, arith::SubIOp, arith::MulIOp>(op))
      return {};
    AffineExpr left = of(OpFoldResult(op->getOperand(0))), right = of(OpFoldResult(op->getOperand(1)));
    if (!left || !right)
      return {};
    return isa<arith::AddIOp>(op) ? left + right : isa<arith::SubIOp>(op) ? left - right : left * right;
  }

  /// Null when one of them has no expression.
  AffineMap of(ArrayRef<OpFoldResult> numbers) const {
    SmallVector<AffineExpr> results = llvm::map_to_vector(numbers, [&](OpFoldResult number) { return of(number); });
    if (llvm::is_contained(results, AffineExpr()))
      return {};
    unsigned parameters = kernel.getArgumentTypes().size() - kernel.getNumBases();
    return AffineMap::get(0, parameters, results, kernel.getContext());
  }

private:
  mutable tile::KernelOp kernel;
};

} // namespace

/// Whether the tile ends along a dimension where the view does, or before that only where it is whole.
static bool endsWithView(OpFoldResult size, Value index, Value extent, int64_t tileSize) {
  if (std::optional<int64_t> known = getConstantIntValue(extent); known && *known >= tileSize)
    return true;
  if (isConstantIntValue(index, 0) && isEqualConstantIntOrValue(size, extent))
    return true;
  auto rest = extent.getDefiningOp<arith::SubIOp>();
  return rest && isEqualConstantIntOrValue(size, rest.getLhs()) && isEqualConstantIntOrValue(index, rest.getRhs());
}

bool simt::isZero(Value fill) {
  Attribute value;
  if (!fill || !matchPattern(fill, m_Constant(&value)))
    return false;
  if (auto number = dyn_cast<FloatAttr>(value))
    return number.getValue().isPosZero();
  auto number = dyn_cast<IntegerAttr>(value);
  return number && number.getValue().isZero();
}

/// The bytes of a swizzle that exchanges chunks as the layout does, 0 for none; nothing for others.
static std::optional<int64_t> swizzleOf(const tile::SharedLayout::Panel &panel, int64_t chunkBytes) {
  constexpr int64_t chunk = 16, banks = 128;
  if (panel.phases == 1)
    return 0;
  bool matches = llvm::is_contained({32, 64, 128}, panel.bytes) && chunkBytes == chunk &&
                 panel.phases == panel.bytes / chunk && panel.rowsPerPhase == banks / panel.bytes;
  return matches ? std::optional(panel.bytes) : std::nullopt;
}

static bool readsToTheEnd(const ViewAccess &access, Value fill, memref::ReinterpretCastOp cast) {
  if (access.extents.empty())
    return true;
  SmallVector<OpFoldResult> sizes = cast.getMixedSizes();
  for (auto [tileDim, dim] : llvm::enumerate(access.dims))
    if (!endsWithView(sizes[dim], access.indices[dim], access.extents[tileDim], access.tile.getDimSize(tileDim)))
      return false;
  return isZero(fill);
}

std::optional<TensorBoxes> simt::planTensorBoxes(tile::KernelOp kernel, tile::LoadOp load,
                                                 const tile::SharedLayout &layout) {
  ViewAccess access(load);
  auto cast = access.view.getDefiningOp<memref::ReinterpretCastOp>();
  auto base = cast ? dyn_cast<BlockArgument>(cast.getSource()) : BlockArgument();
  std::optional<unsigned> innerTileDim = access.contiguousDim();
  int64_t rank = access.viewType().getRank(), bits = access.viewType().getElementType().getIntOrFloatBitWidth();
  if (!base || !innerTileDim || rank > TensorMapAttr::mostDimensions || bits % 8 != 0 || access.tile.getRank() > 2 ||
      int64_t(layout.getOrder().size()) != access.tile.getRank() || layout.getOrder().front() != *innerTileDim ||
      layout.getPadBytes() != 0 || !readsToTheEnd(access, load.getFill(), cast))
    return std::nullopt;
  bool isRow = access.tile.getRank() == 1;
  TensorBoxes boxes;
  unsigned inner = access.dims[*innerTileDim], outer = isRow ? inner : access.dims[1 - *innerTileDim];
  SmallVector<OpFoldResult> sizes, strides;
  SmallVector<int64_t> box;
  auto add = [&](unsigned dim) {
    boxes.order.push_back(dim);
    sizes.push_back(cast.getMixedSizes()[dim]);
    strides.push_back(cast.getMixedStrides()[dim]);
    box.push_back(dim == outer ? access.tile.getDimSize(1 - *innerTileDim) : 1);
  };
  for (unsigned dim = 0; dim < rank; ++dim)
    if (dim != inner)
      add(dim);
  add(inner);
  ParameterExpressions numbers(kernel);
  AffineMap offset = numbers.of(cast.getMixedOffsets()), sizeMap = numbers.of(sizes), strideMap = numbers.of(strides);
  if (!offset || !sizeMap || !strideMap)
    return std::nullopt;
  int64_t rowBytes = access.tile.getDimSize(*innerTileDim) * bits / 8;
  for (int64_t first = 0; first < rowBytes;) {
    tile::SharedLayout::Panel panel = layout.panelAt(first, access.tile.getShape(), bits / 8);
    std::optional<int64_t> swizzle = swizzleOf(panel, layout.getChunkBytes());
    box.back() = panel.bytes * 8 / bits;
    if (!swizzle || panel.bytes % 16 != 0 ||
        llvm::any_of(box, [](int64_t size) { return size > TensorMapAttr::largestBox; }))
      return std::nullopt;
    auto map = TensorMapAttr::get(kernel.getContext(), base.getArgNumber(), access.viewType().getElementType(), offset,
                                  sizeMap, strideMap, box, *swizzle);
    if (boxes.runs.empty() || boxes.runs.back().map != map)
      boxes.runs.push_back({map, first * 8 / bits, 0, box.back()});
    ++boxes.runs.back().panels;
    first = panel.first + panel.bytes;
  }
  return boxes;
}
