#include "compiler/host/DescribeEntry.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace heed {

static void printWarps(const KernelResources &resources, raw_ostream &os) {
  os << resources.warps << (resources.warps == 1 ? " warp" : " warps");
  if (resources.copyingWarps == 0)
    return;
  bool areMoved = resources.copyingRegisters != 0 && resources.usualRegisters != 0;
  os << " (" << resources.copyingWarps << " copy";
  if (areMoved)
    os << " with " << resources.copyingRegisters << " registers";
  os << ", " << resources.warps - resources.copyingWarps << " compute";
  if (areMoved)
    os << " with " << resources.usualRegisters;
  os << ")";
}

std::string describeEntry(const KernelEntry &entry, const CodeImage &image) {
  const KernelResources &resources = entry.resources;
  std::string text;
  if (resources.warps == 0)
    return text;
  raw_string_ostream os(text);
  os << join(image.features, "+") << (image.features.empty() ? "" : " ") << entry.symbol << ": ";
  printWarps(resources, os);
  if (resources.registers)
    os << ", " << *resources.registers << " registers";
  if (resources.localBytes)
    os << ", local " << *resources.localBytes << " bytes";
  os << ", shared " << entry.sharedBytes << "+" << resources.staticSharedBytes << " bytes";
  if (resources.stages != 0)
    os << ", " << resources.stages << " stages";
  if (resources.workgroupsAtOnce)
    os << ", " << *resources.workgroupsAtOnce << " resident";
  return text;
}

} // namespace heed
