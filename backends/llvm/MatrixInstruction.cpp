#include "backends/llvm/MatrixInstruction.h"

#include "mlir/Target/LLVMIR/TypeFromLLVM.h"
#include "llvm/IR/DerivedTypes.h"
#include "llvm/IR/Intrinsics.h"
#include "llvm/IR/LLVMContext.h"

using namespace mlir;
using namespace heed::simt;

namespace {
/// The types of an intrinsic.
struct Signature {
  SmallVector<Type> parameters;
  Type result;
};
} // namespace

/// A vector of as many elements as the fragment has; bf16 is written as 16-bit integers where types are free.
static llvm::Type *vectorFor(llvm::LLVMContext &context, ValueRange fragment) {
  Type element = fragment.front().getType();
  llvm::Type *type = element.isF32()   ? llvm::Type::getFloatTy(context)
                     : element.isF16() ? llvm::Type::getHalfTy(context)
                                       : llvm::Type::getIntNTy(context, element.getIntOrFloatBitWidth());
  return llvm::FixedVectorType::get(type, fragment.size());
}

static FailureOr<Signature> signatureOf(MLIRContext *context, StringRef intrinsic, MmaOp::Adaptor fragments) {
  llvm::Intrinsic::ID id = llvm::Intrinsic::lookupIntrinsicID(intrinsic);
  if (id == llvm::Intrinsic::not_intrinsic || fragments.getLeft().empty() || fragments.getAccumulator().empty())
    return failure();
  llvm::LLVMContext types;
  SmallVector<llvm::Type *> overloads;
  if (llvm::Intrinsic::isOverloaded(id))
    overloads = {vectorFor(types, fragments.getAccumulator()), vectorFor(types, fragments.getLeft())};
  llvm::FunctionType *type = llvm::Intrinsic::getType(types, id, overloads);
  LLVM::TypeFromLLVMIRTranslator translator(*context);
  Signature signature;
  for (llvm::Type *parameter : type->params())
    signature.parameters.push_back(translator.translateType(parameter));
  signature.result = translator.translateType(type->getReturnType());
  return signature;
}

static int64_t bitsOf(Type type) { return bytesOf(type) * 8; }

/// Elements as one value of the type.
static Value pack(OpBuilder &builder, Location location, ValueRange elements, Type type) {
  Value value = elements.size() == 1 ? elements.front() : joinElements(builder, location, elements);
  return value.getType() == type ? value : LLVM::BitcastOp::create(builder, location, type, value).getResult();
}

/// Appends the elements of a value.
static void unpack(OpBuilder &builder, Location location, Value value, Type element, SmallVectorImpl<Value> &elements) {
  if (value.getType() == element)
    return elements.push_back(value);
  Type type = VectorType::get(bitsOf(value.getType()) / element.getIntOrFloatBitWidth(), element);
  if (value.getType() != type)
    value = LLVM::BitcastOp::create(builder, location, type, value);
  elements.append(splitElements(builder, location, value));
}

/// The elements of the result; failure if the fragments do not fill the parameters.
static FailureOr<SmallVector<Value>> callMatrixInstruction(OpBuilder &builder, Location location, StringRef intrinsic,
                                                           MmaOp::Adaptor fragments, Type resultElement) {
  FailureOr<Signature> signature = signatureOf(builder.getContext(), intrinsic, fragments);
  if (failed(signature))
    return failure();
  SmallVector<Value> operands;
  auto parameter = signature->parameters.begin();
  for (ValueRange rest : {fragments.getLeft(), fragments.getRight(), fragments.getAccumulator()}) {
    while (!rest.empty()) {
      if (parameter == signature->parameters.end())
        return failure();
      size_t count = bitsOf(*parameter) / rest.front().getType().getIntOrFloatBitWidth();
      if (count == 0 || count > rest.size())
        return failure();
      operands.push_back(pack(builder, location, rest.take_front(count), *parameter++));
      rest = rest.drop_front(count);
    }
  }
  for (; parameter != signature->parameters.end(); ++parameter)
    operands.push_back(LLVM::ConstantOp::create(builder, location, *parameter, builder.getIntegerAttr(*parameter, 0)));

  Value result = callIntrinsic(builder, location, intrinsic, signature->result, operands);
  SmallVector<Value> elements;
  if (auto parts = dyn_cast<LLVM::LLVMStructType>(signature->result)) {
    for (size_t i = 0; i < parts.getBody().size(); ++i)
      unpack(builder, location, LLVM::ExtractValueOp::create(builder, location, result, i), resultElement, elements);
  } else {
    unpack(builder, location, result, resultElement, elements);
  }
  return elements;
}

namespace {

struct LowerMma : ConvertOpToLLVMPattern<MmaOp> {
  LowerMma(const LLVMTypeConverter &types, ArrayRef<heed::tile::Atom> atoms)
      : ConvertOpToLLVMPattern(types), atoms(atoms) {}

  LogicalResult matchAndRewrite(MmaOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    auto *atom = llvm::find_if(atoms, [&](const heed::tile::Atom &each) { return each.name == op.getAtom(); });
    if (atom == atoms.end())
      return failure();
    FailureOr<SmallVector<Value>> elements =
        callMatrixInstruction(rewriter, op.getLoc(), atom->instruction, adaptor, op.getResult(0).getType());
    if (failed(elements) || elements->size() != op.getNumResults())
      return op.emitError("the fragments of '")
             << op.getAtom() << "' do not fit the registers of " << atom->instruction;
    rewriter.replaceOp(op, *elements);
    return success();
  }

  ArrayRef<heed::tile::Atom> atoms;
};

} // namespace

void heed::simt::populateMatrixInstructions(const LLVMTypeConverter &types, RewritePatternSet &patterns,
                                            ArrayRef<tile::Atom> atoms) {
  patterns.add<LowerMma>(types, atoms);
}
