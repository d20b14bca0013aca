#include "runtime/tools/PlanPrinter.h"

#include "runtime/Evaluation.h"

namespace heed::rt {
namespace {

class PlanPrinter {
public:
  PlanPrinter(const Package &package, const Plan &plan) : package(package), plan(plan) {
    for (const Input &input : plan.inputs)
      inputNames.push_back(input.name);
    for (const Output &output : plan.outputs)
      outputNames.push_back(output.name);
  }

  std::string print() {
    line("\nplan for ", plan.target, plan.features.empty() ? "" : " with ", join(plan.features, " "));
    line("symbols ", join(plan.symbols, ", "));
    for (const Input &input : plan.inputs)
      line("input ", input.name, ": ", shape(input.dims, input.type), input.strided ? " strided" : "",
           input.hostScalar == noIndex ? "" : " gives " + plan.symbols[input.hostScalar]);
    for (const Output &output : plan.outputs)
      line("output ", output.name, ": ", shape(output.dims, output.type), output.strided ? " strided" : "",
           output.alias == noIndex ? "" : " in place of " + inputNames[output.alias],
           output.capacity.empty() ? "" : " with room for [" + exprs(output.capacity) + "]");
    for (const Constraint &constraint : plan.constraints)
      line("require ", relation(constraint), "  (", constraint.message, ")");
    line("\nbuffers");
    for (size_t i = 0; i < plan.buffers.size(); ++i)
      printBuffer(i);
    line("\nkernels");
    for (const Kernel &kernel : plan.kernels)
      printKernel(kernel);
    printSteps("\nprepare", plan.prepare);
    printSteps("\nsteps", plan.steps);
    return std::move(text);
  }

private:
  template <typename... Pieces> void line(const Pieces &...pieces) { text += concat(pieces..., "\n"); }

  static std::string join(const std::vector<std::string> &list, std::string_view separator) {
    std::string joined;
    for (const std::string &entry : list)
      joined += concat(joined.empty() ? "" : separator, entry);
    return joined;
  }

  std::string expr(ExprId id) const { return printExpr(plan.expressions, id, {plan.symbols, inputNames, outputNames}); }

  std::string exprs(std::span<const ExprId> list) const {
    std::string joined;
    for (ExprId id : list)
      joined += concat(joined.empty() ? "" : ", ", expr(id));
    return joined;
  }

  std::string shape(const std::vector<ExprId> &dims, ElementType type) const {
    return concat(elementTypeName(type), "[", exprs(dims), "]");
  }

  std::string relation(const Constraint &constraint) const {
    return concat(expr(constraint.left), " ", relationText(constraint.relation), " ", expr(constraint.right));
  }

  void printBuffer(size_t index) {
    const Buffer &buffer = plan.buffers[index];
    switch (buffer.kind) {
    case BufferKind::input:
      return line("  input      b", index, " = ", inputNames[buffer.index]);
    case BufferKind::output:
      return line("  output     b", index, " = ", outputNames[buffer.index]);
    case BufferKind::constant:
      return line("  constant   b", index, " = ", package.constants[buffer.index].name);
    case BufferKind::persistent:
      return line("  persistent b", index, " = ", expr(buffer.bytes), " bytes");
    case BufferKind::zeroed:
      return line("  zeroed     b", index, " = ", expr(buffer.bytes), " bytes");
    case BufferKind::arena:
      return line("  slice      b", index, " = ", expr(buffer.bytes), " bytes, steps ", buffer.firstStep, " to ",
                  buffer.lastStep);
    }
  }

  void printKernel(const Kernel &kernel) {
    line("  ", kernel.name, ": ", kernel.explain.root, kernel.fallback ? " (fallback)" : "");
    for (const std::string &fused : kernel.explain.fused)
      line("    fused ", fused);
    if (!kernel.explain.schedule.empty())
      line("    schedule ", kernel.explain.schedule);
    for (const std::string &note : kernel.explain.notes)
      line("    note ", note);
    for (const std::string &code : kernel.explain.code)
      line("    code ", code);
    line("    flops ", expr(kernel.flops));
    line("    bytes ", expr(kernel.bytes));
    std::string operands;
    for (Access access : kernel.operands)
      operands += concat(operands.empty() ? "" : ", ", access == Access::read    ? "read"
                                                       : access == Access::write ? "write"
                                                                                 : "read and write");
    line("    operands (", operands, "), ", kernel.paramCount, " parameters");
    for (const Variant &variant : kernel.variants)
      printVariant(variant);
  }

  void printVariant(const Variant &variant) {
    std::string predicate = join(variant.features, " ");
    for (const Requirement &requirement : variant.requirements)
      predicate +=
          concat(" ", devicePropertyName(requirement.property), " in ", requirement.minimum, "..", requirement.maximum);
    for (const Constraint &condition : variant.conditions)
      predicate += concat(" if ", relation(condition));
    if (variant.operandAlignment > 1)
      predicate += concat(" aligned to ", variant.operandAlignment);
    std::string grid;
    for (ExprId size : variant.grid)
      grid += concat(grid.empty() ? "" : " x ", size == noExpr ? "1" : expr(size));
    uint64_t threads = uint64_t(variant.workgroup[0]) * variant.workgroup[1] * variant.workgroup[2];
    line("    variant [", predicate.empty() ? "generic" : predicate, "] ", package.code[variant.code].name, ":",
         variant.symbol, " grid ", grid,
         variant.workerScratchBytes ? concat(" scratch ", variant.workerScratchBytes) : "",
         threads > 1 ? concat(" threads ", threads) : "",
         variant.sharedBytes ? concat(" shared ", variant.sharedBytes) : "",
         variant.residentWorkgroups ? concat(" resident ", variant.residentWorkgroups) : "",
         variant.hasUnevenPrograms ? " uneven" : "", variant.awaitsPrevious ? " awaits" : "",
         variant.opensCalls ? " opens" : "");
    for (const TensorMap &map : variant.tensorMaps)
      printTensorMap(map);
  }

  void printTensorMap(const TensorMap &map) {
    std::string dimensions;
    for (size_t i = 0; i < map.box.size(); ++i)
      dimensions += concat(i ? " x " : "", expr(map.sizes[i]), " by ", expr(map.strides[i]), " (", map.box[i], ")");
    line("      tensor map of operand ", map.operand, map.offset == noExpr ? "" : concat(" + ", expr(map.offset)), ", ",
         map.elementBytes, " bytes: ", dimensions, map.swizzleBytes ? concat(" swizzle ", map.swizzleBytes) : "");
  }

  std::string slice(uint32_t buffer, ExprId offset, ExprId bytes) const {
    std::string shown = concat("b", buffer);
    if (offset != noExpr)
      shown += concat(" + ", expr(offset));
    return bytes == noExpr ? shown : concat(shown, " (", expr(bytes), " bytes)");
  }

  void printSteps(std::string_view title, const std::vector<Step> &steps) {
    if (steps.empty())
      return;
    line(title);
    for (size_t i = 0; i < steps.size(); ++i) {
      if (auto *launch = std::get_if<LaunchStep>(&steps[i])) {
        std::string operands;
        for (const Operand &operand : launch->operands)
          operands += concat(operands.empty() ? "" : ", ", slice(operand.buffer, operand.offset, operand.bytes));
        line("  ", i, "  ", plan.kernels[launch->kernel].name, "(", operands, ") [", exprs(launch->params), "]");
        continue;
      }
      const auto &copy = std::get<CopyStep>(steps[i]);
      line("  ", i, "  copy ", slice(copy.destination.buffer, copy.destination.offset, noExpr), " strides [",
           exprs(copy.destination.strides), "] = ", slice(copy.source.buffer, copy.source.offset, noExpr), " strides [",
           exprs(copy.source.strides), "], sizes [", exprs(copy.sizes), "] of ", copy.elementBytes, " bytes");
    }
  }

  const Package &package;
  const Plan &plan;
  std::vector<std::string> inputNames, outputNames;
  std::string text;
};

} // namespace

std::string printPlan(const Package &package, const Plan &plan) { return PlanPrinter(package, plan).print(); }

} // namespace heed::rt
