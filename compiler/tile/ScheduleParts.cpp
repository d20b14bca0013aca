/// schedule-parts: moves the parts of loops into the rounds and the order that a table gives.
///
/// A loop that cannot follow the table stays as it is and says why in a `heed.note`.
#include "compiler/tile/PartRotation.h"
#include "compiler/tile/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace heed;

namespace {
struct SchedulePartsPass : PassWrapper<SchedulePartsPass, OperationPass<>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(SchedulePartsPass)
  SchedulePartsPass() = default;
  SchedulePartsPass(const SchedulePartsPass &other) : PassWrapper(other), table(other.table) {}
  explicit SchedulePartsPass(ArrayRef<tile::PartSchedule> table) : table(table) {}

  StringRef getArgument() const override { return "schedule-parts"; }
  StringRef getDescription() const override { return "Overlap the parts of loops as a schedule table says"; }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<arith::ArithDialect, scf::SCFDialect>();
  }

  LogicalResult readLines() {
    for (StringRef line : lines) {
      auto [part, rest] = line.split(':');
      auto [stage, turn] = rest.split(':');
      tile::PartSchedule entry{part, 0, turn == "turn"};
      if (part.empty() || stage.getAsInteger(10, entry.stage) || entry.stage > maximumStage ||
          !(turn.empty() || entry.takesTurn))
        return getOperation()->emitError("a line of a schedule is PART:STAGE or PART:STAGE:turn with a stage up to ")
               << maximumStage << ", got '" << line << "'";
      parsed.push_back(entry);
    }
    if (!lines.empty())
      table = parsed;
    return success();
  }

  void runOnOperation() override {
    if (failed(readLines()))
      return signalPassFailure();
    if (table.empty())
      return;
    SmallVector<scf::ForOp> loops;
    getOperation()->walk([&](scf::ForOp loop) { loops.push_back(loop); });
    int64_t site = 0;
    for (scf::ForOp loop : loops) {
      tile::PartRotation rotation(loop, table);
      if (!rotation.hasParts())
        continue;
      Builder builder(loop.getContext());
      if (std::string reason = rotation.analyse(); !reason.empty()) {
        loop->setAttr("heed.note", builder.getStringAttr("not scheduled: " + reason));
        continue;
      }
      loop.walk([&](Operation *op) {
        if (isa<tile::LoadOp, tile::GatherOp>(op) && !op->hasAttr(tile::siteAttrName))
          op->setAttr(tile::siteAttrName, builder.getI64IntegerAttr(site++));
      });
      rotation.rewrite();
    }
  }

  static constexpr unsigned maximumStage = 8;
  ListOption<std::string> lines{*this, "parts",
                                llvm::cl::desc("PART:STAGE or PART:STAGE:turn, in the order of a round")};
  SmallVector<tile::PartSchedule> parsed;
  ArrayRef<tile::PartSchedule> table;
};
} // namespace

std::unique_ptr<Pass> heed::createSchedulePartsPass(ArrayRef<tile::PartSchedule> table) {
  return std::make_unique<SchedulePartsPass>(table);
}
