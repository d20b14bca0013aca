#include "backends/vulkan/SpirvModule.h"

#include "backends/vulkan/KernelEmitter.h"

#include "mlir/Dialect/SPIRV/IR/SPIRVDialect.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Target/SPIRV/Serialization.h"

#include <set>

using namespace mlir;
using namespace heed::vulkan;

SpirvModule::SpirvModule(Location location) {
  OpBuilder builder(location.getContext());
  module = spirv::ModuleOp::create(builder, location, spirv::AddressingModel::PhysicalStorageBuffer64,
                                   spirv::MemoryModel::GLSL450);
  owned = module;
}

/// Variables come before the functions that name them.
spirv::GlobalVariableOp SpirvModule::variable(const Twine &name, spirv::StorageClass storage, Type type,
                                              StringAttr builtin) {
  std::string symbol = name.str();
  if (auto found = SymbolTable::lookupSymbolIn(module, symbol))
    return cast<spirv::GlobalVariableOp>(found);
  OpBuilder builder = OpBuilder::atBlockBegin(module.getBody());
  auto made = spirv::GlobalVariableOp::create(builder, module.getLoc(), spirv::PointerType::get(type, storage), symbol);
  if (builtin)
    made.setBuiltInAttr(builtin);
  return made;
}

spirv::GlobalVariableOp SpirvModule::builtin(spirv::BuiltIn which) {
  Builder builder(module.getContext());
  StringRef name = spirv::stringifyBuiltIn(which);
  Type type = builder.getI32Type();
  if (which == spirv::BuiltIn::WorkgroupId || which == spirv::BuiltIn::NumWorkgroups)
    type = VectorType::get(3, type);
  return variable("." + name, spirv::StorageClass::Input, type, builder.getStringAttr(name));
}

spirv::GlobalVariableOp SpirvModule::pushConstants(unsigned words) {
  Type word = IntegerType::get(module.getContext(), 64);
  auto array = spirv::ArrayType::get(word, words, /*stride=*/8);
  spirv::StructType::StructDecorationInfo block(spirv::Decoration::Block, UnitAttr::get(module.getContext()));
  Type type = spirv::StructType::get({array, word}, {0, 8 * maximumPushedWords}, {}, {block});
  return variable(".words" + Twine(words), spirv::StorageClass::PushConstant, type, nullptr);
}

spirv::SpecConstantOp SpirvModule::watchesLoops() {
  StringRef symbol = ".watches_loops";
  if (auto found = SymbolTable::lookupSymbolIn(module, symbol))
    return cast<spirv::SpecConstantOp>(found);
  OpBuilder builder = OpBuilder::atBlockBegin(module.getBody());
  auto made = spirv::SpecConstantOp::create(builder, module.getLoc(), builder.getStringAttr(symbol),
                                            builder.getBoolAttr(false));
  made->setAttr("spec_id", builder.getI32IntegerAttr(0));
  return made;
}

spirv::GlobalVariableOp SpirvModule::shared(StringRef kernel, int64_t words) {
  Type word = IntegerType::get(module.getContext(), 32);
  return variable(".shared." + kernel, spirv::StorageClass::Workgroup, spirv::ArrayType::get(word, words), nullptr);
}

namespace {

/// Collects the capabilities of a module, in the order of their numbers.
class CapabilityFinder {
public:
  void visit(Operation *op) {
    for (Type type : op->getResultTypes())
      visit(type);
    if (auto load = dyn_cast<spirv::LoadOp>(op))
      visitAccess(load.getPtr().getType());
    else if (auto store = dyn_cast<spirv::StoreOp>(op))
      visitAccess(store.getPtr().getType());
    else if (isa<spirv::GroupNonUniformShuffleOp, spirv::GroupNonUniformShuffleXorOp>(op))
      found.insert({spirv::Capability::GroupNonUniform, spirv::Capability::GroupNonUniformShuffle});
    else if (auto variable = dyn_cast<spirv::GlobalVariableOp>(op); variable && variable.getBuiltIn())
      visitBuiltin(*spirv::symbolizeBuiltIn(*variable.getBuiltIn()));
    else if (auto mode = dyn_cast<spirv::ExecutionModeOp>(op))
      visitMode(mode.getExecutionMode());
  }

  SmallVector<spirv::Capability> capabilities() const { return {found.begin(), found.end()}; }

private:
  void visit(Type type) {
    Type element = getElementTypeOrSelf(type);
    if (element.isInteger(8))
      found.insert(spirv::Capability::Int8);
    else if (element.isInteger(16))
      found.insert(spirv::Capability::Int16);
    else if (element.isF16())
      found.insert(spirv::Capability::Float16);
    else if (element.isF64())
      found.insert(spirv::Capability::Float64);
  }

  /// Narrow types in memory are abilities of their own.
  void visitAccess(Type type) {
    auto pointer = cast<spirv::PointerType>(type);
    Type element = getElementTypeOrSelf(pointer.getPointeeType());
    if (pointer.getStorageClass() != spirv::StorageClass::PhysicalStorageBuffer)
      return;
    if (element.getIntOrFloatBitWidth() == 8)
      found.insert(spirv::Capability::StorageBuffer8BitAccess);
    else if (element.getIntOrFloatBitWidth() == 16)
      found.insert(spirv::Capability::StorageBuffer16BitAccess);
  }

  void visitBuiltin(spirv::BuiltIn which) {
    if (which == spirv::BuiltIn::SubgroupId || which == spirv::BuiltIn::SubgroupLocalInvocationId)
      found.insert(spirv::Capability::GroupNonUniform);
  }

  void visitMode(spirv::ExecutionMode mode) {
    if (mode == spirv::ExecutionMode::SignedZeroInfNanPreserve)
      found.insert(spirv::Capability::SignedZeroInfNanPreserve);
    else if (mode == spirv::ExecutionMode::RoundingModeRTE)
      found.insert(spirv::Capability::RoundingModeRTE);
  }

  std::set<spirv::Capability> found = {spirv::Capability::Shader, spirv::Capability::PhysicalStorageBufferAddresses,
                                       spirv::Capability::Int64};
};

} // namespace

void SpirvModule::declareCapabilities() {
  CapabilityFinder finder;
  module.walk([&](Operation *op) { finder.visit(op); });
  // Everything that is used was an extension once and is part of version 1.6.
  module.setVceTripleAttr(spirv::VerCapExtAttr::get(spirv::Version::V_1_6, finder.capabilities(),
                                                    ArrayRef<spirv::Extension>(), module.getContext()));
}

FailureOr<OwningOpRef<spirv::ModuleOp>> heed::vulkan::convertToSpirv(ModuleOp kernels) {
  SpirvModule module(kernels.getLoc());
  LogicalResult result = success();
  for (auto kernel : kernels.getOps<simt::KernelOp>())
    if (failed(KernelEmitter(module, kernel).emit()))
      result = failure();
  if (failed(result))
    return failure();
  module.declareCapabilities();
  if (failed(verify(module.get())))
    return failure();
  return module.release();
}

std::vector<std::string> heed::vulkan::neededFeatures(spirv::ModuleOp module) {
  // 64-bit integers are asked for by the addresses already.
  static constexpr std::pair<spirv::Capability, StringRef> names[] = {
      {spirv::Capability::Int8, "int8"},
      {spirv::Capability::Int16, "int16"},
      {spirv::Capability::Float16, "float16"},
      {spirv::Capability::Float64, "float64"},
      {spirv::Capability::StorageBuffer8BitAccess, "storage8"},
      {spirv::Capability::StorageBuffer16BitAccess, "storage16"}};
  std::vector<std::string> features;
  for (auto [capability, name] : names)
    if (llvm::is_contained(module.getVceTripleAttr().getCapabilities(), capability))
      features.push_back(name.str());
  return features;
}

FailureOr<std::string> heed::vulkan::serialise(spirv::ModuleOp module) {
  SmallVector<uint32_t, 0> words;
  if (failed(spirv::serialize(module, words)))
    return failure();
  return std::string(reinterpret_cast<const char *>(words.data()), words.size() * sizeof(uint32_t));
}
