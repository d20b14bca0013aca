/// heed-interpret: runs a function in float64 and prints its results, or runs two on the same inputs and compares.
#include "compiler/Registration.h"
#include "compiler/interp/Comparison.h"
#include "compiler/interp/Inputs.h"
#include "compiler/interp/Interpreter.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/SourceMgr.h"

namespace cl = llvm::cl;
using namespace mlir;
using namespace heed::interp;

static cl::OptionCategory category("heed-interpret options");
static cl::list<std::string> files(cl::Positional, cl::desc("<file.mlir> [<other.mlir>], - for standard input"),
                                   cl::cat(category));
static cl::opt<std::string> entry("entry", cl::desc("function to run (default main)"), cl::init("main"),
                                  cl::cat(category));
static cl::opt<std::string> other("compare",
                                  cl::desc("function to run on the same inputs and compare with the entry; "
                                           "with a second file, its function (default the entry)"),
                                  cl::cat(category));
static cl::opt<uint64_t> seed("random-seed", cl::desc("seed of random inputs"), cl::init(0), cl::cat(category));
static cl::list<std::string> dims("dim", cl::desc("value of a symbol"), cl::value_desc("NAME=SIZE"), cl::cat(category));
static cl::list<std::string> shapes("shape", cl::desc("shape of an argument, by index or name"),
                                    cl::value_desc("ARG=2x3"), cl::cat(category));
static cl::list<std::string> inputs("input",
                                    cl::desc("contents of an argument: 1,2,3 or splat:V, iota:FIRST, "
                                             "random:LOW:HIGH"),
                                    cl::value_desc("ARG=CONTENTS"), cl::cat(category));
static cl::opt<double> tolerance("tolerance", cl::desc("largest max|error| / max|reference| (default 1e-6)"),
                                 cl::init(1e-6), cl::cat(category));
static cl::opt<bool> rounded("rounded", cl::desc("round every result to its type instead of keeping doubles"),
                             cl::cat(category));
static cl::opt<bool> counters("counters", cl::desc("print what tile kernels did"), cl::cat(category));
static cl::opt<unsigned> digits("digits", cl::desc("significant digits of printed results (default 6)"), cl::init(6),
                                cl::cat(category));

/// Splits NAME=VALUE options into a map; false on one that has no '='.
template <typename Add> static bool splitOptions(const cl::list<std::string> &options, Add add) {
  for (const std::string &option : options) {
    auto [name, value] = llvm::StringRef(option).split('=');
    if (name.consume_front("@"); name.empty() || value.empty() || !add(name, value)) {
      llvm::errs() << "heed-interpret: error: --" << options.ArgStr << "=" << option << " is not of the form "
                   << options.ValueStr << "\n";
      return false;
    }
  }
  return true;
}

static bool readOptions(InputOptions &options) {
  options.seed = seed;
  auto addText = [](llvm::StringMap<std::string> &map) {
    return [&map](llvm::StringRef name, llvm::StringRef value) {
      map[name] = value.str();
      return true;
    };
  };
  auto addDim = [&](llvm::StringRef name, llvm::StringRef value) {
    return !value.getAsInteger(10, options.dims[name]);
  };
  return splitOptions(dims, addDim) && splitOptions(shapes, addText(options.shapes)) &&
         splitOptions(inputs, addText(options.contents));
}

namespace {
/// One program: its module, the function to run, and what it gave.
struct Program {
  OwningOpRef<ModuleOp> module;
  func::FuncOp function;
  SmallVector<RuntimeValue> results;
  Counters counters;

  bool find(llvm::StringRef name) {
    name.consume_front("@");
    function = module->lookupSymbol<func::FuncOp>(name);
    if (!function)
      llvm::errs() << "heed-interpret: error: no function named " << name << "\n";
    return static_cast<bool>(function);
  }

  bool run(ArrayRef<RuntimeValue> arguments, const InputOptions &options) {
    Interpreter interpreter(rounded ? Precision::rounded : Precision::exact);
    FailureOr<SmallVector<RuntimeValue>> values = interpreter.call(function, arguments, options.dims);
    if (failed(values))
      return false;
    results = std::move(*values);
    counters = interpreter.counters;
    return true;
  }
};
} // namespace

static void printCounters(Program &program) {
  const Counters &c = program.counters;
  llvm::outs() << "@" << program.function.getName() << ": launches " << c.launches << ", programs " << c.programs
               << ", key blocks " << c.keyBlocks << ", bytes loaded " << c.bytesLoaded << ", bytes stored "
               << c.bytesStored << "\n";
}

static bool printComparison(Program &reference, Program &checked) {
  if (reference.results.size() != checked.results.size()) {
    llvm::errs() << "heed-interpret: error: the functions have different numbers of results\n";
    return false;
  }
  bool equal = true;
  for (size_t i = 0; i < reference.results.size(); ++i) {
    Difference difference = compare(reference.results[i], checked.results[i], reference.function.getResultTypes()[i]);
    llvm::outs() << "result " << i << ": max error "
                 << llvm::format("%.2e, max value %.2e, relative %.2e", difference.largestError,
                                 difference.largestReference, difference.relative())
                 << ", " << difference.elements << " elements\n";
    if (!difference.mismatch.empty() || !(difference.relative() <= tolerance)) {
      equal = false;
      llvm::outs().flush();
      llvm::errs() << "heed-interpret: error: result " << i
                   << " differs: " << (difference.mismatch.empty() ? "beyond the tolerance" : difference.mismatch)
                   << "\n";
    }
  }
  llvm::outs() << (equal ? "equal" : "different") << "\n";
  return equal;
}

static OwningOpRef<ModuleOp> parse(llvm::StringRef file, MLIRContext &context, llvm::SourceMgr &sources) {
  return parseSourceFile<ModuleOp>(file, sources, &context);
}

static int runTool(MLIRContext &context) {
  InputOptions options;
  if (!readOptions(options))
    return 2;
  if (files.empty() || files.size() > 2) {
    llvm::errs() << "heed-interpret: error: needs one file, or two to compare\n";
    return 2;
  }
  llvm::SourceMgr sources, otherSources;
  SourceMgrDiagnosticHandler handler(sources, &context);
  Program first, second;
  first.module = parse(files[0], context, sources);
  if (!first.module || !first.find(entry))
    return 1;
  FailureOr<SmallVector<RuntimeValue>> arguments = makeInputs(first.function, options);
  if (failed(arguments) || !first.run(*arguments, options))
    return 1;
  if (counters)
    printCounters(first);
  if (files.size() == 1 && other.empty()) {
    for (auto [i, value] : llvm::enumerate(first.results)) {
      llvm::outs() << "result " << i << ": ";
      printValue(llvm::outs(), value, first.function.getResultTypes()[i], digits);
      llvm::outs() << "\n";
    }
    return 0;
  }
  SourceMgrDiagnosticHandler otherHandler(otherSources, &context);
  second.module =
      files.size() == 2 ? parse(files[1], context, otherSources) : OwningOpRef<ModuleOp>(first.module->clone());
  if (!second.module || !second.find(other.empty() ? entry : other) || !second.run(*arguments, options))
    return 1;
  if (counters)
    printCounters(second);
  return printComparison(first, second) ? 0 : 1;
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(argc, argv, "Runs a function in float64: the oracle of Heed's tests\n");
  DialectRegistry registry;
  heed::registerDialects(registry);
  MLIRContext context(registry);
  context.printOpOnDiagnostic(false);
  return runTool(context);
}
