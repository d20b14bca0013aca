// The part of a call that knows sizes and no memory: symbols, checks, output shapes.
#include "runtime/Call.h"

#include <algorithm>
#include <cstring>

namespace heed::rt {

template <typename List>
static Status findNamed(const List &list, std::string_view what, std::string_view name, uint32_t &index) {
  for (index = 0; index < list.size(); ++index)
    if (list[index].name == name)
      return {};
  std::string known;
  for (const auto &entry : list)
    known += concat(known.empty() ? "" : ", ", entry.name);
  return error(Code::notFound, "the model has no ", what, " '", name, "'; it has ", known.empty() ? "none" : known);
}

Status Call::findInput(std::string_view name, uint32_t &index) const {
  return findNamed(plan.inputs, "input", name, index);
}

Status Call::findOutput(std::string_view name, uint32_t &index) const {
  return findNamed(plan.outputs, "output", name, index);
}

template <typename Declared>
static Status checkTensor(std::string_view what, const Declared &declared, const Tensor &tensor) {
  if (tensor.type != declared.type)
    return error(Code::invalidArgument, what, " '", declared.name, "' has type ", elementTypeName(declared.type),
                 ", got ", elementTypeName(tensor.type));
  if (tensor.rank != declared.dims.size())
    return error(Code::invalidArgument, what, " '", declared.name, "' has rank ", declared.dims.size(), ", got rank ",
                 tensor.rank, " with sizes ", printExtents(tensor.rank, tensor.sizes));
  ByteRange covered;
  HEED_TRY(coveredBytes(tensor.rank, tensor.sizes, tensor.strides, byteWidth(tensor.type), covered)
               .within(what, " '", declared.name, "'"));
  if (!declared.strided && !isDense(tensor))
    return error(Code::invalidArgument, what, " '", declared.name, "' must be dense; sizes ",
                 printExtents(tensor.rank, tensor.sizes), " need other strides than ",
                 printExtents(tensor.rank, tensor.strides));
  return {};
}

Status Call::bindInput(std::string_view name, const Tensor &tensor) {
  uint32_t index;
  HEED_TRY(findInput(name, index));
  HEED_TRY(checkTensor("input", plan.inputs[index], tensor));
  inputs[index].bound = true;
  inputs[index].given = inputs[index].placed = tensor;
  bindingsChanged = true;
  return {};
}

Status Call::bindOutput(std::string_view name, const Tensor &tensor) {
  uint32_t index;
  HEED_TRY(findOutput(name, index));
  HEED_TRY(checkTensor("output", plan.outputs[index], tensor));
  if (!elementsDistinct(tensor.rank, tensor.sizes, tensor.strides))
    return error(Code::invalidArgument, "output '", name, "' with sizes ", printExtents(tensor.rank, tensor.sizes),
                 " and strides ", printExtents(tensor.rank, tensor.strides), " has elements that share an address");
  outputs[index].bound = true;
  outputs[index].given = tensor;
  bindingsChanged = true;
  return {};
}

Status Call::unbindOutput(std::string_view name) {
  uint32_t index;
  HEED_TRY(findOutput(name, index));
  outputs[index].bound = false;
  bindingsChanged = true;
  return {};
}

Status Call::readHostScalar(uint32_t input, int64_t &value) const {
  const Tensor &tensor = inputs[input].given;
  const void *data = tensor.host;
  if (tensor.memory.base)
    data = loadedModule->driver().hostAddress(tensor.memory);
  if (!data)
    return error(Code::invalidArgument, "input '", plan.inputs[input].name,
                 "' gives a size, so the host must be able to read it");
  auto read = [&]<typename Integer>(Integer number) {
    std::memcpy(&number, data, sizeof(number));
    value = static_cast<int64_t>(number);
  };
  switch (tensor.type) {
  case ElementType::i64:
    read(int64_t());
    break;
  case ElementType::i32:
    read(int32_t());
    break;
  case ElementType::i16:
    read(int16_t());
    break;
  case ElementType::i8:
    read(int8_t());
    break;
  case ElementType::u64:
    read(uint64_t());
    break;
  case ElementType::u32:
    read(uint32_t());
    break;
  case ElementType::u16:
    read(uint16_t());
    break;
  default:
    read(uint8_t());
  }
  return {};
}

Status Call::bindSymbols(bool &changed) {
  for (size_t i = 0; i < inputs.size(); ++i)
    if (!inputs[i].bound)
      return error(Code::invalidArgument, "input '", plan.inputs[i].name, "' is not bound");
  changed = !shapesValid;
  for (uint32_t i = 0; i < symbols.size(); ++i) {
    const SymbolSource &source = loadedModule->symbolSource(i);
    int64_t value;
    if (source.dim == SymbolSource::value)
      HEED_TRY(readHostScalar(source.input, value));
    else
      value = inputs[source.input].given.sizes[source.dim];
    changed |= value != symbols[i];
    symbols[i] = value;
  }
  for (const Slot &slot : inputs)
    changed |= !std::equal(slot.given.sizes.begin(), slot.given.sizes.begin() + slot.given.rank, slot.checked.begin());
  return {};
}

Status Call::checkInputShape(uint32_t index) const {
  const Input &input = plan.inputs[index];
  for (uint32_t dim = 0; dim < input.dims.size(); ++dim) {
    int64_t expected, got = inputs[index].given.sizes[dim];
    HEED_TRY(evaluation.get(input.dims[dim], "size", expected).within("input '", input.name, "' dimension ", dim));
    if (got == expected)
      continue;
    const Expr &expr = plan.expressions[input.dims[dim]];
    std::string formula = evaluation.print(input.dims[dim]);
    std::string origin;
    if (expr.op == ExprOp::symbol) {
      const SymbolSource &source = loadedModule->symbolSource(static_cast<uint32_t>(expr.a));
      origin = concat(" (from input '", plan.inputs[source.input].name, "'",
                      source.dim == SymbolSource::value ? std::string() : concat(" dimension ", source.dim), ")");
    }
    return error(Code::invalidArgument, "input '", input.name, "' dimension ", dim, " must be ",
                 expr.op == ExprOp::constant ? std::string() : concat(formula, " = "), expected, origin, ", got ", got);
  }
  return {};
}

Status Call::checkConstraints() const {
  for (const Constraint &constraint : plan.constraints) {
    int64_t left, right;
    HEED_TRY(evaluation.get(constraint.left, "constraint", left));
    HEED_TRY(evaluation.get(constraint.right, "constraint", right));
    if (!evaluation.holds(constraint).value_or(false))
      return error(Code::invalidArgument,
                   constraint.message.empty() ? "these shapes are not allowed" : constraint.message, ": ",
                   evaluation.print(constraint.left), " ", relationText(constraint.relation), " ",
                   evaluation.print(constraint.right), " must hold, got ", left, " and ", right);
  }
  return {};
}

Status Call::computeOutputShape(uint32_t index) {
  const Output &output = plan.outputs[index];
  Tensor &placed = outputs[index].placed;
  placed.type = output.type;
  placed.rank = static_cast<uint32_t>(output.dims.size());
  for (uint32_t dim = 0; dim < placed.rank; ++dim) {
    HEED_TRY(evaluation.get(output.dims[dim], "size", placed.sizes[dim])
                 .within("output '", output.name, "' dimension ", dim));
    if (placed.sizes[dim] < 0)
      return error(Code::invalidArgument, "output '", output.name, "' dimension ", dim, " would be ",
                   evaluation.print(output.dims[dim]), " = ", placed.sizes[dim]);
  }
  return {};
}

Status Call::resolveShapes() {
  bool changed;
  HEED_TRY(bindSymbols(changed));
  if (!changed)
    return {};
  HEED_TRY(collectProfile()); // with the shapes it was measured for
  shapesValid = stepsValid = false;
  evaluate();
  for (uint32_t i = 0; i < inputs.size(); ++i)
    HEED_TRY(checkInputShape(i));
  for (uint32_t i = 0; i < outputs.size(); ++i)
    HEED_TRY(computeOutputShape(i));
  for (Slot &slot : inputs)
    slot.checked = slot.given.sizes;
  shapesValid = true;
  return {};
}

Status Call::outputShape(std::string_view name, ElementType &type, uint32_t &rank, Extents &sizes) {
  uint32_t index;
  HEED_TRY(findOutput(name, index));
  HEED_TRY(resolveShapes());
  type = plan.outputs[index].type;
  rank = outputs[index].placed.rank;
  sizes = outputs[index].placed.sizes;
  return {};
}

} // namespace heed::rt
