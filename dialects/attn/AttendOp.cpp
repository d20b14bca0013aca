/// Syntax of the results of attend and finish, and the constraints of attend (A1 to A14 of SPEC.md).
#include "dialects/attn/Attn.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace heed::attn;

/// `tensor<..>`, `tensor<..>, lse tensor<..>` or `state !attn.row_state<..>`.
static ParseResult parseAttendResults(OpAsmParser &parser, Type &out, Type &lse, Type &state) {
  if (succeeded(parser.parseOptionalKeyword("state")))
    return parser.parseType(state);
  if (parser.parseType(out))
    return failure();
  if (failed(parser.parseOptionalComma()))
    return success();
  return failure(parser.parseKeyword("lse") || parser.parseType(lse));
}

static void printAttendResults(OpAsmPrinter &printer, Operation *, Type out, Type lse, Type state) {
  if (state) {
    printer << "state " << state;
    return;
  }
  printer << out;
  if (lse)
    printer << ", lse " << lse;
}

static ParseResult parseFinishResults(OpAsmParser &parser, Type &out, Type &lse) {
  Type state;
  return parseAttendResults(parser, out, lse, state);
}

static void printFinishResults(OpAsmPrinter &printer, Operation *op, Type out, Type lse) {
  printAttendResults(printer, op, out, lse, Type());
}

#define GET_OP_CLASSES
#include "dialects/attn/AttnOps.cpp.inc"

/// Sizes agree unless both are known and differ.
static bool sizesAgree(int64_t a, int64_t b) { return ShapedType::isDynamic(a) || ShapedType::isDynamic(b) || a == b; }

static bool isIndexLike(Type type) { return type.isInteger(32) || type.isInteger(64); }

namespace {
/// The checks of one attend, in the order of SPEC.md.
class AttendVerifier {
public:
  explicit AttendVerifier(AttendOp op)
      : op(op), query(op.getQueryType()), key(op.getKeyType()), value(op.getValueType()) {}

  LogicalResult verify() {
    return failure(failed(checkRanks()) || failed(checkSizes()) || failed(checkOptionalOperands()) ||
                   failed(checkResults()) || failed(checkRegion(op.getScore(), "score", true)) ||
                   failed(checkRegion(op.getKeep(), "keep", false)) || failed(checkRegion(op.getProb(), "prob", true)));
  }

private:
  LogicalResult checkRanks() {
    for (auto [type, name] : {std::pair(query, "query"), std::pair(key, "key"), std::pair(value, "value")}) {
      if (type.getRank() != 4)
        return op.emitOpError("A1: ") << name << " must have rank 4 [batch, head, sequence, depth], got " << type;
      if (!isa<FloatType>(type.getElementType()))
        return op.emitOpError("A2: ") << name << " must hold floating-point elements, got " << type;
    }
    if (query.getElementType() != key.getElementType() || query.getElementType() != value.getElementType())
      return op.emitOpError("A2: query, key and value must have one element type");
    return success();
  }

  LogicalResult checkSizes() {
    bool paged = static_cast<bool>(op.getPages());
    if ((!paged && !sizesAgree(query.getDimSize(0), key.getDimSize(0))) ||
        !sizesAgree(key.getDimSize(0), value.getDimSize(0)))
      return op.emitOpError("A3: batch sizes of query, key and value differ");
    if (!sizesAgree(key.getDimSize(1), value.getDimSize(1)) || !sizesAgree(key.getDimSize(2), value.getDimSize(2)))
      return op.emitOpError("A4: key and value must have the same heads and the same sequence length");
    if (query.isDynamicDim(1) || key.isDynamicDim(1) || key.getDimSize(1) == 0 ||
        query.getDimSize(1) % key.getDimSize(1) != 0)
      return op.emitOpError("A5: head counts must be static and query heads a multiple of key heads, got ")
             << query << " and " << key;
    if (query.isDynamicDim(3) || value.isDynamicDim(3) || query.getDimSize(3) != key.getDimSize(3) ||
        query.getDimSize(3) == 0 || value.getDimSize(3) == 0)
      return op.emitOpError("A6: head widths must be static, at least 1, and equal for query and key");
    return success();
  }

  LogicalResult checkPerBatch(Value operand, StringRef name) {
    if (!operand)
      return success();
    auto type = cast<RankedTensorType>(operand.getType());
    if (type.getRank() != 1 || !isIndexLike(type.getElementType()) ||
        !sizesAgree(type.getDimSize(0), query.getDimSize(0)))
      return op.emitOpError("A7: ") << name << " must be i32 or i64 of shape [batch], got " << type;
    return success();
  }

  LogicalResult checkOptionalOperands() {
    if (failed(checkPerBatch(op.getKvLength(), "kv_length")) || failed(checkPerBatch(op.getQOffset(), "q_offset")))
      return failure();
    if (Value sink = op.getSink()) {
      auto type = cast<RankedTensorType>(sink.getType());
      if (type.getRank() != 1 || !isa<FloatType>(type.getElementType()) ||
          !sizesAgree(type.getDimSize(0), query.getDimSize(1)) || op.getNormaliser() != Normaliser::Softmax)
        return op.emitOpError("A8: sink needs the softmax normaliser and shape [query heads] of floats, got ") << type;
    }
    if (Value pages = op.getPages()) {
      auto type = cast<RankedTensorType>(pages.getType());
      if (type.getRank() != 2 || !type.getElementType().isInteger(32) || !op.getKvLength() || key.isDynamicDim(2) ||
          key.getDimSize(2) == 0 || !sizesAgree(type.getDimSize(0), query.getDimSize(0)))
        return op.emitOpError("A9: pages must be i32 of shape [batch, pages], with kv_length and a static page size");
    }
    if (Value blocks = op.getBlocks()) {
      auto type = cast<RankedTensorType>(blocks.getType());
      std::optional<ArrayRef<int64_t>> size = op.getBlockSize();
      if (type.getRank() != 4 || !type.getElementType().isInteger(32) || !size || size->size() != 2 ||
          llvm::any_of(*size, [](int64_t extent) { return extent < 1; }) ||
          !sizesAgree(type.getDimSize(0), query.getDimSize(0)) || !sizesAgree(type.getDimSize(1), query.getDimSize(1)))
        return op.emitOpError("A10: blocks must be i32 of shape [batch, query heads, query blocks, list length] with "
                              "block_size = [rows, keys], both at least 1");
    } else if (op.getBlockSize()) {
      return op.emitOpError("A10: block_size needs the blocks operand");
    }
    return success();
  }

  LogicalResult checkResults() {
    bool hasOut = static_cast<bool>(op.getOut()), hasState = static_cast<bool>(op.getState());
    if (hasOut == hasState)
      return op.emitOpError("A11: must return either out or state");
    auto type = hasOut ? cast<RankedTensorType>(op.getOut().getType())
                       : cast<RowStateType>(op.getState().getType()).getAccumulator();
    if (type.getRank() != 4 || !sizesAgree(type.getDimSize(0), query.getDimSize(0)) ||
        !sizesAgree(type.getDimSize(1), query.getDimSize(1)) || !sizesAgree(type.getDimSize(2), query.getDimSize(2)) ||
        type.getDimSize(3) != value.getDimSize(3))
      return op.emitOpError("A12: result must have shape [batch, query heads, rows, value depth], got ") << type;
    if (!isa<FloatType>(type.getElementType()))
      return op.emitOpError("A12: out must hold floats, got ") << type;
    if (Value lse = op.getLse()) {
      auto lseType = cast<RankedTensorType>(lse.getType());
      bool fits = lseType.getRank() == 3 && lseType.getElementType().isF32();
      for (unsigned dim = 0; fits && dim < 3; ++dim)
        fits = sizesAgree(lseType.getDimSize(dim), query.getDimSize(dim));
      if (!hasOut || op.getNormaliser() != Normaliser::Softmax || !fits)
        return op.emitOpError("A13: lse needs out, the softmax normaliser and type f32 [batch, query heads, rows]");
    }
    return success();
  }

  LogicalResult checkRegion(Region &region, StringRef name, bool changesScalar) {
    if (region.empty())
      return success();
    Block &block = region.front();
    unsigned leading = changesScalar ? 1 : 0;
    unsigned expected = leading + AttendOp::numIndexArguments + op.getCaptures().size();
    if (block.getNumArguments() != expected)
      return op.emitOpError("A14: region ")
             << name << " must have " << expected << " arguments, got " << block.getNumArguments();
    for (auto [position, argument] : llvm::enumerate(block.getArguments())) {
      Type want = position < leading ? Type(Float32Type::get(op.getContext()))
                  : position < leading + AttendOp::numIndexArguments
                      ? Type(IndexType::get(op.getContext()))
                      : op.getCaptures()[position - leading - AttendOp::numIndexArguments].getType();
      if (argument.getType() != want)
        return op.emitOpError("A14: argument ")
               << position << " of region " << name << " must be " << want << ", got " << argument.getType();
    }
    auto yield = dyn_cast_or_null<YieldOp>(block.empty() ? nullptr : &block.back());
    Type result = changesScalar ? Type(Float32Type::get(op.getContext())) : Type(IntegerType::get(op.getContext(), 1));
    if (!yield || yield.getValue().getType() != result)
      return op.emitOpError("A14: region ") << name << " must yield one " << result;
    for (Operation &inner : block.without_terminator())
      if (!isAllowedInRegion(inner))
        return inner.emitOpError("A14: not allowed in an attention region: only scalar arith, math and tensor.extract "
                                 "of a capture are");
    return success();
  }

  static bool isAllowedInRegion(Operation &inner) {
    if (auto extract = dyn_cast<tensor::ExtractOp>(inner))
      return isa<BlockArgument>(extract.getTensor());
    return inner.getNumRegions() == 0 && isa_and_nonnull<arith::ArithDialect, math::MathDialect>(inner.getDialect()) &&
           llvm::all_of(inner.getResultTypes(), [](Type type) { return type.isIntOrIndexOrFloat(); });
  }

  AttendOp op;
  RankedTensorType query, key, value;
};
} // namespace

LogicalResult AttendOp::verify() { return AttendVerifier(*this).verify(); }
