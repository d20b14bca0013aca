#include "compiler/host/Explain.h"

#include "dialects/plan/Plan.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace heed {

/// "4*rows*columns", or "1207959552 (1.21 G)" for a number too long to read.
static std::string printWork(const rt::Plan &plan, rt::ExprId id) {
  std::string formula = rt::printExpr(plan.expressions, id, plan.names());
  if (id == rt::noExpr || plan.expressions[id].op != rt::ExprOp::constant || plan.expressions[id].a < 1000)
    return formula;
  double value = plan.expressions[id].a;
  const char *units[] = {"", "k", "M", "G", "T", "P", "E"};
  unsigned unit = 0;
  for (; value >= 1000; ++unit)
    value /= 1000;
  raw_string_ostream(formula) << format(" (%.3g %s)", value, units[unit]);
  return formula;
}

/// "0.31 s of processors: lanes 0.05, generator 0.10, assembler 0.16; 2 tries in vain": for all images that have code
/// of a kernel.
static std::string printCost(const rt::Kernel &kernel, ArrayRef<CompileCost> costs) {
  auto isOfKernel = [&](const std::string &symbol) {
    return any_of(kernel.variants, [&](const rt::Variant &variant) { return variant.symbol == symbol; });
  };
  CompileCost sum;
  size_t images = 0, others = 0;
  for (const CompileCost &cost : costs) {
    size_t own = count_if(cost.symbols, isOfKernel);
    if (own == 0)
      continue;
    ++images;
    others += cost.symbols.size() - own;
    sum.lowering += cost.lowering;
    sum.generating += cost.generating;
    sum.assembling += cost.assembling;
    sum.triesInVain += cost.triesInVain;
  }
  std::string text;
  raw_string_ostream os(text);
  if (images != 0)
    os << format("%.2f s of processors: lanes %.2f, generator %.2f, assembler %.2f",
                 sum.lowering + sum.generating + sum.assembling, sum.lowering, sum.generating, sum.assembling);
  if (sum.triesInVain != 0)
    os << "; " << sum.triesInVain << (sum.triesInVain == 1 ? " try" : " tries") << " in vain";
  if (others != 0)
    os << "; with " << others << (others == 1 ? " entry" : " entries") << " of others";
  return text;
}

static void printKernel(const rt::Plan &plan, ArrayRef<CompileCost> costs, const rt::Kernel &kernel, size_t position,
                        size_t nameWidth, raw_ostream &os) {
  const rt::Explain &explain = kernel.explain;
  os << "kernel " << right_justify(std::to_string(position), 3) << "  " << left_justify(kernel.name, nameWidth)
     << "  root " << explain.root << (kernel.fallback ? "  FALLBACK" : "") << '\n';
  auto line = [&](StringRef what, StringRef text) {
    if (!text.empty())
      os << "    " << left_justify(what, 9) << text << '\n';
  };
  line("schedule", explain.schedule);
  line("fused", join(explain.fused, "; "));
  line("flops", printWork(plan, kernel.flops));
  line("bytes", printWork(plan, kernel.bytes));
  for (const std::string &note : explain.notes)
    line("note", note);
  for (const std::string &code : explain.code)
    line("code", code);
  line("compiled", printCost(kernel, costs));
}

/// A kernel's name without what tells the kernels of one attention apart.
static std::string attentionOf(StringRef kernel) {
  for (StringRef step : {plan::boundsSuffix, plan::partsSuffix, plan::mergeSuffix})
    if (size_t at = kernel.find(step); at != StringRef::npos)
      return (kernel.take_front(at) + kernel.drop_front(at + step.size())).str();
  return kernel.str();
}

std::string explainPlan(const rt::Plan &plan, ArrayRef<CompileCost> costs) {
  std::string text;
  raw_string_ostream os(text);
  size_t nameWidth = 0, launches = 0, fallbacks = 0, copies = 0;
  StringSet<> attention; // one may have several kernels
  for (const rt::Kernel &kernel : plan.kernels)
    nameWidth = std::max(nameWidth, kernel.name.size());
  for (const rt::Step &step : plan.steps) {
    auto *launch = std::get_if<rt::LaunchStep>(&step);
    if (!launch) {
      ++copies;
      continue;
    }
    const rt::Kernel &kernel = plan.kernels[launch->kernel];
    printKernel(plan, costs, kernel, ++launches, nameWidth, os);
    if (kernel.explain.root == "attend")
      attention.insert(attentionOf(kernel.name));
    fallbacks += kernel.fallback;
  }
  os << plan.target << ": " << launches << " kernels, " << attention.size() << " attention kernels, " << fallbacks
     << " fallbacks, " << copies << " copies\n";
  return text;
}

} // namespace heed
