#include "compiler/import/ImportOnnx.h"

#include "compiler/import/GraphImporter.h"
#include "dialects/attn/Attn.h"
#include "dialects/plan/Plan.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Verifier.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace heed;
using namespace heed::importer;

static void loadDialects(MLIRContext &context) {
  context.loadDialect<attn::AttnDialect, plan::PlanDialect, affine::AffineDialect, arith::ArithDialect,
                      func::FuncDialect, linalg::LinalgDialect, math::MathDialect, tensor::TensorDialect>();
}

/// Removes what nothing uses, last first.
static void eraseUnused(func::FuncOp function) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(function.getBody().front())))
    if (isOpTriviallyDead(&op))
      op.erase();
}

/// A name given for a dimension that the model lacks is a mistake worth an error.
static LogicalResult checkFixedDims(const ImportOptions &options, const Sizes &sizes, ModelFile &file) {
  for (StringRef name : options.fixedDims.keys()) {
    if (sizes.getUsedFixedDims().contains(name))
      continue;
    InFlightDiagnostic error = file.error() << "no input has a dimension named '" << name << "'";
    if (!sizes.getSymbolNames().empty())
      error << "; the symbolic dimensions left are " << llvm::join(sizes.getSymbolNames(), ", ");
    return error;
  }
  return success();
}

static OwningOpRef<ModuleOp> importBytes(StringRef bytes, Location location, StringRef baseDirectory,
                                         const ImportOptions &options) {
  MLIRContext *context = location.getContext();
  loadDialects(*context);
  ModelFile file(location, baseDirectory);
  if (failed(file.parse(bytes)))
    return nullptr;
  OwningOpRef<ModuleOp> module = ModuleOp::create(location);
  OpBuilder atModule = OpBuilder::atBlockEnd(module->getBody());
  auto function = func::FuncOp::create(atModule, location, "main", atModule.getFunctionType({}, {}));
  function.addEntryBlock();
  Sizes sizes(context, options.fixedDims);
  GraphBuilder builder(function, sizes);
  if (failed(GraphImporter(file, builder).importMain(function)) || failed(checkFixedDims(options, sizes, file)))
    return nullptr;
  eraseUnused(function);
  if (failed(verify(*module)))
    return nullptr;
  return module;
}

OwningOpRef<ModuleOp> heed::importOnnx(StringRef path, MLIRContext &context, const ImportOptions &options) {
  Location location = UnknownLoc::get(&context);
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer) {
    emitError(location) << "cannot be read: " << buffer.getError().message();
    return nullptr;
  }
  StringRef folder = llvm::sys::path::parent_path(path);
  return importBytes((*buffer)->getBuffer(), location, folder.empty() ? StringRef(".") : folder, options);
}

OwningOpRef<ModuleOp> heed::importOnnxBuffer(StringRef bytes, StringRef baseDirectory, MLIRContext &context,
                                             const ImportOptions &options) {
  return importBytes(bytes, UnknownLoc::get(&context), baseDirectory, options);
}
