/// inline-parts: replaces every tile.part by its body.
#include "compiler/tile/Passes.h"
#include "dialects/tile/Tile.h"

using namespace mlir;
using namespace heed;

namespace {

struct InlinePartsPass : PassWrapper<InlinePartsPass, OperationPass<>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(InlinePartsPass)
  StringRef getArgument() const override { return "inline-parts"; }
  StringRef getDescription() const override { return "Replace every tile.part by its body"; }

  void runOnOperation() override {
    // Post-order: inner parts go first.
    getOperation()->walk([](tile::PartOp part) {
      Block &body = part.getBody().front();
      part.replaceAllUsesWith(cast<tile::YieldOp>(body.getTerminator()).getValues());
      body.getTerminator()->erase();
      part->getBlock()->getOperations().splice(part->getIterator(), body.getOperations());
      part.erase();
    });
  }
};

} // namespace

std::unique_ptr<Pass> heed::createInlinePartsPass() { return std::make_unique<InlinePartsPass>(); }
