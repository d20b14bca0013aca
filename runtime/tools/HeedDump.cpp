// heed-dump: prints what a package holds. Needs neither a device nor MLIR.
#include "runtime/Arena.h"
#include "runtime/Evaluation.h"
#include "runtime/PackageReader.h"
#include "runtime/tools/PlanPrinter.h"
#include "runtime/tools/ToolSupport.h"

#include <charconv>
#include <cstdio>

using namespace heed::rt;

namespace {

struct Options {
  std::string package;
  std::string arena;
  std::string target;
  bool verify = false;
};

const char *formatName(CodeFormat format) {
  constexpr const char *names[] = {"cpu-elf", "cubin", "ptx", "hsaco", "spirv"};
  return names[static_cast<uint8_t>(format)];
}

void printPackage(const PackageContents &contents) {
  const PackageHeader &header = contents.header;
  const Package &package = contents.package;
  std::printf("package '%s', format %u, %llu bytes, by %s\n", package.model.c_str(), header.version,
              static_cast<unsigned long long>(header.fileBytes), package.producer.c_str());
  std::printf("\nsections\n");
  std::printf("  manifest   offset %10llu  bytes %10llu  hash %016llx\n",
              static_cast<unsigned long long>(header.manifestOffset),
              static_cast<unsigned long long>(header.manifestBytes),
              static_cast<unsigned long long>(header.manifestHash));
  for (const SectionEntry &section : contents.sections)
    std::printf("  %-9s  offset %10llu  bytes %10llu  hash %016llx\n",
                section.kind == static_cast<uint32_t>(SectionKind::constants) ? "constants" : "code",
                static_cast<unsigned long long>(section.offset), static_cast<unsigned long long>(section.bytes),
                static_cast<unsigned long long>(section.hash));
  std::printf("\ncode\n");
  for (const CodeSection &code : package.code)
    std::printf("  %-10s %-8s %zu bytes\n", code.name.c_str(), formatName(code.format), code.data.size());
  std::printf("\nconstants\n");
  for (const ConstantTensor &tensor : package.constants)
    std::printf("  %s: %s\n", tensor.name.c_str(), printShape(tensor.type, tensor.dims).c_str());
}

/// Reads "batch=1,seq=128" into values of the plan's symbols.
Status parseSymbols(const Plan &plan, const std::string &text, std::vector<int64_t> &values) {
  std::vector<bool> given(plan.symbols.size(), false);
  values.assign(plan.symbols.size(), 0);
  for (std::string_view rest = text; !rest.empty();) {
    size_t comma = std::min(rest.find(','), rest.size());
    std::string name, value;
    HEED_TRY(heed::tools::splitNamed(std::string(rest.substr(0, comma)), name, value).within("--arena"));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    auto symbol = std::find(plan.symbols.begin(), plan.symbols.end(), name);
    if (symbol == plan.symbols.end())
      return error(Code::notFound, "--arena: the plan has no symbol '", name, "'");
    size_t index = static_cast<size_t>(symbol - plan.symbols.begin());
    auto [end, code] = std::from_chars(value.data(), value.data() + value.size(), values[index]);
    if (code != std::errc() || end != value.data() + value.size())
      return error(Code::invalidArgument, "--arena: '", value, "' is no number");
    given[index] = true;
  }
  for (size_t i = 0; i < given.size(); ++i)
    if (!given[i])
      return error(Code::invalidArgument, "--arena: symbol '", plan.symbols[i], "' has no value; give all of them");
  return {};
}

/// Strides are those of dense tensors.
Status denseEnvironment(const Plan &plan, Evaluation &evaluation, const std::vector<int64_t> &symbols) {
  std::vector<int64_t> inputStrides(plan.inputs.size() * maxRank), outputStrides(plan.outputs.size() * maxRank);
  evaluation.run({symbols, inputStrides, outputStrides});
  auto fill = [&](const auto &tensors, std::vector<int64_t> &strides) -> Status {
    for (size_t i = 0; i < tensors.size(); ++i) {
      int64_t stride = 1, size;
      for (size_t dim = tensors[i].dims.size(); dim-- > 0; stride *= std::max<int64_t>(size, 1)) {
        HEED_TRY(evaluation.get(tensors[i].dims[dim], "size", size).within("'", tensors[i].name, "'"));
        strides[i * maxRank + dim] = stride;
      }
    }
    return {};
  };
  HEED_TRY(fill(plan.inputs, inputStrides));
  HEED_TRY(fill(plan.outputs, outputStrides));
  evaluation.run({symbols, inputStrides, outputStrides});
  return {};
}

Status printArena(const Plan &plan, const std::string &text) {
  std::vector<int64_t> symbols;
  HEED_TRY(parseSymbols(plan, text, symbols));
  DeviceInfo device;
  device.properties[static_cast<size_t>(DeviceProperty::workers)] = 1;
  Evaluation evaluation(plan, device);
  HEED_TRY(denseEnvironment(plan, evaluation, symbols));
  std::vector<ArenaRequest> requests;
  std::vector<size_t> buffers;
  int64_t sum = 0;
  for (size_t i = 0; i < plan.buffers.size(); ++i) {
    const Buffer &buffer = plan.buffers[i];
    if (buffer.kind != BufferKind::arena)
      continue;
    ArenaRequest request{0, buffer.firstStep, buffer.lastStep};
    HEED_TRY(evaluation.get(buffer.bytes, "size", request.bytes).within("buffer ", i));
    if (request.bytes < 0)
      return error(Code::invalidArgument, "buffer ", i, " would have ", request.bytes, " bytes");
    requests.push_back(request);
    buffers.push_back(i);
    sum += request.bytes;
  }
  std::vector<int64_t> offsets(requests.size());
  int64_t total = ArenaPlanner(requests.size()).layOut(requests, offsets);
  if (total < 0)
    return error(Code::outOfMemory, "the arena does not fit into 2^62 bytes");
  std::printf("\narena with %s: %lld bytes for values of %lld bytes\n", text.c_str(), static_cast<long long>(total),
              static_cast<long long>(sum));
  for (size_t i = 0; i < requests.size(); ++i)
    std::printf("  buffer %4zu  offset %12lld  bytes %12lld  steps %u to %u\n", buffers[i],
                static_cast<long long>(offsets[i]), static_cast<long long>(requests[i].bytes), requests[i].first,
                requests[i].last);
  return {};
}

Status dump(const Options &options) {
  PackageBytes bytes;
  HEED_TRY(PackageBytes::mapFile(options.package, bytes));
  PackageContents contents;
  HEED_TRY(readPackage(bytes.get(), options.verify, contents).within(options.package));
  printPackage(contents);
  bool found = false;
  for (const Plan &plan : contents.package.plans) {
    if (!options.target.empty() && plan.target != options.target)
      continue;
    found = true;
    std::fputs(printPlan(contents.package, plan).c_str(), stdout);
    if (!options.arena.empty())
      HEED_TRY(printArena(plan, options.arena));
  }
  if (!found && !options.target.empty())
    return error(Code::notFound, options.package, ": no plan for target '", options.target, "'");
  return {};
}

} // namespace

int main(int argc, char **argv) {
  Options options;
  CLI::App app("Prints what a compiled model holds.", "heed-dump");
  app.add_option("package", options.package, "The .heed package")->required();
  app.add_option("--target", options.target, "Only the plans of this target, e.g. cpu");
  app.add_option("--arena", options.arena, "Lay out the memory between kernels for sizes such as batch=1,seq=128");
  app.add_flag("--verify", options.verify, "Check the hash of the constants too");
  return heed::tools::runTool(app, argc, argv, [&] { return dump(options); });
}
