#include "backends/simt/SimtBackend.h"
#include "dialects/tile/Tile.h"

using namespace mlir;
using namespace heed;

FailureOr<OwningOpRef<ModuleOp>> heed::simt::lowerTiles(ModuleOp kernels, const SimtTarget &target) {
  for (auto kernel : kernels.getOps<tile::KernelOp>())
    return kernel.emitError("tile kernels cannot be lowered to lanes of ")
           << target.chip << " yet; give heed-simt the simt.kernel of it";
  return OwningOpRef<ModuleOp>(ModuleOp::create(kernels.getLoc()));
}
