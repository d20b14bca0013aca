#include "runtime/Module.h"

#include "runtime/Devices.h"
#include "runtime/Evaluation.h"
#include "runtime/StepRunner.h"

#include <algorithm>
#include <map>
#include <utility>

namespace heed::rt {

DriverMemory::DriverMemory(DriverMemory &&other) noexcept
    : driver(std::exchange(other.driver, nullptr)), memory(other.memory), bytes(std::exchange(other.bytes, 0)) {}

DriverMemory &DriverMemory::operator=(DriverMemory &&other) noexcept {
  if (this != &other) {
    reset();
    driver = std::exchange(other.driver, nullptr);
    memory = other.memory;
    bytes = std::exchange(other.bytes, 0);
  }
  return *this;
}

Status DriverMemory::allocate(Driver &newDriver, uint64_t size) {
  DevicePointer allocated;
  HEED_TRY(newDriver.allocate(size, allocated));
  reset();
  driver = &newDriver;
  memory = allocated;
  bytes = size;
  return {};
}

void DriverMemory::reset() {
  if (driver)
    driver->free(memory);
  driver = nullptr;
  memory = {};
  bytes = 0;
}

template <typename List> static std::string join(const List &list) {
  std::string text;
  for (const auto &entry : list)
    text += concat(text.empty() ? "" : ", ", entry);
  return text.empty() ? "none" : text;
}

/// The first of `wanted` that the device lacks; empty when it has them all.
static std::string missingFeature(const std::vector<std::string> &wanted, const DeviceInfo &device) {
  for (const std::string &feature : wanted)
    if (!device.features.contains(feature))
      return feature;
  return {};
}

static bool meets(const Variant &variant, const DeviceInfo &device) {
  auto fits = [&](DeviceProperty property, uint64_t wanted) {
    int64_t most = device.property(property);
    return most == 0 || wanted <= static_cast<uint64_t>(most); // 0: the device does not say
  };
  uint64_t threads = uint64_t(variant.workgroup[0]) * variant.workgroup[1] * variant.workgroup[2];
  return fits(DeviceProperty::workgroupThreads, threads) && fits(DeviceProperty::sharedBytes, variant.sharedBytes) &&
         missingFeature(variant.features, device).empty() &&
         std::all_of(variant.requirements.begin(), variant.requirements.end(), [&](const Requirement &requirement) {
           int64_t value = device.property(requirement.property);
           return value >= requirement.minimum && value <= requirement.maximum;
         });
}

Status Module::load(std::shared_ptr<Driver> driver, PackageBytes bytes, PackageContents contents,
                    std::shared_ptr<const Module> &out) {
  auto module = std::make_shared<Module>();
  module->device = std::move(driver);
  module->bytes = std::move(bytes);
  HEED_TRY(module->device->alive());
  module->contents = std::move(contents);
  HEED_TRY(module->selectPlan());
  HEED_TRY(module->loadKernels());
  module->describeInputs();
  HEED_TRY(module->placeResidentBuffers());
  HEED_TRY(module->runPrepare().within("prepare"));
  out = std::move(module);
  return {};
}

Status Module::selectPlan() {
  selected = findPlan(contents.package, device->info());
  return selected ? Status() : noPlanFor(contents.package, device->info());
}

Status Module::loadKernels() {
  loaded.resize(plan().kernels.size());
  std::vector<std::shared_ptr<DriverCode>> code(contents.package.code.size());
  for (const std::vector<Step> *steps : {&plan().prepare, &plan().steps})
    for (const Step &step : *steps)
      if (auto *launch = std::get_if<LaunchStep>(&step))
        HEED_TRY(loadKernel(launch->kernel, code).within("kernel '", plan().kernels[launch->kernel].name, "'"));
  return {};
}

Status Module::loadKernel(uint32_t kernel, std::vector<std::shared_ptr<DriverCode>> &code) {
  if (!loaded[kernel].empty())
    return {};
  const Kernel &description = plan().kernels[kernel];
  const DeviceInfo &info = device->info();
  for (const Variant &variant : description.variants) {
    if (!meets(variant, info))
      continue;
    if (!code[variant.code])
      HEED_TRY(device->loadCode(contents.package.code[variant.code], code[variant.code]));
    LoadedVariant candidate{&variant, nullptr};
    HEED_TRY(code[variant.code]->findKernel(variant, candidate.code));
    loaded[kernel].push_back(std::move(candidate));
    scratchBytes = std::max(scratchBytes, variant.workerScratchBytes);
    // Nothing after a variant that always applies is ever reached.
    if (variant.conditions.empty() && variant.operandAlignment == 1)
      break;
  }
  if (!loaded[kernel].empty())
    return {};
  std::vector<std::string> held;
  for (const Variant &variant : description.variants)
    held.push_back(concat("[", join(variant.features), "]"));
  return error(Code::wrongArchitecture, "the package holds variants for ", join(held), "; this device has ",
               join(info.features));
}

void Module::describeInputs() {
  stateInputs.resize(plan().inputs.size());
  for (const Output &output : plan().outputs)
    if (output.alias != noIndex)
      stateInputs[output.alias] = true;
  symbolSources.resize(plan().symbols.size());
  std::vector<bool> found(symbolSources.size(), false);
  auto bind = [&](int64_t symbol, SymbolSource source) {
    if (!found[symbol])
      symbolSources[symbol] = source;
    found[symbol] = true;
  };
  for (uint32_t i = 0; i < plan().inputs.size(); ++i) {
    const Input &input = plan().inputs[i];
    if (input.hostScalar != noIndex)
      bind(input.hostScalar, {i, SymbolSource::value});
    for (uint32_t dim = 0; dim < input.dims.size(); ++dim)
      if (const Expr &expr = plan().expressions[input.dims[dim]]; expr.op == ExprOp::symbol)
        bind(expr.a, {i, dim});
  }
}

Status Module::placeResidentBuffers() {
  const Plan &plan = this->plan();
  resident.resize(plan.buffers.size());
  residentSizes.resize(plan.buffers.size());
  Evaluation evaluation(plan, device->info());
  std::vector<int64_t> symbols(plan.symbols.size()), inputStrides(plan.inputs.size() * maxRank),
      outputStrides(plan.outputs.size() * maxRank);
  evaluation.run({symbols, inputStrides, outputStrides});
  for (size_t i = 0; i < plan.buffers.size(); ++i) {
    const Buffer &buffer = plan.buffers[i];
    if (buffer.kind == BufferKind::constant) {
      residentSizes[i] = static_cast<int64_t>(contents.package.constants[buffer.index].data.size());
    } else if (buffer.kind == BufferKind::persistent) {
      HEED_TRY(evaluation.get(buffer.bytes, concat("size of buffer ", i), residentSizes[i]));
      if (residentSizes[i] < 0)
        return error(Code::badPackage, "buffer ", i, " has a negative size");
      DriverMemory memory;
      HEED_TRY(memory.allocate(*device, static_cast<uint64_t>(residentSizes[i])));
      resident[i] = memory.pointer();
      owned.push_back(std::move(memory));
    }
  }
  return device->info().memoryIsHost ? mapConstants() : uploadConstants();
}

/// The device reads the package where it is mapped.
Status Module::mapConstants() {
  for (size_t i = 0; i < plan().buffers.size(); ++i)
    if (plan().buffers[i].kind == BufferKind::constant) {
      auto data = contents.package.constants[plan().buffers[i].index].data;
      HEED_TRY(device->wrap(MemoryKind::host, const_cast<std::byte *>(data.data()), data.size(), resident[i]));
    }
  return {};
}

/// The constants that this plan uses, each once.
Status Module::uploadConstants() {
  std::unique_ptr<DriverQueue> queue;
  HEED_TRY(device->createQueue(queue));
  std::map<uint32_t, DevicePointer> uploaded;
  for (size_t i = 0; i < plan().buffers.size(); ++i) {
    const Buffer &buffer = plan().buffers[i];
    if (buffer.kind != BufferKind::constant)
      continue;
    if (auto known = uploaded.find(buffer.index); known != uploaded.end()) {
      resident[i] = known->second;
      continue;
    }
    const ConstantTensor &constant = contents.package.constants[buffer.index];
    DriverMemory memory;
    HEED_TRY(memory.allocate(*device, constant.data.size()).within("constant '", constant.name, "'"));
    HEED_TRY(device->upload(*queue, memory.pointer(), constant.data.data(), constant.data.size()));
    resident[i] = uploaded[buffer.index] = memory.pointer();
    owned.push_back(std::move(memory));
  }
  return queue->synchronize();
}

Status Module::runPrepare() {
  const Plan &plan = this->plan();
  if (plan.prepare.empty())
    return {};
  std::vector<PlacedBuffer> buffers(plan.buffers.size());
  for (size_t i = 0; i < buffers.size(); ++i)
    buffers[i] = {resident[i], {0, residentSizes[i]}};
  Evaluation evaluation(plan, device->info());
  std::vector<int64_t> symbols(plan.symbols.size()), inputStrides(plan.inputs.size() * maxRank),
      outputStrides(plan.outputs.size() * maxRank);
  evaluation.run({symbols, inputStrides, outputStrides});
  StepRunner runner(*this, plan.prepare);
  HEED_TRY(runner.resolve(evaluation, buffers));
  std::unique_ptr<DriverContext> context;
  std::unique_ptr<DriverQueue> queue;
  HEED_TRY(device->createContext(scratchBytes, context));
  HEED_TRY(device->createQueue(queue));
  HEED_TRY(runner.run(*context, *queue, buffers, [](size_t) { return Status(); }));
  return queue->synchronize();
}

} // namespace heed::rt
