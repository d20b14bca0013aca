#include "backends/simt/LanePart.h"

#include "backends/ProcessorTime.h"
#include "backends/simt/KernelVariant.h"
#include "dialects/simt/Simt.h"

#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace heed;
using namespace heed::simt;

RoleRegisters PartMaker::registersOf(tile::KernelOp kernel) const {
  DictionaryAttr schedule = kernel.getScheduleAttr();
  auto numberOf = [&](StringRef name, int64_t usual) {
    auto number = schedule ? schedule.getAs<IntegerAttr>(name) : IntegerAttr();
    return number ? number.getInt() : usual;
  };
  int64_t warps = numberOf(tile::warpsScheduleName, chip.warps);
  return chip.roleRegisters.empty()
             ? RoleRegisters{warps, 0, 0}
             : chip.registersOfRoles(warps, numberOf(tile::copyingRegistersScheduleName, chip.copyingRegisters));
}

FailureOr<OwningOpRef<ModuleOp>> PartMaker::lower(tile::KernelOp kernel) const {
  OwningOpRef<ModuleOp> alone = ModuleOp::create(kernel.getLoc());
  alone->push_back(kernel->clone());
  FailureOr<OwningOpRef<ModuleOp>> lanes = lowerTiles(*alone, chip);
  if (succeeded(lanes) && (*lanes)->getOps<KernelOp>().empty())
    return OwningOpRef<ModuleOp>();
  return lanes;
}

void simt::dumpText(StringRef directory, const Twine &name, StringRef text) {
  if (directory.empty())
    return;
  llvm::SmallString<128> path(directory);
  llvm::sys::path::append(path, name);
  std::error_code error;
  llvm::raw_fd_ostream stream(path, error);
  if (!error)
    stream << text;
}

Part PartMaker::partOf(OwningOpRef<ModuleOp> lanes) const {
  auto kernels = lanes->getOps<KernelOp>();
  if (!dumpDirectory.empty()) {
    std::string text;
    llvm::raw_string_ostream(text) << **lanes;
    dumpText(dumpDirectory, (*kernels.begin()).getSymName() + ".simt.mlir", text);
  }
  Part part{std::move(lanes), {}, {}, {}};
  for (KernelOp kernel : part.lanes->getOps<KernelOp>())
    part.entries[entryOf(kernel).kernel].push_back(entryOf(kernel));
  for (KernelOp kernel : part.lanes->getOps<KernelOp>())
    part.cost.symbols.push_back(kernel.getSymName().str());
  return part;
}

OwningOpRef<ModuleOp> PartMaker::redivide(ModuleOp lanes, tile::KernelOp kernel) const {
  OwningOpRef<ModuleOp> copy = lanes.clone();
  for (KernelOp each : copy->getOps<KernelOp>())
    simt::redivide(each, kernel.getSymName(), registersOf(kernel));
  return copy;
}

LogicalResult PartMaker::makeImages(Part &part, ArrayRef<GeneratedImage> others) const {
  ProcessorTimer timer(part.cost.generating);
  OwningOpRef<ModuleOp> copy = part.lanes->clone();
  FailureOr<std::vector<GeneratedImage>> images = others.empty() ? backend.generate(*copy, chip, dumpDirectory)
                                                                 : backend.redivide(*copy, others, chip, dumpDirectory);
  if (failed(images))
    return failure();
  part.images = std::move(*images);
  for (const GeneratedImage &image : part.images)
    part.cost.assembling += image.assemblerSeconds;
  return success();
}
