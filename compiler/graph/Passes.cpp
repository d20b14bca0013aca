#include "compiler/graph/Passes.h"

#include "mlir/Pass/PassRegistry.h"

void heed::registerGraphPasses() {
  mlir::registerPass([] { return createSpecialiseSymbolsPass(); });
  mlir::registerPass([] { return createAnnotateShapesPass(); });
  mlir::registerPass([] { return createRaiseSoftmaxPass(); });
  mlir::registerPass([] { return createRaiseNormPass(); });
  mlir::registerPass([] { return createRaiseAttentionPass(); });
  mlir::registerPass([] { return createSimplifyGraphPass(); });
  mlir::registerPass([] { return createDecomposeAttnPass(); });
}
