#include "compiler/Pipeline.h"

#include "backends/Backend.h"
#include "compiler/graph/Passes.h"
#include "compiler/kernel/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

void heed::addGraphPasses(OpPassManager &module) {
  OpPassManager &graph = module.nest<func::FuncOp>();
  graph.addPass(createCanonicalizerPass());
  graph.addPass(createCSEPass());
  graph.addPass(createRaiseSoftmaxPass());
  graph.addPass(createRaiseNormPass());
  graph.addPass(createRaiseAttentionPass());
  graph.addPass(createDecomposeAttnPass());
  graph.addPass(createCanonicalizerPass());
  graph.addPass(createSimplifyGraphPass());
  graph.addPass(createCSEPass());
}

void heed::addKernelPasses(OpPassManager &module, const Backend &backend) {
  OpPassManager &graph = module.nest<func::FuncOp>();
  graph.addPass(createNormaliseGraphPass());
  graph.addPass(createCSEPass());
  graph.addPass(createFormKernelsPass());
  graph.addPass(createMergeDimensionsPass());
  module.addPass(createLowerKernelsPass(backend));
  module.addPass(createCanonicalizerPass());
  module.addPass(createCSEPass());
  if (backend.traits().overlapsLaunches)
    module.addPass(createMarkNeighboursPass());
}
