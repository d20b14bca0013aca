/// Loads and stores with a predicate are inline assembly with predicated instructions: branches around each of them
/// would keep memory accesses from overlapping, and LLVM has no other way to say it here.
#include "backends/cuda/CudaLowering.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/StringExtras.h"

#include <algorithm>

using namespace mlir;
using namespace heed::simt;

namespace {

/// An access cut into registers, and registers into instructions.
struct Pieces {
  Pieces(Type accessed, int64_t alignment) : bytes(bytesOf(accessed)) {
    unit = std::min(bytes, alignment);
    registerBytes = std::min<int64_t>(unit, getElementTypeOrSelf(accessed).getIntOrFloatBitWidth() == 64 ? 8 : 4);
  }
  int64_t bytes;         ///< of the access
  int64_t unit;          ///< bytes of one instruction
  int64_t registerBytes; ///< 1 to 8

  int64_t instructions() const { return bytes / unit; }
  int64_t registersOf() const { return unit / registerBytes; } ///< one instruction
  int64_t registers() const { return bytes / registerBytes; }

  /// The suffix of ld and st: ".v4.b32".
  std::string suffix() const {
    std::string vector = registersOf() == 1 ? "" : ".v" + std::to_string(registersOf());
    return vector + ".b" + std::to_string(registerBytes * 8);
  }
  /// Inline assembly has no 8-bit registers.
  unsigned assemblyBits() const { return std::max<int64_t>(16, registerBytes * 8); }
  StringRef constraint() const { return assemblyBits() == 16 ? "h" : assemblyBits() == 32 ? "r" : "l"; }

  /// The value as integers, one a register.
  SmallVector<Value> split(OpBuilder &builder, Location location, Value value) const {
    Type integer = builder.getIntegerType(registerBytes * 8);
    SmallVector<Value> parts;
    if (registers() == 1)
      parts = {LLVM::BitcastOp::create(builder, location, integer, value)};
    else
      parts = splitElements(builder, location,
                            LLVM::BitcastOp::create(builder, location, VectorType::get(registers(), integer), value));
    if (registerBytes == 1)
      for (Value &part : parts)
        part = LLVM::ZExtOp::create(builder, location, builder.getI16Type(), part);
    return parts;
  }

  Value join(OpBuilder &builder, Location location, SmallVector<Value> parts, Type type) const {
    if (registerBytes == 1)
      for (Value &part : parts)
        part = LLVM::TruncOp::create(builder, location, builder.getI8Type(), part);
    Value whole = parts.size() == 1 ? parts.front() : joinElements(builder, location, parts);
    return LLVM::BitcastOp::create(builder, location, type, whole);
  }
};

} // namespace

static std::string placeholders(int64_t first, int64_t count) {
  std::string text;
  for (int64_t i = 0; i < count; ++i)
    text += (i ? ", $" : "$") + std::to_string(first + i);
  return count == 1 ? text : "{" + text + "}";
}

static StringRef nameOf(Space space) { return space == Space::Global ? "global" : "shared"; }
static StringRef addressConstraint(Space space) { return space == Space::Global ? "l" : "r"; }

namespace {

/// An address as an integer in a register, of shared memory from where the arena begins, and bytes beyond it: the
/// instruction adds these, so that accesses at fixed distances share a register.
struct Address {
  Value base;
  int64_t offset = 0;

  /// As the operand of that number.
  std::string print(size_t number) const {
    return "[$" + std::to_string(number) + (offset == 0 ? "" : "+" + std::to_string(offset)) + "]";
  }
};

} // namespace

static Address addressOf(ConversionPatternRewriter &rewriter, Location location, Space space, Value address,
                         Value converted) {
  if (space == Space::Shared)
    return {LLVM::PtrToIntOp::create(rewriter, location, rewriter.getI32Type(),
                                     pointerTo(rewriter, location, space, converted))};
  auto sum = address.getDefiningOp<arith::AddIOp>();
  APInt distance;
  if (!sum || !matchPattern(sum.getRhs(), m_ConstantInt(&distance)) || !distance.isSignedIntN(24))
    return {converted};
  Value base = rewriter.getRemappedValue(sum.getLhs());
  return base ? Address{base, distance.getSExtValue()} : Address{converted};
}

namespace {

struct LowerPredicatedLoad : ConvertOpToLLVMPattern<LoadOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;

  LogicalResult matchAndRewrite(LoadOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    if (!op.getPredicate())
      return failure();
    Location location = op.getLoc();
    Pieces pieces(op.getType(), op.getAlignment());
    SmallVector<Value> parts = pieces.split(rewriter, location, adaptor.getFill());
    int64_t count = pieces.registersOf();
    Address address = addressOf(rewriter, location, op.getSpace(), op.getAddress(), adaptor.getAddress());
    for (int64_t i = 0; i < pieces.instructions(); ++i) {
      auto piece = MutableArrayRef(parts).slice(i * count, count);
      loadPiece(rewriter, location, op.getSpace(), pieces, {address.base, address.offset + i * pieces.unit},
                adaptor.getPredicate(), piece);
    }
    rewriter.replaceOp(op, pieces.join(rewriter, location, parts, op.getType()));
    return success();
  }

  /// Replaces the fills in `parts` by what was loaded.
  static void loadPiece(OpBuilder &builder, Location location, Space space, const Pieces &pieces, Address address,
                        Value predicate, MutableArrayRef<Value> parts) {
    int64_t count = parts.size();
    SmallVector<std::string> constraints(count, "=" + pieces.constraint().str());
    for (int64_t i = 0; i < count; ++i)
      constraints.push_back(std::to_string(i));
    constraints.push_back(addressConstraint(space).str());
    constraints.push_back("b");
    std::string code = "@$" + std::to_string(2 * count + 1) + " ld." + nameOf(space).str() + pieces.suffix() + " " +
                       placeholders(0, count) + ", " + address.print(2 * count) + ";";
    SmallVector<Value> operands(parts.begin(), parts.end());
    operands.append({address.base, predicate});
    Type integer = builder.getIntegerType(pieces.assemblyBits());
    Type result = count == 1
                      ? integer
                      : LLVM::LLVMStructType::getLiteral(builder.getContext(), SmallVector<Type>(count, integer));
    Value loaded = LLVM::InlineAsmOp::create(builder, location, result, operands, code, llvm::join(constraints, ","),
                                             /*has_side_effects=*/true, /*is_align_stack=*/false,
                                             LLVM::TailCallKind::None, LLVM::AsmDialectAttr(), ArrayAttr())
                       .getRes();
    for (int64_t i = 0; i < count; ++i)
      parts[i] = count == 1 ? loaded : LLVM::ExtractValueOp::create(builder, location, loaded, i).getResult();
  }
};

struct LowerPredicatedStore : ConvertOpToLLVMPattern<StoreOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;

  LogicalResult matchAndRewrite(StoreOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    if (!op.getPredicate())
      return failure();
    Location location = op.getLoc();
    Pieces pieces(op.getValue().getType(), op.getAlignment());
    SmallVector<Value> parts = pieces.split(rewriter, location, adaptor.getValue());
    int64_t count = pieces.registersOf();
    SmallVector<std::string> constraints(count, pieces.constraint().str());
    constraints.push_back(addressConstraint(op.getSpace()).str());
    constraints.push_back("b");
    Address first = addressOf(rewriter, location, op.getSpace(), op.getAddress(), adaptor.getAddress());
    for (int64_t i = 0; i < pieces.instructions(); ++i) {
      Address address{first.base, first.offset + i * pieces.unit};
      std::string code = "@$" + std::to_string(count + 1) + " st." + nameOf(op.getSpace()).str() + pieces.suffix() +
                         " " + address.print(count) + ", " + placeholders(0, count) + ";";
      SmallVector<Value> operands(ArrayRef(parts).slice(i * count, count));
      operands.push_back(address.base);
      operands.push_back(adaptor.getPredicate());
      LLVM::InlineAsmOp::create(rewriter, location, TypeRange(), operands, code, llvm::join(constraints, ","),
                                /*has_side_effects=*/true, /*is_align_stack=*/false, LLVM::TailCallKind::None,
                                LLVM::AsmDialectAttr(), ArrayAttr());
    }
    rewriter.eraseOp(op);
    return success();
  }
};

} // namespace

void heed::cuda::populatePredicatedAccesses(const LLVMTypeConverter &types, RewritePatternSet &patterns) {
  patterns.add<LowerPredicatedLoad, LowerPredicatedStore>(types);
}
