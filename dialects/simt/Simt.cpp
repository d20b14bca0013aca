#include "dialects/simt/Simt.h"

#include "dialects/KernelSyntax.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

#include "dialects/simt/SimtDialect.cpp.inc"
#include "dialects/simt/SimtEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/simt/SimtAttrs.cpp.inc"
#define GET_OP_CLASSES
#include "dialects/simt/SimtOps.cpp.inc"

using namespace mlir;
using namespace heed;
using namespace heed::simt;

void SimtDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/simt/SimtAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/simt/SimtOps.cpp.inc"
      >();
}

ParseResult KernelOp::parse(OpAsmParser &parser, OperationState &result) {
  return parseKernel<KernelOp>(parser, result);
}

void KernelOp::print(OpAsmPrinter &printer) { printKernel(printer, *this); }

/// M8: what refers to the kernel.
static LogicalResult verifyTensorMap(KernelOp kernel, int64_t index) {
  TensorMapAttr map = kernel.getTensorMap(index);
  if (map.getBase() < 0 || map.getBase() >= int64_t(kernel.getNumBases()))
    return kernel.emitOpError("M8: tensor map ")
           << index << " is of base " << map.getBase() << " of " << kernel.getNumBases();
  for (AffineMap numbers : {map.getOffset(), map.getSizes(), map.getStrides()})
    if (numbers.getNumDims() != 0 || int64_t(numbers.getNumSymbols()) != kernel.getNumParams())
      return kernel.emitOpError("M8: maps of tensor map ")
             << index << " are over the kernel's " << kernel.getNumParams() << " parameters, got "
             << AffineMapAttr::get(numbers);
  return success();
}

LogicalResult KernelOp::verify() {
  if (!getResultTypes().empty())
    return emitOpError("M1: a kernel returns nothing");
  for (auto [position, type] : llvm::enumerate(getArgumentTypes()))
    if (!type.isInteger(64))
      return emitOpError("M1: argument ") << position << " must be i64, got " << type;
  int64_t arguments = getArgumentTypes().size(), bases = getNumBases();
  if (bases < 0 || bases + int64_t(numGridArguments) > arguments)
    return emitOpError("M1: needs ") << bases << " bases and " << numGridArguments << " grid sizes, got " << arguments
                                     << " arguments";
  int64_t lanes = getLanes(), threads = getThreads();
  if (lanes < 1 || !llvm::isPowerOf2_64(lanes) || threads < lanes || threads % lanes != 0)
    return emitOpError("M1: threads must be a multiple of lanes, a power of two; got ") << threads << " and " << lanes;
  if (int64_t(getSharedBytes()) < 0)
    return emitOpError("M1: shared_bytes must not be negative, got ") << int64_t(getSharedBytes());
  for (int64_t index = 0; index < getNumTensorMaps(); ++index)
    if (failed(verifyTensorMap(*this, index)))
      return failure();
  return success();
}

int64_t TensorMapAttr::boxBytes() const {
  int64_t bytes = elementBytes();
  for (int64_t size : getBox())
    bytes *= size;
  return bytes;
}

/// M8: what does not depend on the kernel.
LogicalResult TensorMapAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t, Type element,
                                    AffineMap offset, AffineMap sizes, AffineMap strides, ArrayRef<int64_t> box,
                                    int64_t swizzle) {
  if (!element.isIntOrFloat() || !llvm::is_contained({8, 16, 32, 64}, element.getIntOrFloatBitWidth()))
    return emitError() << "M8: elements of tensor maps have 1, 2, 4 or 8 bytes, got " << element;
  if (box.empty() || int64_t(box.size()) > mostDimensions || sizes.getNumResults() != box.size() ||
      strides.getNumResults() != box.size() || offset.getNumResults() != 1)
    return emitError() << "M8: a tensor map has an offset, and up to " << mostDimensions
                       << " sizes, strides and extents of its box; got " << sizes.getNumResults() << ", "
                       << strides.getNumResults() << " and " << box.size();
  if (!llvm::all_of(box, [](int64_t size) { return size >= 1 && size <= largestBox; }))
    return emitError() << "M8: boxes have 1 to " << largestBox << " elements along a dimension";
  auto innermost = dyn_cast<AffineConstantExpr>(strides.getResults().back());
  if (!innermost || innermost.getValue() != 1)
    return emitError() << "M8: the stride of the last dimension must be 1";
  int64_t row = box.back() * element.getIntOrFloatBitWidth() / 8;
  if (!llvm::is_contained({0, 32, 64, 128}, swizzle))
    return emitError() << "M8: swizzles are 0, 32, 64 or 128 bytes, got " << swizzle;
  if (row % 16 != 0 || (swizzle && row != swizzle))
    return emitError() << "M8: a row of the box has a multiple of 16 bytes, and as many as its swizzle; got " << row;
  return success();
}

/// M2: what global and shared accesses have in common.
static LogicalResult verifyAccess(Operation *op, Space space, Type address, Type accessed, int64_t alignment) {
  if (!address.isInteger(space == Space::Global ? 64 : 32))
    return op->emitOpError("M2: a global address is i64, a shared offset i32; got ") << address;
  auto vector = dyn_cast<VectorType>(accessed);
  int64_t elements = vector ? vector.getNumElements() : 1;
  int64_t bytes = elements * getElementTypeOrSelf(accessed).getIntOrFloatBitWidth() / 8;
  if (!llvm::isPowerOf2_64(elements) || bytes > 16)
    return op->emitOpError("M2: vectors have a power of two of elements and at most 16 bytes, got ") << accessed;
  if (alignment < 1 || !llvm::isPowerOf2_64(alignment))
    return op->emitOpError("M2: the alignment must be a power of two, got ") << alignment;
  return success();
}

LogicalResult LoadOp::verify() {
  if (bool(getPredicate()) != bool(getFill()) || (getFill() && getFill().getType() != getType()))
    return emitOpError("M3: a predicate comes with a fill of the result's type");
  return verifyAccess(*this, getSpace(), getAddress().getType(), getType(), getAlignment());
}

LogicalResult StoreOp::verify() {
  return verifyAccess(*this, getSpace(), getAddress().getType(), getValue().getType(), getAlignment());
}

LogicalResult CopyOp::verify() {
  if (!llvm::is_contained({4, 8, 16}, int64_t(getBytes())))
    return emitOpError("M4: copies 4, 8 or 16 bytes, got ") << getBytes();
  return success();
}

LogicalResult CopyTensorOp::verify() {
  auto kernel = (*this)->getParentOfType<KernelOp>();
  int64_t maps = kernel ? kernel.getNumTensorMaps() : 0, index = getMap();
  if (index < 0 || index >= maps)
    return emitOpError("M9: no tensor map ") << index << "; the kernel has " << maps;
  TensorMapAttr map = kernel.getTensorMap(index);
  if (getCoordinates().size() != map.rank())
    return emitOpError("M9: tensor map ")
           << index << " has " << map.rank() << " dimensions, got " << getCoordinates().size() << " coordinates";
  APInt destination;
  if (matchPattern(getDestination(), m_ConstantInt(&destination)) && destination.getSExtValue() % map.alignment() != 0)
    return emitOpError("M9: the destination must be a multiple of ")
           << map.alignment() << ", got " << destination.getSExtValue();
  return success();
}

LogicalResult AwaitPreviousOp::verify() {
  Operation *op = *this;
  auto kernel = op->getParentOfType<KernelOp>();
  Block *first = kernel ? &kernel.getBody().front() : nullptr;
  bool isInGuard = kernel && op->getParentOp() != kernel && op->getParentOp()->getBlock() == first;
  if (op->getBlock() != first && !isInGuard)
    return emitOpError("M11: stands in the first block of the kernel, or of a branch in that");
  for (Operation &before : llvm::make_range(op->getBlock()->begin(), op->getIterator()))
    if (!isMemoryEffectFree(&before) && !isa<PrefetchOp>(before) && (getOpens() || !isa<AdmitNextOp, LoadOp>(before)))
      return emitOpError("M11: stands before all accesses to memory")
             << (getOpens() ? "" : " but loads") << ", not behind '" << before.getName() << "'";
  return success();
}

/// Most arrivals, and most bytes, that a phase of a barrier in shared memory counts.
static constexpr int64_t mostOfPhase = (1 << 20) - 1;

LogicalResult BarrierInitOp::verify() {
  if (int64_t(getCount()) < 1 || int64_t(getCount()) > mostOfPhase)
    return emitOpError("M6: counts 1 to ") << mostOfPhase << " arrivals, got " << int64_t(getCount());
  return success();
}

LogicalResult BarrierArriveExpectOp::verify() {
  if (int64_t(getBytes()) < 0 || int64_t(getBytes()) > mostOfPhase)
    return emitOpError("M6: expects 0 to ") << mostOfPhase << " bytes, got " << int64_t(getBytes());
  return success();
}

LogicalResult NamedBarrierOp::verify() {
  auto kernel = (*this)->getParentOfType<KernelOp>();
  int64_t threads = getThreads();
  if (!kernel || threads < 1 || threads > int64_t(kernel.getThreads()) || threads % int64_t(kernel.getLanes()) != 0)
    return emitOpError("M7: takes whole warps of the kernel's, got ") << threads << " threads";
  APInt id;
  if (matchPattern(getId(), m_ConstantInt(&id)) && (id.getSExtValue() < 1 || id.getSExtValue() > 15))
    return emitOpError("M7: named barriers are 1 to 15, got ") << id.getSExtValue();
  return success();
}

LogicalResult SetRegistersOp::verify() {
  int64_t count = getCount();
  if (count < 24 || count > 256 || count % 8 != 0)
    return emitOpError("M7: a lane has 24 to 256 registers, a multiple of 8; got ") << count;
  return success();
}

LogicalResult SharedMatrixAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t row, int64_t group,
                                       int64_t panel, bool) {
  if (!llvm::is_contained({32, 64, 128}, row))
    return emitError() << "M10: rows of a matrix have 32, 64 or 128 bytes, got " << row;
  if (group <= 0 || group % 16 != 0 || panel < 0 || panel % 16 != 0)
    return emitError() << "M10: group and panel are multiples of 16 bytes, got " << group << " and " << panel;
  return success();
}

LogicalResult MmaAsyncOp::verify() {
  if (getFragment().empty() != bool(getLeft()) || bool(getLeft()) != bool(getLeftMatrix()))
    return emitOpError("M10: the left operand is either a fragment or an offset with its matrix");
  if (!getAccumulator().empty() && getAccumulator().size() != getNumResults())
    return emitOpError("M10: ") << getAccumulator().size() << " accumulators for " << getNumResults() << " results";
  return success();
}
