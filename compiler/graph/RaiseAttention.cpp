/// raise-attention: softmax(f(query . key)) . value becomes attn.attend.
#include "compiler/graph/AttentionMatch.h"
#include "compiler/graph/AttentionOperands.h"
#include "compiler/graph/AttentionRegions.h"
#include "compiler/graph/Passes.h"
#include "compiler/graph/Rewriting.h"
#include "compiler/graph/UnfusedAttention.h"

#include "dialects/attn/Attn.h"

using namespace mlir;
using namespace heed;

namespace {

struct RaiseAttentionPass : PassWrapper<RaiseAttentionPass, OperationPass<func::FuncOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(RaiseAttentionPass)
  StringRef getArgument() const final { return "raise-attention"; }
  StringRef getDescription() const final { return "Find attention written out and make it attn.attend"; }
  void getDependentDialects(DialectRegistry &registry) const final { registerRewritingDialects(registry); }

  void runOnOperation() final {
    func::FuncOp function = getOperation();
    SymbolicShapes shapes(function);
    SmallVector<linalg::LinalgOp> candidates;
    function.walk([&](linalg::LinalgOp op) {
      if (op->getNumResults() == 1 && op.getNumReductionLoops() == 1)
        candidates.push_back(op);
    });
    for (linalg::LinalgOp candidate : candidates)
      raise(function, shapes, candidate);
    eraseUnusedOps(function);
  }

  void raise(func::FuncOp function, SymbolicShapes &shapes, linalg::LinalgOp candidate) {
    AttentionMatcher matcher(shapes);
    std::optional<AttentionMatch> match = matcher.match(candidate->getResult(0));
    if (!match) {
      if (matcher.softmax)
        note(matcher.softmax, matcher.obstacle);
      return;
    }
    std::string obstacle = otherUseOfWeights(match->softmax);
    OpBuilder builder(candidate);
    AttentionRegions regions(builder, function, shapes, *match);
    AttentionOperands operands(builder, function, shapes, *match);
    if (!obstacle.empty() || !regions.write(obstacle) || !operands.arrange(obstacle)) {
      note(match->softmax, obstacle);
      return;
    }
    Value none;
    auto attend = attn::AttendOp::create(builder, match->softmax->getLoc(), operands.resultType(), /*lse=*/Type(),
                                         /*state=*/Type(), operands.query, operands.key, operands.value,
                                         /*kv_length=*/none, /*q_offset=*/none, /*sink=*/none, /*pages=*/none,
                                         /*blocks=*/none, regions.captures(), APFloat(regions.scale()),
                                         attn::Normaliser::Softmax, /*block_size=*/DenseI64ArrayAttr());
    regions.copyInto(attend);
    candidate->getResult(0).replaceAllUsesWith(operands.restore(attend.getOut()));
  }

  static void note(Operation *softmax, StringRef obstacle) {
    softmax->setAttr(noteAttrName, StringAttr::get(softmax->getContext(), "attention not fused: " + obstacle));
  }
};
} // namespace

std::unique_ptr<Pass> heed::createRaiseAttentionPass() { return std::make_unique<RaiseAttentionPass>(); }
