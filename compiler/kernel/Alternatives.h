/// A kernel in several block sizes, of which a call runs one.
#pragma once

#include "compiler/kernel/KernelBuilder.h"

namespace heed {

/// The kernels that one plan.kernel becomes. Which of them a call runs is decided when it is bound.
class Alternatives {
public:
  /// Fills a builder, in blocks of some size.
  using Build = llvm::function_ref<mlir::LogicalResult(KernelBuilder &)>;

  /// `source` becomes the kernel of finish(); the others are named after their blocks, too. All are tied to other
  /// kernels in the same way.
  Alternatives(plan::KernelOp source, llvm::StringRef name, Handover handover = {})
      : source(source), name(name), handover(handover) {}

  /// One for calls with so many programs, better than those added later. `standsIn`: code of it is only wanted where
  /// the values of the one before do not fit the registers.
  mlir::LogicalResult add(const llvm::Twine &blocks, int64_t leastPrograms, bool standsIn, Build build);
  /// The one for all other calls.
  mlir::FailureOr<plan::LaunchOp> finish(Build build);

private:
  plan::KernelOp source;
  std::string name;
  Handover handover;
  llvm::SmallVector<plan::LaunchOp::Alternative> found;
  llvm::SmallVector<std::pair<tile::KernelOp, mlir::AffineMap>> kernels; ///< and their parameters
};

} // namespace heed
