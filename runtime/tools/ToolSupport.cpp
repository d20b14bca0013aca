#include "runtime/tools/ToolSupport.h"

#include "runtime/HostCopy.h"
#include "runtime/tools/Npy.h"

#include <charconv>
#include <cstdio>
#include <cstring>

namespace heed::tools {

using rt::Code;
using rt::ElementType;
using rt::error;
using rt::HostTensor;

int runTool(CLI::App &app, int argc, char **argv, const std::function<rt::Status()> &body) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success &answer) { // help or version
    app.exit(answer);
    return exitOk;
  } catch (const CLI::ParseError &failure) {
    std::fprintf(stderr, "%s: error: %s (see %s --help)\n", app.get_name().c_str(), failure.what(),
                 app.get_name().c_str());
    return exitUsage;
  }
  rt::Status status;
  try {
    status = body();
  } catch (const std::bad_alloc &) {
    status = error(Code::outOfMemory, "out of memory");
  }
  if (status.ok())
    return exitOk;
  std::fflush(stdout);
  std::fprintf(stderr, "%s: error: %s\n", app.get_name().c_str(), std::string(status.message()).c_str());
  return exitFailure;
}

rt::Status fromC(const heed::Status &status) {
  return status.ok() ? rt::Status() : rt::Status(static_cast<Code>(status.code()), std::string(status.message()));
}

std::string describeDevices(const std::vector<heed_device_entry> &entries) {
  std::string text;
  for (const heed_device_entry &entry : entries) {
    if (entry.id)
      text +=
          rt::concat(entry.id, ": ", entry.name, entry.is_software ? ", software" : "", " (", entry.features, ")\n");
    else
      text += rt::concat(entry.kind, ": none, ", entry.why_not, "\n");
  }
  return text;
}

static void printDevices() {
  auto list = DeviceList::create();
  if (!list)
    throw CLI::RuntimeError(std::string(list.message()), exitFailure);
  std::fputs(describeDevices(list->entries()).c_str(), stdout);
  throw CLI::Success();
}

CLI::Option *ModuleOptions::addTo(CLI::App &app) {
  CLI::Option *named = app.add_option("package", package, "The .heed package")->required();
  app.add_option("--device", device, "cpu, cuda:N, rocm:N, vulkan:N, or auto: the best that the package is made for")
      ->envname("HEED_DEVICE")
      ->capture_default_str();
  app.add_flag_callback("--list-devices", printDevices, "Print the devices there are, and why others are not");
  app.add_option("--threads", threads, "Threads of the CPU, 0 for all")->envname("HEED_THREADS");
  app.add_option("--isa", isa, "Highest CPU instruction set to use, e.g. x86-64-v2");
  app.add_flag("--verify", verify, "Check the hash of the constants too");
  return named;
}

heed_device_options ModuleOptions::deviceOptions() const {
  heed_device_options device = {};
  device.struct_bytes = sizeof(device);
  device.worker_count = threads;
  device.isa_limit = isa.empty() ? nullptr : isa.c_str();
  return device;
}

rt::Status Session::open(const ModuleOptions &options, const Device *device) {
  heed_device_options limits = options.deviceOptions();
  uint32_t flags = options.verify ? HEED_LOAD_VERIFY_CONSTANTS : 0;
  const char *package = options.package.c_str();
  HEED_TRY(take(device ? Module::loadFile(package, device, flags)
                       : Module::loadFileFor(package, options.device.c_str(), &limits, flags),
                module));
  inputs = module->inputs();
  outputs = module->outputs();
  return take(module->createCall(), call);
}

rt::Status splitNamed(const std::string &text, std::string &name, std::string &value) {
  size_t split = text.find('=');
  if (split == std::string::npos || split == 0)
    return error(Code::invalidArgument, "'", text, "' is not of the form name=value");
  name = text.substr(0, split);
  value = text.substr(split + 1);
  return {};
}

rt::Status readTensorFile(const std::string &path, ElementType wanted, HostTensor &tensor) {
  HEED_TRY(rt::readNpy(path, tensor));
  if (wanted == ElementType::bf16 && tensor.type == ElementType::u16)
    tensor.type = ElementType::bf16;
  return {};
}

static rt::Status parseNumber(std::string_view text, HostTensor &tensor, int64_t index) {
  while (!text.empty() && text.front() == ' ')
    text.remove_prefix(1);
  if (text == "true" || text == "false") {
    tensor.setNumber(index, text == "true");
    return {};
  }
  const char *end = text.data() + text.size();
  // 64-bit integers do not all fit a double.
  if (tensor.type == ElementType::i64) {
    int64_t value;
    if (auto [stop, code] = std::from_chars(text.data(), end, value); code == std::errc() && stop == end) {
      std::memcpy(tensor.data.data() + index * 8, &value, 8);
      return {};
    }
  }
  double value;
  auto [stop, code] = std::from_chars(text.data(), end, value);
  if (code != std::errc() || stop != end)
    return error(Code::invalidArgument, "'", text, "' is no number");
  tensor.setNumber(index, value);
  return {};
}

rt::Status parseTensor(const std::string &text, ElementType wanted, HostTensor &tensor) {
  if (text.starts_with('@'))
    return readTensorFile(text.substr(1), wanted, tensor);
  size_t split = text.find('=');
  if (split == std::string::npos)
    return error(Code::invalidArgument, "'", text, "' is neither @file.npy nor shape=values, such as 2x3xf32=0");
  ElementType type;
  std::vector<int64_t> sizes;
  HEED_TRY(rt::parseShape(std::string_view(text).substr(0, split), type, sizes));
  HEED_TRY(rt::makeTensor(type, sizes, tensor));
  std::vector<std::string_view> values;
  for (std::string_view rest = std::string_view(text).substr(split + 1); !rest.empty();) {
    size_t comma = std::min(rest.find(','), rest.size());
    values.push_back(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  int64_t count = tensor.elementCount();
  if (static_cast<int64_t>(values.size()) != count && values.size() != 1)
    return error(Code::invalidArgument, "shape ", rt::printShape(type, sizes), " has ", count, " elements, got ",
                 values.size(), " values");
  for (int64_t i = 0; i < count; ++i)
    HEED_TRY(parseNumber(values[values.size() == 1 ? 0 : i], tensor, i));
  return {};
}

ElementType declaredType(const std::vector<heed_tensor_info> &infos, const std::string &name) {
  for (const heed_tensor_info &info : infos)
    if (name == info.name)
      return static_cast<ElementType>(info.type);
  return ElementType::f32;
}

TensorView viewOf(HostTensor &tensor) {
  return TensorView(tensor.data.data(), static_cast<heed_element_type>(tensor.type), tensor.sizes);
}

HostTensor copyOutput(const heed_tensor_view &view) {
  HostTensor tensor;
  tensor.type = static_cast<ElementType>(view.type);
  tensor.sizes.assign(view.sizes, view.sizes + view.rank);
  std::vector<int64_t> dense(tensor.sizes.size());
  int64_t count = 1;
  for (size_t i = dense.size(); i-- > 0;) {
    dense[i] = count;
    count *= tensor.sizes[i];
  }
  auto width = static_cast<uint32_t>(rt::byteWidth(tensor.type));
  tensor.data.resize(static_cast<size_t>(count) * width);
  rt::copyOnHost(static_cast<uint32_t>(view.rank), view.sizes, width, static_cast<const std::byte *>(view.data),
                 view.strides, tensor.data.data(), dense.data());
  return tensor;
}

} // namespace heed::tools
