#include "compiler/tile/Passes.h"

void heed::registerTilePasses() {
  mlir::registerPass(createInlinePartsPass);
  mlir::registerPass([] { return createSchedulePartsPass({}); });
  mlir::registerPass(createOrientTilesPass);
  mlir::registerPass(createShareDistancesPass);
  mlir::registerPass(createExpandMathPass);
}
