/// The compiler as one function: what heedc and libheedc do.
#pragma once

#include "compiler/graph/Passes.h"
#include "runtime/PlanModel.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace heed {

struct CompileOptions {
  std::vector<std::string> targets = {"cpu"};
  std::vector<FixedSymbol> dims;
  std::string emit;          ///< the level to print instead of a package; empty for the package
  std::string dumpDirectory; ///< the module after every pass is written there; empty for none
  bool explain = false;      ///< fill CompiledModel::explanation
  bool requireFused = false; ///< fail when an attention would be materialised
  /// Threads that generate code; 0: as many as this process may use processors. Packages do not depend on it.
  unsigned threads = 0;
  bool verifyEach = false;                       ///< check the IR after every pass, not only at the joints
  std::function<void(llvm::StringRef)> progress; ///< told what is being done; may be empty
};

/// What is compiled: a file, or bytes in memory that go by a name. ONNX or MLIR is told by the extensions .onnx, .mlir
/// and .mlirbc, for other names by the content. External data of an ONNX model is looked for beside the file; a model
/// in memory has none.
struct CompileSource {
  std::string name;
  std::optional<llvm::StringRef> content; ///< none: `name` is a path
};

/// A package that is ready to be written, and all it refers to.
class CompiledModel {
public:
  virtual ~CompiledModel() = default;

  virtual const rt::Package &package() const = 0;

  std::string explanation; ///< what --explain prints
  std::string text;        ///< what --emit asked for
};

/// Null on failure. Then `diagnostics` is one or more lines, the first `file:line:col: error: ..` or
/// `file: error: ..`; never more than one error, but notes and the number of further errors may follow. Keeps no
/// state between calls; may be called from several threads at once.
std::unique_ptr<CompiledModel> compile(const CompileSource &source, const CompileOptions &options,
                                       std::string &diagnostics);

/// Whether a source by this name with this content is read as ONNX, else as MLIR.
bool isOnnx(llvm::StringRef name, llvm::StringRef content);

/// "heed 0.1.0".
llvm::StringRef compilerVersion();

} // namespace heed
