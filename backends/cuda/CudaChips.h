/// The NVIDIA chips kernels can be made for.
#pragma once

#include "backends/simt/SimtTarget.h"

namespace heed::cuda {

struct CudaChip {
  llvm::StringRef name; ///< "sm_80"; the PTX of it runs on that chip and, without a suffix, on newer ones
  unsigned ptx;         ///< oldest PTX version that knows the chip, so that old drivers take it: 70 is 7.0
  int64_t sharedKiB;    ///< a workgroup may ask for at launch
  int64_t processors;   ///< of a usual product
  int64_t cacheMiB;     ///< of the smallest product's second-level cache
  int64_t warps;        ///< that are on one processor at once
  int64_t workgroups;   ///< likewise
};

llvm::ArrayRef<CudaChip> cudaChips();
/// Null when unknown.
const CudaChip *findCudaChip(llvm::StringRef name);
/// "sm_80, sm_86, ..".
std::string cudaChipNames();

simt::SimtTarget describe(const CudaChip &chip);

} // namespace heed::cuda
