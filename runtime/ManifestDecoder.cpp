#include "runtime/ManifestDecoder.h"

#include "runtime/package_generated.h"

#include <algorithm>

namespace heed::rt {
namespace {

/// FlatBuffers lets many references share one table, so a small file could decode into an enormous structure. The
/// writer never shares: what is decoded may not be larger than what was read.
class Decoder {
public:
  Decoder(std::span<const std::byte> file, std::span<const SectionEntry> sections, size_t manifestBytes)
      : file(file), sections(sections), budget(manifestBytes) {}

  Status decode(const fb::Manifest &manifest, Package &package) {
    package.model = text(manifest.model());
    package.producer = text(manifest.producer());
    HEED_TRY(tables(manifest.constants(), package.constants, &Decoder::constant));
    HEED_TRY(tables(manifest.code(), package.code, &Decoder::code));
    HEED_TRY(tables(manifest.plans(), package.plans, &Decoder::plan));
    return charge(0);
  }

private:
  Status charge(size_t bytes) {
    spent += bytes;
    return spent <= budget ? Status() : error(Code::badPackage, "the manifest refers to the same data many times");
  }

  std::string text(const flatbuffers::String *value) {
    if (!value)
      return {};
    spent += value->size();
    return spent <= budget ? value->str() : std::string();
  }

  template <typename Table, typename Value>
  Status tables(const flatbuffers::Vector<flatbuffers::Offset<Table>> *list, std::vector<Value> &values,
                Status (Decoder::*decodeOne)(const Table &, Value &)) {
    if (!list)
      return {};
    HEED_TRY(charge(list->size() * sizeof(flatbuffers::uoffset_t)));
    values.resize(list->size());
    for (flatbuffers::uoffset_t i = 0; i < list->size(); ++i)
      HEED_TRY((this->*decodeOne)(*list->Get(i), values[i]));
    return {};
  }

  /// Numbers; `Value` may be an enum of the same width.
  template <typename Number, typename Value>
  Status numbers(const flatbuffers::Vector<Number> *list, std::vector<Value> &values) {
    if (!list)
      return {};
    HEED_TRY(checkAligned<Number>(*list));
    HEED_TRY(charge(list->size() * sizeof(Number)));
    values.reserve(list->size());
    for (Number number : *list)
      values.push_back(static_cast<Value>(number));
    return {};
  }

  /// Fixed-size structs; FlatBuffers' verifier does not look at their alignment.
  template <typename Struct, typename Value, typename Convert>
  Status structs(const flatbuffers::Vector<const Struct *> *list, std::vector<Value> &values, Convert convert) {
    if (!list)
      return {};
    HEED_TRY(checkAligned<Struct>(*list));
    HEED_TRY(charge(list->size() * sizeof(Struct)));
    values.reserve(list->size());
    for (const Struct *entry : *list)
      values.push_back(convert(*entry));
    return {};
  }

  template <typename Element> static Status checkAligned(const auto &list) {
    bool aligned = list.size() == 0 || reinterpret_cast<uintptr_t>(list.Data()) % alignof(Element) == 0;
    return aligned ? Status() : error(Code::badPackage, "the manifest holds misaligned data");
  }

  template <size_t size>
  Status triple(const flatbuffers::Vector<uint32_t> *list, std::string_view what, std::array<uint32_t, size> &values) {
    if (!list || list->size() != size)
      return error(Code::badPackage, what, " must have ", size, " entries");
    std::copy(list->begin(), list->end(), values.begin());
    return charge(size * sizeof(uint32_t));
  }

  Status texts(const flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>> *list,
               std::vector<std::string> &values) {
    if (!list)
      return {};
    HEED_TRY(charge(list->size() * sizeof(flatbuffers::uoffset_t)));
    for (const flatbuffers::String *value : *list)
      values.push_back(text(value));
    return {};
  }

  Status section(uint32_t index, SectionKind kind, std::span<const std::byte> &bytes) {
    if (index >= sections.size() || sections[index].kind != static_cast<uint32_t>(kind))
      return error(Code::badPackage, "no ", kind == SectionKind::code ? "code" : "constant", " section ", index);
    bytes = file.subspan(sections[index].offset, sections[index].bytes);
    return {};
  }

  Status constant(const fb::Constant &table, ConstantTensor &tensor) {
    tensor.name = text(table.name());
    tensor.type = static_cast<ElementType>(table.type());
    HEED_TRY(numbers(table.dims(), tensor.dims));
    std::span<const std::byte> all;
    HEED_TRY(section(0, SectionKind::constants, all));
    if (table.offset() > all.size() || table.bytes() > all.size() - table.offset() ||
        table.offset() % constantAlignment != 0)
      return error(Code::badPackage, "constant '", tensor.name, "' lies outside the constant section");
    tensor.data = all.subspan(table.offset(), table.bytes());
    return {};
  }

  Status code(const fb::Code &table, CodeSection &code) {
    code.name = text(table.name());
    code.format = static_cast<CodeFormat>(table.format());
    return section(table.section(), SectionKind::code, code.data);
  }

  Status constraint(const fb::Constraint &table, Constraint &constraint) {
    constraint.left = table.left();
    constraint.relation = static_cast<Relation>(table.relation());
    constraint.right = table.right();
    constraint.message = text(table.message());
    return {};
  }

  Status input(const fb::Input &table, Input &input) {
    input.name = text(table.name());
    input.type = static_cast<ElementType>(table.type());
    input.strided = table.strided();
    input.hostScalar = table.host_scalar();
    return numbers(table.dims(), input.dims);
  }

  Status output(const fb::Output &table, Output &output) {
    output.name = text(table.name());
    output.type = static_cast<ElementType>(table.type());
    output.strided = table.strided();
    output.alias = table.alias();
    HEED_TRY(numbers(table.dims(), output.dims));
    return numbers(table.capacity(), output.capacity);
  }

  Status tensorMap(const fb::TensorMap &table, TensorMap &map) {
    map.operand = table.operand();
    map.elementBytes = table.element_bytes();
    map.offset = table.offset();
    map.swizzleBytes = table.swizzle_bytes();
    HEED_TRY(numbers(table.sizes(), map.sizes));
    HEED_TRY(numbers(table.strides(), map.strides));
    return numbers(table.box(), map.box);
  }

  Status variant(const fb::Variant &table, Variant &variant) {
    HEED_TRY(texts(table.features(), variant.features));
    HEED_TRY(structs(table.requirements(), variant.requirements, [](const fb::Requirement &requirement) {
      return Requirement{static_cast<DeviceProperty>(requirement.property()), requirement.minimum(),
                         requirement.maximum()};
    }));
    HEED_TRY(tables(table.conditions(), variant.conditions, &Decoder::constraint));
    variant.operandAlignment = table.operand_alignment();
    variant.code = table.code();
    variant.symbol = text(table.symbol());
    HEED_TRY(triple(table.grid(), "a grid", variant.grid));
    variant.workerScratchBytes = table.worker_scratch_bytes();
    HEED_TRY(triple(table.workgroup(), "a workgroup", variant.workgroup));
    variant.sharedBytes = table.shared_bytes();
    variant.residentWorkgroups = table.resident_workgroups();
    variant.hasUnevenPrograms = table.uneven_programs();
    variant.awaitsPrevious = table.awaits_previous();
    variant.opensCalls = table.opens_calls();
    return tables(table.tensor_maps(), variant.tensorMaps, &Decoder::tensorMap);
  }

  Status kernel(const fb::Kernel &table, Kernel &kernel) {
    kernel.name = text(table.name());
    kernel.explain.root = text(table.root());
    HEED_TRY(texts(table.fused(), kernel.explain.fused));
    kernel.explain.schedule = text(table.schedule());
    HEED_TRY(texts(table.notes(), kernel.explain.notes));
    HEED_TRY(texts(table.resources(), kernel.explain.code));
    kernel.flops = table.flops();
    kernel.bytes = table.bytes();
    kernel.fallback = table.fallback();
    HEED_TRY(numbers(table.operands(), kernel.operands));
    kernel.paramCount = table.param_count();
    return tables(table.variants(), kernel.variants, &Decoder::variant);
  }

  Status view(const fb::CopyView *table, CopyView &view) {
    if (!table)
      return error(Code::badPackage, "a copy lacks one side");
    view.buffer = table->buffer();
    view.offset = table->offset();
    return numbers(table->strides(), view.strides);
  }

  Status step(const fb::Step &table, Step &step) {
    if (const fb::LaunchStep *launch = table.action_as_LaunchStep()) {
      LaunchStep decoded;
      decoded.kernel = launch->kernel();
      HEED_TRY(structs(launch->operands(), decoded.operands, [](const fb::Operand &operand) {
        return Operand{operand.buffer(), operand.offset(), operand.bytes()};
      }));
      HEED_TRY(numbers(launch->params(), decoded.params));
      step = std::move(decoded);
      return {};
    }
    const fb::CopyStep *copy = table.action_as_CopyStep();
    if (!copy)
      return error(Code::badPackage, "unknown kind of step");
    CopyStep decoded;
    HEED_TRY(view(copy->source(), decoded.source));
    HEED_TRY(view(copy->destination(), decoded.destination));
    HEED_TRY(numbers(copy->sizes(), decoded.sizes));
    decoded.elementBytes = copy->element_bytes();
    step = std::move(decoded);
    return {};
  }

  Status plan(const fb::Plan &table, Plan &plan) {
    plan.target = text(table.target());
    HEED_TRY(texts(table.features(), plan.features));
    HEED_TRY(texts(table.symbols(), plan.symbols));
    std::vector<Expr> expressions;
    HEED_TRY(structs(table.expressions(), expressions,
                     [](const fb::Expr &expr) { return Expr{static_cast<ExprOp>(expr.op()), expr.a(), expr.b()}; }));
    for (const Expr &expr : expressions)
      plan.expressions.append(expr);
    HEED_TRY(tables(table.inputs(), plan.inputs, &Decoder::input));
    HEED_TRY(tables(table.outputs(), plan.outputs, &Decoder::output));
    HEED_TRY(tables(table.constraints(), plan.constraints, &Decoder::constraint));
    HEED_TRY(structs(table.buffers(), plan.buffers, [](const fb::Buffer &buffer) {
      return Buffer{static_cast<BufferKind>(buffer.kind()), buffer.index(), buffer.bytes(), buffer.first_step(),
                    buffer.last_step()};
    }));
    HEED_TRY(tables(table.kernels(), plan.kernels, &Decoder::kernel));
    HEED_TRY(tables(table.prepare(), plan.prepare, &Decoder::step));
    return tables(table.steps(), plan.steps, &Decoder::step);
  }

  std::span<const std::byte> file;
  std::span<const SectionEntry> sections;
  size_t budget;
  size_t spent = 0;
};

} // namespace

Status decodeManifest(std::span<const std::byte> manifest, std::span<const std::byte> file,
                      std::span<const SectionEntry> sections, Package &package) {
  auto *data = reinterpret_cast<const uint8_t *>(manifest.data());
  constexpr size_t maxManifestBytes = size_t(1) << 30;
  if (manifest.size() > maxManifestBytes)
    return error(Code::badPackage, "the manifest has ", manifest.size(), " bytes, the limit is ", maxManifestBytes);
  // A table takes at least four bytes, so an honest manifest cannot have more tables than this.
  auto maxTables = static_cast<flatbuffers::uoffset_t>(manifest.size() / 4);
  flatbuffers::Verifier verifier(data, manifest.size(), /*max_depth=*/64, maxTables);
  if (!fb::VerifyManifestBuffer(verifier))
    return error(Code::badPackage, "the manifest is no valid FlatBuffer");
  return Decoder(file, sections, manifest.size()).decode(*fb::GetManifest(data), package);
}

} // namespace heed::rt
