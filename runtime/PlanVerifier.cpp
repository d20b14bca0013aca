#include "runtime/PlanVerifier.h"

#include <algorithm>
#include <bit>
#include <set>

namespace heed::rt {
namespace {

/// More than any device has. What the device at hand has is checked when the package is loaded.
constexpr uint64_t maxWorkgroupThreads = 4096;
constexpr uint64_t maxSharedBytes = uint64_t(1) << 20;
constexpr uint64_t maxWorkerScratch = uint64_t(1) << 30;
constexpr uint32_t maxOperandAlignment = 4096;

template <typename... Pieces> Status broken(const Pieces &...pieces) { return error(Code::badPackage, pieces...); }

std::string_view bufferKindName(BufferKind kind) {
  constexpr std::string_view names[] = {"input", "output", "constant", "arena", "persistent", "zeroed"};
  return names[static_cast<uint8_t>(kind)];
}

bool formatFits(std::string_view target, CodeFormat format) {
  if (target == "cpu")
    return format == CodeFormat::cpuElf;
  if (target == "cuda")
    return format == CodeFormat::cubin || format == CodeFormat::ptx;
  if (target == "rocm")
    return format == CodeFormat::hsaco;
  if (target == "vulkan")
    return format == CodeFormat::spirv;
  return true;
}

/// What the value of an expression depends on, as bits.
enum Dependence : uint8_t { onSymbol = 1, onInputStride = 2, onOutputStride = 4 };
constexpr uint8_t onCall = onSymbol | onInputStride | onOutputStride;

class PlanChecker {
public:
  PlanChecker(const Package &package, const Plan &plan) : package(package), plan(plan) {}

  Status run() {
    HEED_TRY(checkExpressions());
    HEED_TRY(checkNames("symbol", plan.symbols));
    HEED_TRY(checkNames("input", plan.inputs));
    HEED_TRY(checkNames("output", plan.outputs));
    HEED_TRY(checkNames("kernel", plan.kernels));
    for (size_t i = 0; i < plan.inputs.size(); ++i)
      HEED_TRY(checkInput(i).within("input ", i, " '", plan.inputs[i].name, "'"));
    for (size_t i = 0; i < plan.outputs.size(); ++i)
      HEED_TRY(checkOutput(i).within("output ", i, " '", plan.outputs[i].name, "'"));
    HEED_TRY(checkSymbolsBound());
    for (const Constraint &constraint : plan.constraints)
      HEED_TRY(checkConstraint(constraint, onOutputStride).within("constraint"));
    for (size_t i = 0; i < plan.buffers.size(); ++i)
      HEED_TRY(checkBuffer(plan.buffers[i]).within("buffer ", i));
    for (size_t i = 0; i < plan.kernels.size(); ++i)
      HEED_TRY(checkKernel(plan.kernels[i]).within("kernel ", i, " '", plan.kernels[i].name, "'"));
    return {};
  }

private:
  Status checkExpr(ExprId id, std::string_view what, uint8_t forbidden = 0) const {
    if (id >= plan.expressions.size())
      return broken(what, " refers to expression ", id, " of ", plan.expressions.size());
    if (uint8_t bad = dependence[id] & forbidden)
      return broken(what, " must not depend on ",
                    bad & onSymbol        ? "a symbol"
                    : bad & onInputStride ? "an input's stride"
                                          : "an output's stride");
    return {};
  }

  Status checkOptionalExpr(ExprId id, std::string_view what, uint8_t forbidden = 0) const {
    return id == noExpr ? Status() : checkExpr(id, what, forbidden);
  }

  Status checkExpressions() {
    const auto &nodes = plan.expressions.nodes();
    dependence.reserve(nodes.size());
    for (size_t i = 0; i < nodes.size(); ++i)
      HEED_TRY(checkNode(nodes[i], i).within("expression ", i));
    return {};
  }

  Status checkNode(const Expr &node, size_t id) {
    auto in = [](int64_t index, size_t size) { return index >= 0 && static_cast<uint64_t>(index) < size; };
    uint8_t depends = 0;
    if (static_cast<uint8_t>(node.op) > lastExprOp)
      return broken("unknown operation ", static_cast<int>(node.op));
    switch (node.op) {
    case ExprOp::constant:
      break;
    case ExprOp::symbol:
      if (!in(node.a, plan.symbols.size()))
        return broken("no symbol ", node.a);
      depends = onSymbol;
      break;
    case ExprOp::inputStride:
      if (!in(node.a, plan.inputs.size()) || !in(node.b, plan.inputs[node.a].dims.size()))
        return broken("no input ", node.a, " with dimension ", node.b);
      depends = onInputStride;
      break;
    case ExprOp::outputStride:
      if (!in(node.a, plan.outputs.size()) || !in(node.b, plan.outputs[node.a].dims.size()))
        return broken("no output ", node.a, " with dimension ", node.b);
      depends = onOutputStride;
      break;
    case ExprOp::deviceProperty:
      if (!in(node.a, lastDeviceProperty + 1))
        return broken("unknown device property ", node.a);
      break;
    default:
      if (!in(node.a, id) || !in(node.b, id))
        return broken("operands ", node.a, " and ", node.b, " must come before it");
      depends = dependence[node.a] | dependence[node.b];
    }
    dependence.push_back(depends);
    return {};
  }

  static const std::string &nameOf(const std::string &name) { return name; }
  static const std::string &nameOf(const auto &named) { return named.name; }

  template <typename Named> static Status checkNames(std::string_view what, const std::vector<Named> &list) {
    std::set<std::string_view> seen;
    for (const Named &entry : list)
      if (nameOf(entry).empty() || !seen.insert(nameOf(entry)).second)
        return broken(what, " names must be unique and not empty, got '", nameOf(entry), "'");
    return {};
  }

  /// A symbol nobody binds would have no value in a call.
  Status checkSymbolsBound() const {
    std::vector<bool> bound(plan.symbols.size(), false);
    for (const Input &input : plan.inputs) {
      if (input.hostScalar != noIndex)
        bound[input.hostScalar] = true;
      for (ExprId dim : input.dims)
        if (plan.expressions[dim].op == ExprOp::symbol)
          bound[plan.expressions[dim].a] = true;
    }
    for (size_t i = 0; i < bound.size(); ++i)
      if (!bound[i])
        return broken("symbol '", plan.symbols[i], "' is bound by no input dimension and no host scalar");
    return {};
  }

  Status checkTensor(ElementType type, const std::vector<ExprId> &dims) const {
    if (!isElementType(static_cast<uint8_t>(type)))
      return broken("unknown element type ", static_cast<int>(type));
    if (dims.size() > maxRank)
      return broken("rank ", dims.size(), " is above ", maxRank);
    for (ExprId dim : dims)
      HEED_TRY(checkExpr(dim, "a dimension", onInputStride | onOutputStride));
    return {};
  }

  Status checkInput(size_t index) const {
    const Input &input = plan.inputs[index];
    HEED_TRY(checkTensor(input.type, input.dims));
    if (input.hostScalar == noIndex)
      return {};
    if (input.hostScalar >= plan.symbols.size())
      return broken("host scalar refers to symbol ", input.hostScalar, " of ", plan.symbols.size());
    bool single = std::all_of(input.dims.begin(), input.dims.end(),
                              [&](ExprId dim) { return plan.expressions[dim] == Expr{ExprOp::constant, 1, 0}; });
    if (!isInteger(input.type) || !single)
      return broken("a host scalar must be one integer");
    return {};
  }

  Status checkOutput(size_t index) {
    const Output &output = plan.outputs[index];
    HEED_TRY(checkTensor(output.type, output.dims));
    if (output.alias == noIndex)
      return output.capacity.empty() ? Status() : broken("has a capacity but aliases no input");
    if (output.alias >= plan.inputs.size())
      return broken("aliases input ", output.alias, " of ", plan.inputs.size());
    if (aliased[output.alias])
      return broken("aliases input ", output.alias, ", which another output aliases");
    aliased[output.alias] = true;
    const Input &input = plan.inputs[output.alias];
    if (input.type != output.type || input.dims.size() != output.dims.size())
      return broken("must have the type and rank of input '", input.name, "' that it aliases");
    if (input.hostScalar != noIndex)
      return broken("must not alias host scalar '", input.name, "'");
    if (!output.capacity.empty() && output.capacity.size() != output.dims.size())
      return broken("capacity must give one size a dimension");
    for (ExprId size : output.capacity)
      HEED_TRY(checkExpr(size, "a capacity", onInputStride | onOutputStride));
    return {};
  }

  Status checkConstraint(const Constraint &constraint, uint8_t forbidden) const {
    if (static_cast<uint8_t>(constraint.relation) > lastRelation)
      return broken("unknown relation ", static_cast<int>(constraint.relation));
    HEED_TRY(checkExpr(constraint.left, "the left side", forbidden));
    return checkExpr(constraint.right, "the right side", forbidden);
  }

  Status checkBuffer(const Buffer &buffer) const {
    auto index = [&](size_t size) {
      return buffer.index < size ? Status()
                                 : broken("refers to ", bufferKindName(buffer.kind), " ", buffer.index, " of ", size);
    };
    if (static_cast<uint8_t>(buffer.kind) > lastBufferKind)
      return broken("unknown kind ", static_cast<int>(buffer.kind));
    switch (buffer.kind) {
    case BufferKind::input:
      return index(plan.inputs.size());
    case BufferKind::output:
      return index(plan.outputs.size());
    case BufferKind::constant:
      return index(package.constants.size());
    case BufferKind::persistent:
      return checkExpr(buffer.bytes, "the size", onCall);
    case BufferKind::zeroed:
      return checkExpr(buffer.bytes, "the size");
    case BufferKind::arena:
      break;
    }
    HEED_TRY(checkExpr(buffer.bytes, "the size"));
    if (buffer.firstStep > buffer.lastStep || buffer.lastStep >= plan.steps.size())
      return broken("lives from step ", buffer.firstStep, " to ", buffer.lastStep, " of ", plan.steps.size());
    return {};
  }

  Status checkKernel(const Kernel &kernel) const {
    for (Access access : kernel.operands)
      if (static_cast<uint8_t>(access) > lastAccess)
        return broken("unknown operand access ", static_cast<int>(access));
    HEED_TRY(checkOptionalExpr(kernel.flops, "flops"));
    HEED_TRY(checkOptionalExpr(kernel.bytes, "bytes"));
    if (kernel.variants.empty())
      return broken("has no variant");
    for (size_t i = 0; i < kernel.variants.size(); ++i)
      HEED_TRY(checkVariant(kernel.variants[i], kernel).within("variant ", i));
    return {};
  }

  Status checkTensorMap(const TensorMap &map, const Kernel &kernel) const {
    size_t rank = map.box.size();
    if (map.operand >= kernel.operands.size())
      return broken("is of operand ", map.operand, " of ", kernel.operands.size());
    if (!std::has_single_bit(map.elementBytes) || map.elementBytes > 8)
      return broken("has elements of ", map.elementBytes, " bytes; 1, 2, 4 and 8 are possible");
    if (rank == 0 || rank > maxTensorMapRank || map.sizes.size() != rank || map.strides.size() != rank)
      return broken("has ", map.sizes.size(), " sizes, ", map.strides.size(), " strides and a box of ", rank,
                    " dimensions; they must be as many, 1 to ", maxTensorMapRank);
    HEED_TRY(checkOptionalExpr(map.offset, "the offset"));
    for (const std::vector<ExprId> *numbers : {&map.sizes, &map.strides})
      for (ExprId number : *numbers)
        HEED_TRY(checkExpr(number, "a size or stride"));
    if (!(plan.expressions[map.strides.back()] == Expr{ExprOp::constant, 1, 0}))
      return broken("must have the last stride 1");
    if (std::any_of(map.box.begin(), map.box.end(), [](uint32_t size) { return size == 0 || size > maxTensorMapBox; }))
      return broken("must have a box of 1 to ", maxTensorMapBox, " elements a dimension");
    uint32_t row = map.box.back() * map.elementBytes;
    bool isSwizzle = map.swizzleBytes == 32 || map.swizzleBytes == 64 || map.swizzleBytes == 128;
    if (row % 16 != 0 || (map.swizzleBytes != 0 && (!isSwizzle || row != map.swizzleBytes)))
      return broken("has rows of ", row, " bytes and a swizzle of ", map.swizzleBytes);
    return {};
  }

  Status checkVariant(const Variant &variant, const Kernel &kernel) const {
    if (variant.code >= package.code.size())
      return broken("refers to code section ", variant.code, " of ", package.code.size());
    if (!formatFits(plan.target, package.code[variant.code].format))
      return broken("code section ", variant.code, " has a format that target '", plan.target, "' cannot load");
    if (variant.symbol.empty())
      return broken("has no symbol");
    for (ExprId size : variant.grid)
      HEED_TRY(checkOptionalExpr(size, "the grid"));
    for (const Requirement &requirement : variant.requirements)
      if (static_cast<uint8_t>(requirement.property) > lastDeviceProperty)
        return broken("requires unknown device property ", static_cast<int>(requirement.property));
    for (const Constraint &condition : variant.conditions)
      HEED_TRY(checkConstraint(condition, 0).within("condition"));
    if (!std::has_single_bit(variant.operandAlignment) || variant.operandAlignment > maxOperandAlignment)
      return broken("operand alignment ", variant.operandAlignment, " is not a power of two up to ",
                    maxOperandAlignment);
    if (variant.workerScratchBytes > maxWorkerScratch)
      return broken("worker scratch of ", variant.workerScratchBytes, " bytes is above ", maxWorkerScratch);
    if (std::any_of(variant.workgroup.begin(), variant.workgroup.end(), [](uint32_t size) { return size == 0; }))
      return broken("workgroup sizes must not be zero");
    if (std::any_of(variant.workgroup.begin(), variant.workgroup.end(),
                    [](uint32_t size) { return size > maxWorkgroupThreads; }) ||
        uint64_t(variant.workgroup[0]) * variant.workgroup[1] * variant.workgroup[2] > maxWorkgroupThreads)
      return broken("a workgroup of ", variant.workgroup[0], " x ", variant.workgroup[1], " x ", variant.workgroup[2],
                    " has more than ", maxWorkgroupThreads, " threads");
    if (variant.sharedBytes > maxSharedBytes)
      return broken("shared memory of ", variant.sharedBytes, " bytes is above ", maxSharedBytes);
    if (variant.residentWorkgroups > maxWorkgroupThreads)
      return broken(variant.residentWorkgroups, " resident workgroups are more than ", maxWorkgroupThreads);
    if (!variant.tensorMaps.empty() && variant.operandAlignment < tensorMapAlignment)
      return broken("tensor maps need an operand alignment of ", tensorMapAlignment);
    for (size_t i = 0; i < variant.tensorMaps.size(); ++i)
      HEED_TRY(checkTensorMap(variant.tensorMaps[i], kernel).within("tensor map ", i));
    return {};
  }

public:
  std::vector<uint8_t> dependence; // per expression; read by the step checker

private:
  const Package &package;
  const Plan &plan;
  std::vector<bool> aliased = std::vector<bool>(plan.inputs.size(), false);
};

/// Walks prepare and then the steps, and follows what each buffer holds.
class StepChecker {
public:
  StepChecker(const Plan &plan, const std::vector<uint8_t> &dependence) : plan(plan), dependence(dependence) {
    inputOverwritten.resize(plan.inputs.size(), false);
    outputWritten.resize(plan.outputs.size(), false);
    bufferWritten.resize(plan.buffers.size(), false);
  }

  Status run() {
    inPrepare = true;
    for (size_t i = 0; i < plan.prepare.size(); ++i)
      HEED_TRY(checkStep(plan.prepare[i], i).within("prepare step ", i));
    inPrepare = false;
    for (size_t i = 0; i < plan.steps.size(); ++i)
      HEED_TRY(checkStep(plan.steps[i], i).within("step ", i));
    for (size_t i = 0; i < plan.outputs.size(); ++i)
      if (plan.outputs[i].alias == noIndex && !outputWritten[i])
        return broken("output '", plan.outputs[i].name, "' is written by no step");
    return {};
  }

private:
  /// Expressions of prepare steps have no call to depend on.
  Status checkExpr(ExprId id, std::string_view what) const {
    if (id == noExpr)
      return {};
    if (id >= dependence.size())
      return broken(what, " refers to expression ", id, " of ", dependence.size());
    if (inPrepare && (dependence[id] & onCall))
      return broken(what, " depends on a call's shapes, which a prepare step has not");
    return {};
  }

  Status checkRequiredExpr(ExprId id, std::string_view what) const {
    return id == noExpr ? broken(what, " is missing") : checkExpr(id, what);
  }

  Status checkStep(const Step &step, size_t index) {
    reads.clear();
    writes.clear();
    if (auto *launch = std::get_if<LaunchStep>(&step))
      HEED_TRY(checkLaunch(*launch));
    else
      HEED_TRY(checkCopy(std::get<CopyStep>(step)));
    // Reads come first: a step may read what it overwrites only where the kernel says readWrite on one operand.
    for (uint32_t buffer : reads)
      HEED_TRY(checkRead(buffer, index).within("buffer ", buffer));
    for (uint32_t buffer : writes)
      HEED_TRY(checkWrite(buffer, index).within("buffer ", buffer));
    for (uint32_t buffer : writes)
      noteWritten(buffer);
    return {};
  }

  Status checkLaunch(const LaunchStep &launch) {
    if (launch.kernel >= plan.kernels.size())
      return broken("launches kernel ", launch.kernel, " of ", plan.kernels.size());
    const Kernel &kernel = plan.kernels[launch.kernel];
    if (launch.operands.size() != kernel.operands.size() || launch.params.size() != kernel.paramCount)
      return broken("passes ", launch.operands.size(), " operands and ", launch.params.size(),
                    " parameters to kernel '", kernel.name, "', whose signature has ", kernel.operands.size(), " and ",
                    kernel.paramCount);
    for (size_t i = 0; i < launch.operands.size(); ++i) {
      const Operand &operand = launch.operands[i];
      if (operand.buffer >= plan.buffers.size())
        return broken("operand ", i, " refers to buffer ", operand.buffer, " of ", plan.buffers.size());
      HEED_TRY(checkExpr(operand.offset, "an operand's offset"));
      HEED_TRY(checkExpr(operand.bytes, "an operand's size"));
      if (kernel.operands[i] != Access::write)
        reads.push_back(operand.buffer);
      if (kernel.operands[i] != Access::read)
        writes.push_back(operand.buffer);
    }
    for (ExprId param : launch.params)
      HEED_TRY(checkRequiredExpr(param, "a parameter"));
    // What else depends on the call was checked with the kernel; only prepare asks for more.
    if (!inPrepare)
      return {};
    HEED_TRY(checkExpr(kernel.flops, "flops"));
    HEED_TRY(checkExpr(kernel.bytes, "bytes"));
    for (const Variant &variant : kernel.variants) {
      for (ExprId size : variant.grid)
        HEED_TRY(checkExpr(size, "the grid"));
      for (const Constraint &condition : variant.conditions) {
        HEED_TRY(checkExpr(condition.left, "a variant's condition"));
        HEED_TRY(checkExpr(condition.right, "a variant's condition"));
      }
      for (const TensorMap &map : variant.tensorMaps) {
        HEED_TRY(checkExpr(map.offset, "a tensor map"));
        for (const std::vector<ExprId> *numbers : {&map.sizes, &map.strides})
          for (ExprId number : *numbers)
            HEED_TRY(checkExpr(number, "a tensor map"));
      }
    }
    return {};
  }

  Status checkCopy(const CopyStep &copy) {
    if (copy.elementBytes == 0 || copy.elementBytes > 8 || !std::has_single_bit(copy.elementBytes))
      return broken("copies elements of ", copy.elementBytes, " bytes; 1, 2, 4 and 8 are possible");
    if (copy.sizes.size() > maxRank)
      return broken("copy of rank ", copy.sizes.size(), " is above ", maxRank);
    for (ExprId size : copy.sizes)
      HEED_TRY(checkRequiredExpr(size, "a copy's size"));
    for (const CopyView *view : {&copy.source, &copy.destination}) {
      if (view->buffer >= plan.buffers.size())
        return broken("copy refers to buffer ", view->buffer, " of ", plan.buffers.size());
      if (view->strides.size() != copy.sizes.size())
        return broken("copy has ", copy.sizes.size(), " sizes and ", view->strides.size(), " strides");
      HEED_TRY(checkExpr(view->offset, "a copy's offset"));
      for (ExprId stride : view->strides)
        HEED_TRY(checkRequiredExpr(stride, "a copy's stride"));
    }
    reads.push_back(copy.source.buffer);
    writes.push_back(copy.destination.buffer);
    return {};
  }

  Status checkAlive(const Buffer &buffer, size_t step) const {
    if (buffer.kind == BufferKind::arena && (inPrepare || step < buffer.firstStep || step > buffer.lastStep))
      return broken("is used outside its life from step ", buffer.firstStep, " to ", buffer.lastStep);
    if (inPrepare && (buffer.kind == BufferKind::input || buffer.kind == BufferKind::output))
      return broken("is an ", bufferKindName(buffer.kind), ", which a prepare step cannot use");
    if (inPrepare && buffer.kind == BufferKind::zeroed)
      return broken("is zeroed for calls, which a prepare step cannot use");
    return {};
  }

  Status checkRead(uint32_t index, size_t step) const {
    const Buffer &buffer = plan.buffers[index];
    HEED_TRY(checkAlive(buffer, step));
    switch (buffer.kind) {
    case BufferKind::input:
      if (inputOverwritten[buffer.index])
        return broken("input '", plan.inputs[buffer.index].name,
                      "' is read after the output that aliases it was written");
      return {};
    case BufferKind::output:
      if (plan.outputs[buffer.index].alias == noIndex && !outputWritten[buffer.index])
        return broken("output '", plan.outputs[buffer.index].name, "' is read before it is written");
      return {};
    case BufferKind::constant:
    case BufferKind::zeroed:
      return {};
    case BufferKind::arena:
    case BufferKind::persistent:
      return bufferWritten[index] ? Status() : broken("is read before it is written");
    }
    return {};
  }

  Status checkWrite(uint32_t index, size_t step) const {
    const Buffer &buffer = plan.buffers[index];
    HEED_TRY(checkAlive(buffer, step));
    if (buffer.kind == BufferKind::input || buffer.kind == BufferKind::constant ||
        (buffer.kind == BufferKind::persistent && !inPrepare))
      return broken("is ", bufferKindName(buffer.kind), " and must not be written");
    if (buffer.kind != BufferKind::output || plan.outputs[buffer.index].alias == noIndex)
      return {};
    uint32_t aliased = plan.outputs[buffer.index].alias;
    for (uint32_t read : reads)
      if (plan.buffers[read].kind == BufferKind::input && plan.buffers[read].index == aliased)
        return broken("output '", plan.outputs[buffer.index].name, "' is written while input '",
                      plan.inputs[aliased].name, "', which it aliases, is read; use one readWrite operand");
    return {};
  }

  void noteWritten(uint32_t index) {
    const Buffer &buffer = plan.buffers[index];
    bufferWritten[index] = true;
    if (buffer.kind != BufferKind::output)
      return;
    outputWritten[buffer.index] = true;
    if (uint32_t aliased = plan.outputs[buffer.index].alias; aliased != noIndex)
      inputOverwritten[aliased] = true;
  }

  const Plan &plan;
  const std::vector<uint8_t> &dependence;
  bool inPrepare = false;
  std::vector<bool> inputOverwritten; // by the output that aliases it
  std::vector<bool> outputWritten;
  std::vector<bool> bufferWritten;
  std::vector<uint32_t> reads, writes; // of the step at hand
};

Status checkConstants(const Package &package) {
  for (const ConstantTensor &tensor : package.constants) {
    if (!isElementType(static_cast<uint8_t>(tensor.type)))
      return broken("constant '", tensor.name, "': unknown element type ", static_cast<int>(tensor.type));
    int64_t bytes = byteWidth(tensor.type);
    bool valid = true;
    for (int64_t dim : tensor.dims)
      valid = valid && dim >= 0 && !__builtin_mul_overflow(bytes, dim, &bytes);
    if (!valid || static_cast<uint64_t>(bytes) != tensor.data.size())
      return broken("constant '", tensor.name, "': shape and type do not give its ", tensor.data.size(), " bytes");
  }
  for (const CodeSection &code : package.code)
    if (static_cast<uint8_t>(code.format) > lastCodeFormat)
      return broken("code '", code.name, "': unknown format ", static_cast<int>(code.format));
  return {};
}

} // namespace

Status verifyPackage(const Package &package) {
  HEED_TRY(checkConstants(package));
  for (size_t i = 0; i < package.plans.size(); ++i) {
    const Plan &plan = package.plans[i];
    std::string where = concat("plan ", i, " '", plan.target, "'");
    if (plan.target.empty())
      return broken(where, ": has no target");
    PlanChecker checker(package, plan);
    HEED_TRY(checker.run().within(where));
    HEED_TRY(StepChecker(plan, checker.dependence).run().within(where));
  }
  return {};
}

} // namespace heed::rt
