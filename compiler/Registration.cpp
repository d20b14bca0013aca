#include "compiler/Registration.h"

#include "backends/cpu/LowerKernels.h"
#include "backends/simt/SimtBackend.h"
#include "compiler/graph/Passes.h"
#include "compiler/kernel/Passes.h"
#include "compiler/tile/Passes.h"
#include "dialects/attn/Attn.h"
#include "dialects/plan/Plan.h"
#include "dialects/simt/Simt.h"
#include "dialects/tile/Tile.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/Passes.h"

void heed::registerDialects(mlir::DialectRegistry &registry) {
  registry.insert<attn::AttnDialect, tile::TileDialect, simt::SimtDialect, plan::PlanDialect,
                  mlir::affine::AffineDialect, mlir::arith::ArithDialect, mlir::func::FuncDialect,
                  mlir::linalg::LinalgDialect, mlir::math::MathDialect, mlir::memref::MemRefDialect,
                  mlir::scf::SCFDialect, mlir::tensor::TensorDialect, mlir::vector::VectorDialect>();
}

void heed::registerPasses() {
  mlir::registerCanonicalizerPass();
  mlir::registerCSEPass();
  registerGraphPasses();
  registerTilePasses();
  cpu::registerPasses();
  simt::registerPasses();
  registerKernelPasses();
}
