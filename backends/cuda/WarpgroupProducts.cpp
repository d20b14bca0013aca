/// Matrix instructions that groups of four warps start (PTX: wgmma), as inline assembly: LLVM has no intrinsics for
/// operands in registers, and tying registers to fences and waits keeps it from touching them in between.
#include "backends/cuda/CudaLowering.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace heed::simt;

namespace {

/// An instruction whose results are its first operands, updated. $0, $1, .. are the results, then the operands that
/// are only read.
class Assembly {
public:
  void update(Value value) {
    updated.push_back(value);
    constraints += (constraints.empty() ? "=" : ",=") + letter(value);
  }
  void set(Type type) {
    results.push_back(type);
    constraints += (constraints.empty() ? "=" : ",=") + letter(type);
  }
  /// The number of the operand.
  size_t read(Value value) {
    readOnly.push_back(value);
    return results.size() + 2 * updated.size() + readOnly.size() - 1;
  }
  SmallVector<Value> emit(OpBuilder &builder, Location location, const Twine &code) const {
    SmallVector<Type> types = results;
    llvm::append_range(types, ValueRange(updated).getTypes());
    std::string all = constraints;
    for (size_t index = 0; index < updated.size(); ++index)
      all += "," + std::to_string(results.size() + index);
    for (Value value : readOnly)
      all += (all.empty() ? "" : ",") + letter(value);
    all += all.empty() ? "~{memory}" : ",~{memory}";
    SmallVector<Value> operands = updated;
    operands.append(readOnly);
    Type result = types.empty()       ? Type()
                  : types.size() == 1 ? types.front()
                                      : Type(LLVM::LLVMStructType::getLiteral(builder.getContext(), types));
    auto assembly = LLVM::InlineAsmOp::create(builder, location, result ? TypeRange(result) : TypeRange(), operands,
                                              code.str(), all,
                                              /*has_side_effects=*/true, /*is_align_stack=*/false,
                                              LLVM::TailCallKind::None, LLVM::AsmDialectAttr(), ArrayAttr());
    SmallVector<Value> values;
    for (size_t index = 0; index < types.size(); ++index)
      values.push_back(types.size() == 1
                           ? assembly.getResult(0)
                           : LLVM::ExtractValueOp::create(builder, location, assembly.getResult(0), index).getResult());
    return values;
  }

private:
  static std::string letter(Type type) { return type.isF32() ? "f" : type.isInteger(64) ? "l" : "r"; }
  static std::string letter(Value value) { return letter(value.getType()); }

  SmallVector<Type> results;
  SmallVector<Value> updated, readOnly;
  std::string constraints;
};

/// The 64-bit description of a matrix in shared memory: address, distances in units of 16 bytes, width of the swizzle.
/// What all instructions of a tile have in common comes first, so that each costs one addition.
Value describe(OpBuilder &builder, Location location, Value base, int64_t bytes, SharedMatrixAttr matrix) {
  Value address = LLVM::PtrToIntOp::create(builder, location, builder.getI32Type(),
                                           pointerTo(builder, location, Space::Shared, base));
  Value units = LLVM::LShrOp::create(builder, location, address, constantInt(builder, location, 32, 4));
  int64_t swizzle = matrix.getRow() == 128 ? 1 : matrix.getRow() == 64 ? 2 : 3;
  int64_t leading = std::max<int64_t>(matrix.getPanel() / 16, 1), stride = matrix.getGroup() / 16;
  Value low = LLVM::OrOp::create(builder, location, units, constantInt(builder, location, 32, leading << 16));
  low = LLVM::AddOp::create(builder, location, low, constantInt(builder, location, 32, bytes / 16));
  return LLVM::OrOp::create(builder, location, LLVM::ZExtOp::create(builder, location, builder.getI64Type(), low),
                            constantInt(builder, location, 64, (swizzle << 62) | (stride << 32)));
}

std::string operandList(size_t first, size_t count) {
  std::string list = "{";
  for (size_t index = 0; index < count; ++index)
    list += (index == 0 ? "$" : ", $") + std::to_string(first + index);
  return list + "}";
}

struct LowerMmaAsync : ConvertOpToLLVMPattern<MmaAsyncOp> {
  LowerMmaAsync(const LLVMTypeConverter &types, ArrayRef<heed::tile::Atom> atoms)
      : ConvertOpToLLVMPattern(types), atoms(atoms) {}

  LogicalResult matchAndRewrite(MmaAsyncOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    auto *atom = llvm::find_if(atoms, [&](const heed::tile::Atom &each) { return each.name == op.getAtom(); });
    if (atom == atoms.end())
      return failure();
    Location location = op.getLoc();
    Assembly assembly;
    bool isFresh = adaptor.getAccumulator().empty();
    for (Type type : op.getResultTypes())
      isFresh ? assembly.set(type) : (void)0;
    for (Value value : adaptor.getAccumulator())
      assembly.update(value);
    std::string code = atom->instruction + " " + operandList(0, op.getNumResults()) + ", ";
    bool isAcross = op.getRightMatrix().getAcross();
    if (adaptor.getLeft()) {
      code += "$" + std::to_string(assembly.read(
                        describe(rewriter, location, adaptor.getLeft(), op.getLeftOffset(), *op.getLeftMatrix())));
    } else {
      size_t first = 0;
      for (auto [index, word] : llvm::enumerate(adaptor.getFragment()))
        first = index == 0 ? assembly.read(word) : (assembly.read(word), first);
      code += operandList(first, adaptor.getFragment().size());
    }
    code += ", $" + std::to_string(assembly.read(
                        describe(rewriter, location, adaptor.getRight(), op.getRightOffset(), op.getRightMatrix())));
    // Whether the accumulator counts, both signs, then which operands lie across the depth.
    code += isFresh ? ", 0, 1, 1" : ", 1, 1, 1";
    if (adaptor.getLeft())
      code += op.getLeftMatrix()->getAcross() ? ", 1" : ", 0";
    code += isAcross ? ", 1;" : ", 0;";
    rewriter.replaceOp(op, assembly.emit(rewriter, location, code));
    return success();
  }

  ArrayRef<heed::tile::Atom> atoms;
};

struct LowerMmaFence : ConvertOpToLLVMPattern<MmaFenceOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(MmaFenceOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    Assembly assembly;
    for (Value value : adaptor.getValues())
      assembly.update(value);
    rewriter.replaceOp(op, assembly.emit(rewriter, op.getLoc(), "wgmma.fence.sync.aligned;"));
    return success();
  }
};

/// The assembler moves a wait up to where the instructions were started, past all work that does not touch memory. A
/// load from shared memory stays before the wait; that it depends on `after` keeps the work before the load. It is
/// never done: no number has all bits set but a NaN that no instruction makes, and would do no harm.
struct LowerMmaWait : ConvertOpToLLVMPattern<MmaWaitOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(MmaWaitOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    Location location = op.getLoc();
    Assembly assembly;
    for (Value value : adaptor.getValues())
      assembly.update(value);
    std::string code;
    if (!adaptor.getAfter().empty()) {
      Value all;
      for (Value value : adaptor.getAfter()) {
        Value bits = LLVM::BitcastOp::create(rewriter, location, rewriter.getI32Type(), value);
        all = all ? LLVM::AndOp::create(rewriter, location, all, bits).getResult() : bits;
      }
      Value start = LLVM::PtrToIntOp::create(
          rewriter, location, rewriter.getI32Type(),
          pointerTo(rewriter, location, Space::Shared, constantInt(rewriter, location, 32, 0)));
      code = "{ .reg .pred never; .reg .b32 unused; setp.eq.b32 never, $" + std::to_string(assembly.read(all)) +
             ", -1; @never ld.volatile.shared.b32 unused, [$" + std::to_string(assembly.read(start)) + "]; } ";
    }
    code += "wgmma.wait_group.sync.aligned " + std::to_string(op.getPending()) + ";";
    rewriter.replaceOp(op, assembly.emit(rewriter, location, code));
    return success();
  }
};

struct LowerMmaCommit : ConvertOpToLLVMPattern<MmaCommitOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(MmaCommitOp op, OpAdaptor, ConversionPatternRewriter &rewriter) const override {
    Assembly().emit(rewriter, op.getLoc(), "wgmma.commit_group.sync.aligned;");
    rewriter.eraseOp(op);
    return success();
  }
};

} // namespace

void heed::cuda::populateWarpgroupProducts(const LLVMTypeConverter &types, RewritePatternSet &patterns,
                                           ArrayRef<tile::Atom> atoms) {
  patterns.add<LowerMmaAsync>(types, atoms);
  patterns.add<LowerMmaCommit, LowerMmaFence, LowerMmaWait>(types);
}
