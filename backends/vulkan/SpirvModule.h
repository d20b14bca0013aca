/// A SPIR-V module of kernels: what they share, what a device must be capable of, and the words.
#pragma once

#include "mlir/Dialect/SPIRV/IR/SPIRVOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <string>
#include <vector>

namespace heed::vulkan {

/// Words (64 bits each) of a launch that fit the push constants every device has. Kernels with more find them in a
/// buffer, whose address is pushed instead. Behind them an address is pushed for kernels that watch their loops.
inline constexpr unsigned maximumPushedWords = 15;

/// Module-level variables, made when first asked for.
class SpirvModule {
public:
  explicit SpirvModule(mlir::Location location);

  mlir::spirv::ModuleOp get() { return module; }

  /// A variable of the device's own: i32, or a vector of three for the workgroup's place and count.
  mlir::spirv::GlobalVariableOp builtin(mlir::spirv::BuiltIn which);
  /// A push constant block of an array of `words` i64 and, at a place of its own, the address for watching loops.
  mlir::spirv::GlobalVariableOp pushConstants(unsigned words);
  /// Whether the device may end loops by itself: specialisation constant 0, false unless the driver sets it.
  mlir::spirv::SpecConstantOp watchesLoops();
  /// `words` 32-bit words that the workgroups of `kernel` share.
  mlir::spirv::GlobalVariableOp shared(llvm::StringRef kernel, int64_t words);

  /// Declares the capabilities that the ops and types in it need. Call it last.
  void declareCapabilities();

  mlir::OwningOpRef<mlir::spirv::ModuleOp> release() { return std::move(owned); }

private:
  mlir::spirv::GlobalVariableOp variable(const llvm::Twine &name, mlir::spirv::StorageClass storage, mlir::Type type,
                                         mlir::StringAttr builtin);

  mlir::OwningOpRef<mlir::spirv::ModuleOp> owned;
  mlir::spirv::ModuleOp module;
};

/// All simt.kernels of a module as entry points of one SPIR-V module, called as they are. Errors are reported on the
/// ops that Vulkan cannot have.
mlir::FailureOr<mlir::OwningOpRef<mlir::spirv::ModuleOp>> convertToSpirv(mlir::ModuleOp kernels);

/// Features, as the driver names them, that a device must have for what the module declares to use.
std::vector<std::string> neededFeatures(mlir::spirv::ModuleOp module);

/// The binary form.
mlir::FailureOr<std::string> serialise(mlir::spirv::ModuleOp module);

} // namespace heed::vulkan
