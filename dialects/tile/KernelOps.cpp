/// Syntax and constraint T1 of tile.kernel; program_id.
#include "dialects/tile/Tile.h"

#include "dialects/KernelSyntax.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace heed;
using namespace heed::tile;

ParseResult KernelOp::parse(OpAsmParser &parser, OperationState &result) {
  return parseKernel<KernelOp>(parser, result);
}

void KernelOp::print(OpAsmPrinter &printer) { printKernel(printer, *this); }

void heed::tile::addNeighbourMark(Operation *kernel, NamedAttribute mark) {
  auto known = kernel->getAttrOfType<DenseI64ArrayAttr>(mark.getName()),
       more = dyn_cast<DenseI64ArrayAttr>(mark.getValue());
  if (!known || !more) {
    kernel->setAttr(mark.getName(), mark.getValue());
    return;
  }
  SmallVector<int64_t> both;
  for (int64_t base : known.asArrayRef())
    if (llvm::is_contained(more.asArrayRef(), base))
      both.push_back(base);
  kernel->setAttr(mark.getName(), DenseI64ArrayAttr::get(kernel->getContext(), both));
}

unsigned KernelOp::getNumBases() {
  return llvm::count_if(getArgumentTypes(), [](Type type) { return isa<MemRefType>(type); });
}

LogicalResult KernelOp::verify() {
  if (getGridRank() < 1 || getGridRank() > 3)
    return emitOpError("T1: grid_rank must be 1, 2 or 3, got ") << getGridRank();
  if (!getResultTypes().empty())
    return emitOpError("T1: a kernel returns nothing");
  bool parametersStarted = false;
  for (auto [position, type] : llvm::enumerate(getArgumentTypes())) {
    auto base = dyn_cast<MemRefType>(type);
    bool isBase = base && base.getRank() == 1 && base.isDynamicDim(0) && base.getLayout().isIdentity();
    if ((!isBase && !type.isIndex()) || (isBase && parametersStarted))
      return emitOpError("T1: argument ")
             << position << " must be a base memref<?xT> before all parameters of type index, got " << type;
    parametersStarted |= !isBase;
  }
  return success();
}

LogicalResult ShareOp::verify() {
  if (static_cast<int64_t>(getOf()) < 1)
    return emitOpError("T16: a share is of at least one row, got ") << static_cast<int64_t>(getOf());
  return success();
}

LogicalResult ProgramIdOp::verify() {
  auto kernel = (*this)->getParentOfType<KernelOp>();
  int64_t rank = kernel ? kernel.getGridRank() : 3;
  auto dim = static_cast<int64_t>(getDim());
  if (dim < 0 || dim >= rank)
    return emitOpError("T1: dimension must be within the grid rank ") << rank << ", got " << dim;
  return success();
}
