// libFuzzer target: whatever the bytes of a package are, reading, printing and running it never touches memory it
// should not. Code is not loaded: kernels are replaced by ones that touch exactly what their operands allow.
#include "runtime/Call.h"
#include "runtime/PackageFormat.h"
#include "runtime/tools/PlanPrinter.h"

#include <cstdlib>
#include <cstring>

using namespace heed::rt;

namespace {

struct TouchingKernel : DriverKernel {};

struct TouchingCode : DriverCode {
  Status findKernel(const Variant &, std::unique_ptr<DriverKernel> &kernel) override {
    kernel = std::make_unique<TouchingKernel>();
    return {};
  }
};

struct InstantQueue : DriverQueue {
  Status synchronize() override { return {}; }
};

std::byte *address(DevicePointer pointer) { return static_cast<std::byte *>(pointer.base) + pointer.offset; }

struct TouchingContext : DriverContext {
  Status launch(DriverQueue &, const Launch &) override { return {}; }
  Status copy(DriverQueue &, const StridedCopy &copy) override {
    // The corners of both views are enough: everything else lies between them.
    int64_t firstSource = 0, lastSource = 0, firstDestination = 0, lastDestination = 0;
    for (uint32_t i = 0; i < copy.rank; ++i) {
      (copy.sourceStrides[i] < 0 ? firstSource : lastSource) += (copy.sizes[i] - 1) * copy.sourceStrides[i];
      (copy.destinationStrides[i] < 0 ? firstDestination : lastDestination) +=
          (copy.sizes[i] - 1) * copy.destinationStrides[i];
    }
    for (auto [from, to] : {std::pair{firstSource, firstDestination}, std::pair{lastSource, lastDestination}})
      std::memmove(address(copy.destination) + to * copy.elementBytes, address(copy.source) + from * copy.elementBytes,
                   copy.elementBytes);
    return {};
  }
};

class TouchingDriver : public Driver {
public:
  TouchingDriver() {
    description.kind = "cpu";
    description.memoryIsHost = true;
    description.features = {"x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4"};
    description.properties = {2, 32768, 524288, 0, 0, 64, 0};
  }
  const DeviceInfo &info() const override { return description; }
  Status allocate(uint64_t bytes, DevicePointer &memory) override {
    if (bytes > (1 << 20))
      return error(Code::outOfMemory, "too large for a fuzzer");
    memory = {std::malloc(bytes), 0};
    return {};
  }
  void free(DevicePointer memory) override { std::free(memory.base); }
  Status wrap(MemoryKind, void *memory, uint64_t, DevicePointer &pointer) override {
    pointer = {memory, 0};
    return {};
  }
  void *hostAddress(DevicePointer pointer) override { return address(pointer); }
  uint64_t deviceAddress(DevicePointer pointer) const override { return reinterpret_cast<uintptr_t>(address(pointer)); }
  Status upload(DriverQueue &, DevicePointer destination, const void *source, uint64_t bytes) override {
    std::memcpy(address(destination), source, bytes);
    return {};
  }
  Status download(DriverQueue &, void *destination, DevicePointer source, uint64_t bytes) override {
    std::memcpy(destination, address(source), bytes);
    return {};
  }
  Status loadCode(const CodeSection &, std::shared_ptr<DriverCode> &loaded) override {
    loaded = std::make_shared<TouchingCode>();
    return {};
  }
  Status createContext(uint64_t, std::unique_ptr<DriverContext> &context) override {
    context = std::make_unique<TouchingContext>();
    return {};
  }
  Status createQueue(std::unique_ptr<DriverQueue> &queue) override {
    queue = std::make_unique<InstantQueue>();
    return {};
  }
  Status recordEvent(DriverQueue &, bool, std::unique_ptr<DriverEvent> &) override { return {}; }

private:
  DeviceInfo description;
};

/// Gives header, table and manifest the hashes they need, so that the fuzzer gets behind them.
void fixHashes(std::vector<std::byte> &bytes) {
  PackageHeader header;
  if (bytes.size() < sizeof(header))
    return;
  std::memcpy(&header, bytes.data(), sizeof(header));
  header.fileBytes = bytes.size();
  auto inside = [&](uint64_t offset, uint64_t size) { return offset <= bytes.size() && size <= bytes.size() - offset; };
  if (header.sectionCount == 0 || header.sectionCount > 64 ||
      !inside(header.sectionTableOffset, header.sectionCount * sizeof(SectionEntry)) ||
      !inside(header.manifestOffset, header.manifestBytes))
    return;
  std::vector<SectionEntry> sections(header.sectionCount);
  std::memcpy(static_cast<void *>(sections.data()), bytes.data() + header.sectionTableOffset,
              sections.size() * sizeof(SectionEntry));
  for (SectionEntry &section : sections)
    if (inside(section.offset, section.bytes))
      section.hash = hashBytes(std::span(bytes).subspan(section.offset, section.bytes));
  std::memcpy(bytes.data() + header.sectionTableOffset, sections.data(), sections.size() * sizeof(SectionEntry));
  header.manifestHash = hashBytes(std::span(bytes).subspan(header.manifestOffset, header.manifestBytes));
  header.headerHash = hashHeader(header, sections);
  std::memcpy(bytes.data(), &header, sizeof(header));
}

/// Binds every input with symbols of 3 and runs; all failures are fine.
void runOnce(const std::shared_ptr<const Module> &module) {
  std::unique_ptr<Call> call;
  if (!Call::create(module, call).ok())
    return;
  const Plan &plan = module->plan();
  Evaluation evaluation(plan, module->driver().info());
  std::vector<int64_t> symbols(plan.symbols.size(), 3), inputStrides(plan.inputs.size() * maxRank),
      outputStrides(plan.outputs.size() * maxRank);
  evaluation.run({symbols, inputStrides, outputStrides});
  std::vector<std::vector<std::byte>> memory;
  for (const Input &input : plan.inputs) {
    Tensor tensor;
    tensor.type = input.type;
    tensor.rank = static_cast<uint32_t>(input.dims.size());
    for (uint32_t i = 0; i < tensor.rank; ++i)
      tensor.sizes[i] = evaluation.tryGet(input.dims[i]).value_or(1);
    int64_t bytes;
    if (!denseStrides(tensor.rank, tensor.sizes, byteWidth(tensor.type), tensor.strides, bytes).ok() ||
        bytes > (1 << 16))
      return;
    memory.emplace_back(static_cast<size_t>(bytes), std::byte{3});
    tensor.memory = {memory.back().data(), 0};
    if (!call->bindInput(input.name, tensor).ok())
      return;
  }
  for (int i = 0; i < 2; ++i)
    if (!call->run(nullptr).ok())
      return;
  for (const Output &output : plan.outputs) {
    Tensor tensor;
    (void)call->output(output.name, true, tensor);
  }
}

void tryPackage(std::span<const std::byte> data) {
  PackageBytes bytes;
  PackageContents contents;
  if (!PackageBytes::copy(data, bytes).ok() || !readPackage(bytes.get(), true, contents).ok())
    return;
  for (const Plan &plan : contents.package.plans)
    (void)printPlan(contents.package, plan);
  std::shared_ptr<const Module> module;
  if (Module::load(std::make_shared<TouchingDriver>(), std::move(bytes), std::move(contents), module).ok())
    runOnce(module);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto bytes = std::as_bytes(std::span(data, size));
  tryPackage(bytes);
  std::vector<std::byte> fixed(bytes.begin(), bytes.end());
  fixHashes(fixed);
  tryPackage(fixed);
  return 0;
}
