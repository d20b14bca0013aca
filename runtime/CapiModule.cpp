// heed.h: modules.
#include "runtime/CapiObjects.h"

using namespace heed::rt;

static std::vector<std::string> namesOf(const auto &list) {
  std::vector<std::string> names;
  for (const auto &entry : list)
    names.push_back(entry.name);
  return names;
}

static heed_module::TensorText describe(const Plan &plan, const std::vector<ExprId> &dims) {
  heed_module::TensorText text;
  auto inputs = namesOf(plan.inputs), outputs = namesOf(plan.outputs);
  for (ExprId dim : dims) {
    const Expr &expr = plan.expressions[dim];
    text.sizes.push_back(expr.op == ExprOp::constant ? expr.a : -1);
    text.dims.push_back(printExpr(plan.expressions, dim, {plan.symbols, inputs, outputs}));
  }
  for (const std::string &dim : text.dims)
    text.dimPointers.push_back(dim.c_str());
  return text;
}

static std::string describeVariant(const std::vector<LoadedVariant> &variants) {
  std::string text;
  if (!variants.empty())
    for (const std::string &feature : variants.front().variant->features)
      text += (text.empty() ? "" : " ") + feature;
  return text.empty() ? "generic" : text;
}

static Status load(heed_device *device, PackageBytes bytes, const heed_load_options &options, heed_module **out) {
  PackageContents contents;
  HEED_TRY(readPackage(bytes.get(), options.flags & HEED_LOAD_VERIFY_CONSTANTS, contents));
  std::unique_ptr<heed_device> opened;
  if (!device) {
    DriverOptions driverOptions;
    HEED_TRY(readDeviceOptions(options.device_options, driverOptions));
    std::shared_ptr<Driver> driver;
    HEED_TRY(openDeviceFor(contents.package, options.device ? options.device : "auto", driverOptions, driver));
    opened = std::make_unique<heed_device>(std::move(driver));
    device = opened.get();
  }
  auto created = std::make_unique<heed_module>(*device);
  HEED_TRY(Module::load(device->driver, std::move(bytes), std::move(contents), created->module));
  const Plan &plan = created->module->plan();
  for (const Input &input : plan.inputs)
    created->inputs.push_back(describe(plan, input.dims));
  for (const Output &output : plan.outputs)
    created->outputs.push_back(describe(plan, output.dims));
  for (uint32_t i = 0; i < plan.kernels.size(); ++i)
    created->variants.push_back(describeVariant(created->module->variants(i)));
  *out = created.release();
  return {};
}

static Status readOptions(const heed_load_options *options, const heed_device *device, heed_load_options &read) {
  read = {};
  if (!options)
    return {};
  if (options->struct_bytes != sizeof(heed_load_options))
    return error(Code::invalidArgument, "heed_load_options::struct_bytes is ", options->struct_bytes,
                 ", this library expects ", sizeof(heed_load_options));
  if (options->flags & ~uint32_t(HEED_LOAD_VERIFY_CONSTANTS | HEED_LOAD_COPY))
    return error(Code::invalidArgument, "unknown load flags ", options->flags);
  if (device && (options->device || options->device_options))
    return error(Code::invalidArgument, "a device is given twice: opened, and by name or options");
  read = *options;
  return {};
}

heed_status heed_module_load_file(heed_device *device, const char *path, const heed_load_options *options,
                                  heed_module **module) {
  return guarded([&]() -> Status {
    HEED_TRY(requireArguments(path && module));
    heed_load_options read;
    HEED_TRY(readOptions(options, device, read));
    PackageBytes bytes;
    HEED_TRY(PackageBytes::mapFile(path, bytes));
    return load(device, std::move(bytes), read, module).within(path);
  });
}

heed_status heed_module_load_memory(heed_device *device, const void *data, size_t bytes,
                                    const heed_load_options *options, heed_module **module) {
  return guarded([&]() -> Status {
    HEED_TRY(requireArguments(data && module));
    heed_load_options read;
    HEED_TRY(readOptions(options, device, read));
    std::span memory(static_cast<const std::byte *>(data), bytes);
    PackageBytes package;
    HEED_TRY(read.flags & HEED_LOAD_COPY ? PackageBytes::copy(memory, package) : PackageBytes::borrow(memory, package));
    return load(device, std::move(package), read, module);
  });
}

void heed_module_release(heed_module *module) { delete module; }

const char *heed_module_name(const heed_module *module) {
  return module ? module->module->package().model.c_str() : nullptr;
}

heed_device *heed_module_device(heed_module *module) { return module ? &module->device : nullptr; }

int32_t heed_module_input_count(const heed_module *module) {
  return module ? static_cast<int32_t>(module->inputs.size()) : 0;
}

int32_t heed_module_output_count(const heed_module *module) {
  return module ? static_cast<int32_t>(module->outputs.size()) : 0;
}

static Status checkIndex(int32_t index, size_t count) {
  if (index < 0 || static_cast<size_t>(index) >= count)
    return error(Code::invalidArgument, "index ", index, " is outside the ", count, " there are");
  return {};
}

template <typename Declared>
static heed_tensor_info tensorInfo(const Declared &declared, const heed_module::TensorText &text) {
  heed_tensor_info info = {};
  info.name = declared.name.c_str();
  info.type = static_cast<heed_element_type>(declared.type);
  info.rank = static_cast<int32_t>(text.sizes.size());
  info.sizes = text.sizes.data();
  info.dims = text.dimPointers.data();
  info.accepts_strides = declared.strided;
  info.alias = -1;
  return info;
}

heed_status heed_module_input(const heed_module *module, int32_t index, heed_tensor_info *info) {
  return guarded([&]() -> Status {
    HEED_TRY(requireArguments(module && info));
    HEED_TRY(checkIndex(index, module->inputs.size()));
    const Input &input = module->module->plan().inputs[index];
    *info = tensorInfo(input, module->inputs[index]);
    info->is_host_scalar = input.hostScalar != noIndex;
    return {};
  });
}

heed_status heed_module_output(const heed_module *module, int32_t index, heed_tensor_info *info) {
  return guarded([&]() -> Status {
    HEED_TRY(requireArguments(module && info));
    HEED_TRY(checkIndex(index, module->outputs.size()));
    const Output &output = module->module->plan().outputs[index];
    *info = tensorInfo(output, module->outputs[index]);
    info->alias = output.alias == noIndex ? -1 : static_cast<int32_t>(output.alias);
    return {};
  });
}

int32_t heed_module_plan_count(const heed_module *module) {
  return module ? static_cast<int32_t>(module->module->package().plans.size()) : 0;
}

const char *heed_module_plan_target(const heed_module *module, int32_t index) {
  if (!module || !checkIndex(index, module->module->package().plans.size()).ok())
    return nullptr;
  return module->module->package().plans[index].target.c_str();
}

int32_t heed_module_kernel_count(const heed_module *module) {
  return module ? static_cast<int32_t>(module->variants.size()) : 0;
}

heed_status heed_module_kernel(const heed_module *module, int32_t index, heed_kernel_info *info) {
  return guarded([&]() -> Status {
    HEED_TRY(requireArguments(module && info));
    HEED_TRY(checkIndex(index, module->variants.size()));
    const Kernel &kernel = module->module->plan().kernels[index];
    *info = {kernel.name.c_str(), kernel.explain.root.c_str(), kernel.explain.schedule.c_str(),
             module->variants[index].c_str(), kernel.fallback};
    return {};
  });
}

int32_t heed_module_fallback_count(const heed_module *module) {
  int32_t count = 0;
  if (module)
    for (const Kernel &kernel : module->module->plan().kernels)
      count += kernel.fallback;
  return count;
}
