#include "runtime/PackageWriter.h"

#include "runtime/AtomicFile.h"
#include "runtime/PackageFormat.h"
#include "runtime/PlanVerifier.h"
#include "runtime/package_generated.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>

namespace heed::rt {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

using Names = Offset<flatbuffers::Vector<Offset<flatbuffers::String>>>;

/// Where the writer put each constant: constants with equal bytes share one place.
struct ConstantLayout {
  std::vector<uint64_t> offsets;
  std::vector<uint32_t> stored; // constants whose bytes are written, in order
  uint64_t bytes = 0;
};

uint64_t alignTo(uint64_t value, uint64_t alignment) { return (value + alignment - 1) / alignment * alignment; }

bool sameBytes(std::span<const std::byte> a, std::span<const std::byte> b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

ConstantLayout layOutConstants(const std::vector<ConstantTensor> &constants) {
  ConstantLayout layout;
  std::unordered_multimap<uint64_t, uint32_t> byHash;
  for (uint32_t i = 0; i < constants.size(); ++i) {
    auto data = constants[i].data;
    uint64_t hash = hashBytes(data);
    auto [begin, end] = byHash.equal_range(hash);
    auto twin = std::find_if(begin, end, [&](auto &entry) { return sameBytes(constants[entry.second].data, data); });
    if (twin != end) {
      layout.offsets.push_back(layout.offsets[twin->second]);
      continue;
    }
    byHash.emplace(hash, i);
    layout.offsets.push_back(alignTo(layout.bytes, constantAlignment));
    layout.stored.push_back(i);
    layout.bytes = layout.offsets.back() + data.size();
  }
  return layout;
}

/// Turns the structs of PlanModel.h into the tables of package.fbs.
class ManifestBuilder {
public:
  std::vector<std::byte> build(const Package &package, const ConstantLayout &layout, uint32_t firstCodeSection) {
    std::vector<Offset<fb::Constant>> constants;
    for (size_t i = 0; i < package.constants.size(); ++i) {
      const ConstantTensor &tensor = package.constants[i];
      constants.push_back(fb::CreateConstant(builder, text(tensor.name), static_cast<uint8_t>(tensor.type),
                                             builder.CreateVector(tensor.dims), layout.offsets[i], tensor.data.size()));
    }
    std::vector<Offset<fb::Code>> code;
    for (uint32_t i = 0; i < package.code.size(); ++i)
      code.push_back(fb::CreateCode(builder, text(package.code[i].name), static_cast<uint8_t>(package.code[i].format),
                                    firstCodeSection + i));
    std::vector<Offset<fb::Plan>> plans;
    for (const Plan &plan : package.plans)
      plans.push_back(writePlan(plan));
    auto manifest =
        fb::CreateManifest(builder, text(package.model), text(package.producer), builder.CreateVector(constants),
                           builder.CreateVector(code), builder.CreateVector(plans));
    fb::FinishManifestBuffer(builder, manifest);
    auto bytes = std::as_bytes(std::span(builder.GetBufferPointer(), builder.GetSize()));
    return {bytes.begin(), bytes.end()};
  }

private:
  Offset<flatbuffers::String> text(const std::string &value) { return builder.CreateString(value); }
  Names texts(const std::vector<std::string> &values) { return builder.CreateVectorOfStrings(values); }

  /// Writes one table an element of `values` and returns the vector of them.
  template <typename Value, typename Function> auto tables(const std::vector<Value> &values, Function write) {
    std::vector<decltype(write(values.front()))> offsets;
    for (const Value &value : values)
      offsets.push_back(write(value));
    return builder.CreateVector(offsets);
  }

  Offset<fb::Constraint> writeConstraint(const Constraint &constraint) {
    return fb::CreateConstraint(builder, constraint.left, static_cast<uint8_t>(constraint.relation), constraint.right,
                                text(constraint.message));
  }

  auto writeConstraints(const std::vector<Constraint> &constraints) {
    return tables(constraints, [&](const Constraint &constraint) { return writeConstraint(constraint); });
  }

  Offset<fb::CopyView> writeView(const CopyView &view) {
    return fb::CreateCopyView(builder, view.buffer, view.offset, builder.CreateVector(view.strides));
  }

  Offset<fb::Step> writeStep(const Step &step) {
    if (auto *launch = std::get_if<LaunchStep>(&step)) {
      std::vector<fb::Operand> operands;
      for (const Operand &operand : launch->operands)
        operands.emplace_back(operand.buffer, operand.offset, operand.bytes);
      auto action = fb::CreateLaunchStep(builder, launch->kernel, builder.CreateVectorOfStructs(operands),
                                         builder.CreateVector(launch->params));
      return fb::CreateStep(builder, fb::StepAction_LaunchStep, action.Union());
    }
    const auto &copy = std::get<CopyStep>(step);
    auto action = fb::CreateCopyStep(builder, writeView(copy.source), writeView(copy.destination),
                                     builder.CreateVector(copy.sizes), copy.elementBytes);
    return fb::CreateStep(builder, fb::StepAction_CopyStep, action.Union());
  }

  Offset<fb::TensorMap> writeTensorMap(const TensorMap &map) {
    return fb::CreateTensorMap(builder, map.operand, map.elementBytes, map.offset, builder.CreateVector(map.sizes),
                               builder.CreateVector(map.strides), builder.CreateVector(map.box), map.swizzleBytes);
  }

  Offset<fb::Variant> writeVariant(const Variant &variant) {
    std::vector<fb::Requirement> requirements;
    for (const Requirement &requirement : variant.requirements)
      requirements.emplace_back(static_cast<uint8_t>(requirement.property), requirement.minimum, requirement.maximum);
    return fb::CreateVariant(
        builder, texts(variant.features), builder.CreateVectorOfStructs(requirements),
        writeConstraints(variant.conditions), variant.operandAlignment, variant.code, text(variant.symbol),
        builder.CreateVector(variant.grid.data(), variant.grid.size()), variant.workerScratchBytes,
        builder.CreateVector(variant.workgroup.data(), variant.workgroup.size()), variant.sharedBytes,
        tables(variant.tensorMaps, [&](const TensorMap &map) { return writeTensorMap(map); }),
        variant.residentWorkgroups, variant.hasUnevenPrograms, variant.awaitsPrevious, variant.opensCalls);
  }

  Offset<fb::Kernel> writeKernel(const Kernel &kernel) {
    std::vector<uint8_t> accesses;
    for (Access access : kernel.operands)
      accesses.push_back(static_cast<uint8_t>(access));
    auto variants = tables(kernel.variants, [&](const Variant &variant) { return writeVariant(variant); });
    const Explain &explain = kernel.explain;
    return fb::CreateKernel(builder, text(kernel.name), text(explain.root), texts(explain.fused),
                            text(explain.schedule), texts(explain.notes), kernel.flops, kernel.bytes, kernel.fallback,
                            builder.CreateVector(accesses), kernel.paramCount, variants, texts(explain.code));
  }

  Offset<fb::Input> writeInput(const Input &input) {
    return fb::CreateInput(builder, text(input.name), static_cast<uint8_t>(input.type),
                           builder.CreateVector(input.dims), input.strided, input.hostScalar);
  }

  Offset<fb::Output> writeOutput(const Output &output) {
    return fb::CreateOutput(builder, text(output.name), static_cast<uint8_t>(output.type),
                            builder.CreateVector(output.dims), output.strided, output.alias,
                            builder.CreateVector(output.capacity));
  }

  Offset<fb::Plan> writePlan(const Plan &plan) {
    std::vector<fb::Expr> expressions;
    for (const Expr &expr : plan.expressions.nodes())
      expressions.emplace_back(static_cast<uint8_t>(expr.op), expr.a, expr.b);
    std::vector<fb::Buffer> buffers;
    for (const Buffer &buffer : plan.buffers)
      buffers.emplace_back(static_cast<uint8_t>(buffer.kind), buffer.index, buffer.bytes, buffer.firstStep,
                           buffer.lastStep);
    auto step = [&](const Step &value) { return writeStep(value); };
    auto target = text(plan.target);
    auto features = texts(plan.features);
    auto symbols = texts(plan.symbols);
    auto expressionVector = builder.CreateVectorOfStructs(expressions);
    auto inputs = tables(plan.inputs, [&](const Input &input) { return writeInput(input); });
    auto outputs = tables(plan.outputs, [&](const Output &output) { return writeOutput(output); });
    auto constraints = writeConstraints(plan.constraints);
    auto bufferVector = builder.CreateVectorOfStructs(buffers);
    auto kernels = tables(plan.kernels, [&](const Kernel &kernel) { return writeKernel(kernel); });
    auto prepare = tables(plan.prepare, step);
    auto steps = tables(plan.steps, step);
    return fb::CreatePlan(builder, target, features, symbols, expressionVector, inputs, outputs, constraints,
                          bufferVector, kernels, prepare, steps);
  }

  FlatBufferBuilder builder;
};

/// Everything of a package but the section bytes, and where those go.
struct PackageLayout {
  PackageHeader header = {};
  std::vector<SectionEntry> sections; // constants first, if there are any; then code
  std::vector<std::byte> manifest;
  ConstantLayout constants;
};

/// Takes the package's bytes in file order and fills the gaps with zeros.
template <typename Emit> class PaddedStream {
public:
  PaddedStream(uint64_t position, Emit emit) : position(position), emit(emit) {}

  Status at(uint64_t offset, std::span<const std::byte> bytes) {
    static constexpr std::byte zeros[pageAlignment] = {};
    while (position < offset) {
      uint64_t gap = std::min<uint64_t>(offset - position, sizeof(zeros));
      HEED_TRY(emit(std::span(zeros, gap)));
      position += gap;
    }
    position += bytes.size();
    return emit(bytes);
  }

private:
  uint64_t position;
  Emit emit;
};

/// Passes every constant that is stored to `stream`, placed relative to `base`.
template <typename Stream>
Status streamConstants(const Package &package, const ConstantLayout &layout, uint64_t base, Stream &stream) {
  for (uint32_t index : layout.stored)
    HEED_TRY(stream.at(base + layout.offsets[index], package.constants[index].data));
  return {};
}

uint64_t hashConstants(const Package &package, const ConstantLayout &layout) {
  StreamHash hash;
  auto emit = [&](std::span<const std::byte> bytes) {
    hash.add(bytes);
    return Status();
  };
  PaddedStream stream(0, emit);
  (void)streamConstants(package, layout, 0, stream); // hashing cannot fail
  return hash.finish();
}

Status layOutPackage(const Package &package, PackageLayout &layout) {
  HEED_TRY(verifyPackage(package));
  layout.constants = layOutConstants(package.constants);
  bool hasConstants = !layout.constants.stored.empty();
  layout.manifest = ManifestBuilder().build(package, layout.constants, hasConstants ? 1 : 0);

  PackageHeader &header = layout.header;
  std::memcpy(header.magic, packageMagic, sizeof(packageMagic));
  header.version = packageVersion;
  header.headerBytes = sizeof(PackageHeader);
  header.sectionTableOffset = sizeof(PackageHeader);
  header.sectionCount = package.code.size() + (hasConstants ? 1 : 0);
  header.manifestOffset =
      alignTo(header.sectionTableOffset + header.sectionCount * sizeof(SectionEntry), manifestAlignment);
  header.manifestBytes = layout.manifest.size();
  header.manifestHash = hashBytes(layout.manifest);

  uint64_t end = header.manifestOffset + header.manifestBytes;
  auto addSection = [&](SectionKind kind, uint64_t alignment, uint64_t bytes, uint64_t hash) {
    uint64_t offset = alignTo(end, alignment);
    layout.sections.push_back({static_cast<uint32_t>(kind), 0, offset, bytes, hash});
    end = offset + bytes;
  };
  if (hasConstants)
    addSection(SectionKind::constants, pageAlignment, layout.constants.bytes, hashConstants(package, layout.constants));
  for (const CodeSection &code : package.code)
    addSection(SectionKind::code, codeAlignment, code.data.size(), hashBytes(code.data));
  header.fileBytes = end;
  header.headerHash = hashHeader(header, layout.sections);
  return {};
}

template <typename Emit> Status streamPackage(const Package &package, const PackageLayout &layout, Emit emit) {
  PaddedStream stream(0, emit);
  HEED_TRY(stream.at(0, std::as_bytes(std::span(&layout.header, 1))));
  HEED_TRY(stream.at(layout.header.sectionTableOffset, std::as_bytes(std::span(layout.sections))));
  HEED_TRY(stream.at(layout.header.manifestOffset, layout.manifest));
  size_t section = 0;
  if (!layout.constants.stored.empty())
    HEED_TRY(streamConstants(package, layout.constants, layout.sections[section++].offset, stream));
  for (const CodeSection &code : package.code)
    HEED_TRY(stream.at(layout.sections[section++].offset, code.data));
  return {};
}

} // namespace

Status writePackage(const Package &package, std::vector<std::byte> &bytes) {
  PackageLayout layout;
  HEED_TRY(layOutPackage(package, layout));
  bytes.clear();
  bytes.reserve(layout.header.fileBytes);
  return streamPackage(package, layout, [&](std::span<const std::byte> piece) {
    bytes.insert(bytes.end(), piece.begin(), piece.end());
    return Status();
  });
}

Status writePackageFile(const Package &package, const std::string &path) {
  PackageLayout layout;
  HEED_TRY(layOutPackage(package, layout));
  AtomicFile file;
  HEED_TRY(file.open(path));
  HEED_TRY(streamPackage(package, layout, [&](std::span<const std::byte> piece) { return file.write(piece); }));
  return file.commit();
}

} // namespace heed::rt
