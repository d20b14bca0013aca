#include "backends/llvm/SimtToLlvm.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/DialectConversion.h"

using namespace mlir;
using namespace heed::simt;

static constexpr llvm::StringLiteral arenaName = "heed_shared";

void heed::simt::loadLlvmDialects(MLIRContext &context) {
  context.loadDialect<arith::ArithDialect, cf::ControlFlowDialect, LLVM::LLVMDialect, math::MathDialect,
                      scf::SCFDialect, vector::VectorDialect>();
}

Value heed::simt::constantInt(OpBuilder &builder, Location location, unsigned bits, int64_t value) {
  Type type = builder.getIntegerType(bits);
  return LLVM::ConstantOp::create(builder, location, type, builder.getIntegerAttr(type, value));
}

Value heed::simt::pointerTo(OpBuilder &builder, Location location, Space space, Value address) {
  MLIRContext *context = builder.getContext();
  if (space == Space::Global)
    return LLVM::IntToPtrOp::create(builder, location, LLVM::LLVMPointerType::get(context, globalSpace), address);
  auto type = LLVM::LLVMPointerType::get(context, sharedSpace);
  Value arena = LLVM::AddressOfOp::create(builder, location, type, arenaName);
  return LLVM::GEPOp::create(builder, location, type, builder.getI8Type(), arena, ArrayRef<LLVM::GEPArg>{address});
}

Value heed::simt::tensorMapOf(Operation *op, int64_t index) {
  Block &entry = op->getParentOfType<LLVM::LLVMFuncOp>().getBody().front();
  int64_t words = llvm::count_if(entry.getArgumentTypes(), [](Type type) { return type.isInteger(); });
  return entry.getArgument(words + index);
}

Value heed::simt::callIntrinsic(OpBuilder &builder, Location location, StringRef name, Type result,
                                ValueRange operands) {
  StringAttr intrinsic = builder.getStringAttr(name);
  if (result)
    return LLVM::CallIntrinsicOp::create(builder, location, result, intrinsic, operands).getResult(0);
  LLVM::CallIntrinsicOp::create(builder, location, intrinsic, operands);
  return {};
}

int64_t heed::simt::bytesOf(Type type) {
  auto vector = dyn_cast<VectorType>(type);
  return (vector ? vector.getNumElements() : 1) * getElementTypeOrSelf(type).getIntOrFloatBitWidth() / 8;
}

Value heed::simt::joinElements(OpBuilder &builder, Location location, ValueRange elements) {
  auto type = VectorType::get(elements.size(), elements.front().getType());
  Value vector = LLVM::PoisonOp::create(builder, location, type);
  for (auto [index, element] : llvm::enumerate(elements))
    vector =
        LLVM::InsertElementOp::create(builder, location, vector, element, constantInt(builder, location, 32, index));
  return vector;
}

SmallVector<Value> heed::simt::splitElements(OpBuilder &builder, Location location, Value vector) {
  SmallVector<Value> elements;
  for (int64_t index = 0; index < cast<VectorType>(vector.getType()).getNumElements(); ++index)
    elements.push_back(
        LLVM::ExtractElementOp::create(builder, location, vector, constantInt(builder, location, 32, index)));
  return elements;
}

//===- Ops that are the same everywhere ---------------------------------------------------------------------------===//

namespace {

struct LowerKernel : ConvertOpToLLVMPattern<KernelOp> {
  LowerKernel(const LLVMTypeConverter &types, const LaneLowering &lowering)
      : ConvertOpToLLVMPattern(types), lowering(lowering) {}

  LogicalResult matchAndRewrite(KernelOp kernel, OpAdaptor, ConversionPatternRewriter &rewriter) const override {
    ArrayRef<Type> words = kernel.getArgumentTypes();
    SmallVector<Type> arguments(words);
    arguments.append(kernel.getNumTensorMaps(), LLVM::LLVMPointerType::get(getContext()));
    auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(getContext()), arguments);
    auto function =
        LLVM::LLVMFuncOp::create(rewriter, kernel.getLoc(), kernel.getSymName(), type, LLVM::Linkage::External,
                                 /*dsoLocal=*/false, lowering.callingConvention());
    SmallVector<Attribute> attributes;
    for (auto &[name, value] : lowering.attributes(kernel))
      attributes.push_back(rewriter.getStrArrayAttr({name, value}));
    function.setPassthroughAttr(rewriter.getArrayAttr(attributes));
    rewriter.inlineRegionBefore(kernel.getBody(), function.getBody(), function.end());
    TypeConverter::SignatureConversion signature(words.size());
    for (auto [index, word] : llvm::enumerate(words))
      signature.addInputs(index, word);
    signature.addInputs(ArrayRef(arguments).drop_front(words.size()));
    auto mapType = LLVM::LLVMArrayType::get(rewriter.getI8Type(), tensorMapBytes);
    for (size_t map = words.size(); map < arguments.size(); ++map) {
      function.setArgAttr(map, LLVM::LLVMDialect::getByValAttrName(), TypeAttr::get(mapType));
      function.setArgAttr(map, LLVM::LLVMDialect::getAlignAttrName(), rewriter.getI64IntegerAttr(tensorMapAlignment));
    }
    if (failed(rewriter.convertRegionTypes(&function.getBody(), *getTypeConverter(), &signature)))
      return failure();
    rewriter.eraseOp(kernel);
    return success();
  }

  const LaneLowering &lowering;
};

struct LowerReturn : ConvertOpToLLVMPattern<ReturnOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(ReturnOp op, OpAdaptor, ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<LLVM::ReturnOp>(op, ValueRange());
    return success();
  }
};

struct LowerLoad : ConvertOpToLLVMPattern<LoadOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(LoadOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    if (op.getPredicate())
      return failure();
    Value pointer = pointerTo(rewriter, op.getLoc(), op.getSpace(), adaptor.getAddress());
    rewriter.replaceOpWithNewOp<LLVM::LoadOp>(op, op.getType(), pointer, op.getAlignment());
    return success();
  }
};

struct LowerStore : ConvertOpToLLVMPattern<StoreOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(StoreOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    if (op.getPredicate())
      return failure();
    Value pointer = pointerTo(rewriter, op.getLoc(), op.getSpace(), adaptor.getAddress());
    rewriter.replaceOpWithNewOp<LLVM::StoreOp>(op, adaptor.getValue(), pointer, op.getAlignment());
    return success();
  }
};

} // namespace

//===- The whole module -------------------------------------------------------------------------------------------===//

/// Says so in the words of LLVM, which branches keep and assemblers hear of.
static void keepLoops(ModuleOp module) {
  MLIRContext *context = module.getContext();
  auto yes = BoolAttr::get(context, true);
  auto never = LLVM::LoopUnrollAttr::get(context, /*disable=*/yes, {}, {}, {}, {}, {}, {});
  auto inPlace = LLVM::LoopLICMAttr::get(context, /*disable=*/yes, {});
  module.walk([&](scf::ForOp loop) {
    bool isUnrolled = bool(loop->removeAttr(unrolledAttrName)), isWhole = bool(loop->removeAttr(wholeAttrName));
    if (isUnrolled || isWhole)
      loop->setAttr("loop_annotation",
                    LLVM::LoopAnnotationAttr::get(context, {}, {}, {}, isUnrolled ? never : LLVM::LoopUnrollAttr(), {},
                                                  isWhole ? inPlace : LLVM::LoopLICMAttr(), {}, {}, {}, {}, {}, {}, {},
                                                  {}, {}));
  });
}

static LogicalResult lowerControlFlow(ModuleOp module) {
  MLIRContext *context = module.getContext();
  keepLoops(module);
  RewritePatternSet patterns(context);
  arith::populateCeilFloorDivExpandOpsPatterns(patterns);
  populateSCFToControlFlowConversionPatterns(patterns);
  ConversionTarget target(*context);
  target.addIllegalDialect<scf::SCFDialect>();
  target.addIllegalOp<arith::CeilDivSIOp, arith::CeilDivUIOp, arith::FloorDivSIOp>();
  target.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
  return applyPartialConversion(module, target, std::move(patterns));
}

/// The arena's size is given at launch, so that a kernel may have more of it than compilers allow for.
static void declareArena(ModuleOp module, int64_t alignment) {
  auto builder = OpBuilder::atBlockBegin(module.getBody());
  auto type = LLVM::LLVMArrayType::get(builder.getI8Type(), 0);
  LLVM::GlobalOp::create(builder, module.getLoc(), type, /*isConstant=*/false, LLVM::Linkage::External, arenaName,
                         Attribute(), alignment, sharedSpace);
}

LogicalResult heed::simt::lowerSimtToLlvm(ModuleOp module, const LaneLowering &lowering) {
  if (failed(lowering.prepare(module)) || failed(lowerControlFlow(module)))
    return failure();
  MLIRContext *context = module.getContext();
  declareArena(module, lowering.sharedAlignment());
  LLVMTypeConverter types(context);
  RewritePatternSet patterns(context);
  arith::populateArithToLLVMConversionPatterns(types, patterns);
  cf::populateControlFlowToLLVMConversionPatterns(types, patterns);
  populateMathToLLVMConversionPatterns(types, patterns);
  populateVectorToLLVMConversionPatterns(types, patterns);
  patterns.add<LowerKernel>(types, lowering);
  patterns.add<LowerReturn, LowerLoad, LowerStore>(types);
  lowering.populate(types, patterns);
  LLVMConversionTarget target(*context);
  target.addLegalOp<ModuleOp>();
  return applyFullConversion(module, target, std::move(patterns));
}

void heed::simt::guardStores(ModuleOp module) {
  SmallVector<StoreOp> stores;
  module.walk([&](StoreOp store) {
    if (store.getPredicate())
      stores.push_back(store);
  });
  scf::IfOp last;
  for (StoreOp store : stores) {
    Value predicate = store.getPredicate();
    // What lies between two stores has no effect, or the second must not move before it.
    bool joins = last && last.getCondition() == predicate && last->getBlock() == store->getBlock();
    for (Operation *between = joins ? last->getNextNode() : nullptr; joins && between != store;
         between = between->getNextNode())
      joins = isMemoryEffectFree(between);
    if (!joins) {
      OpBuilder builder(store);
      last = scf::IfOp::create(builder, store.getLoc(), predicate, /*withElseRegion=*/false);
    } else {
      last->moveBefore(store);
    }
    store->moveBefore(last.thenBlock()->getTerminator());
    store.getPredicateMutable().clear();
  }
}
