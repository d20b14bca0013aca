#include "compiler/host/Diagnostics.h"

#include "mlir/IR/Location.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace heed {

DiagnosticCollector::DiagnosticCollector(MLIRContext &context, std::string source)
    : source(std::move(source)), handler(&context, [this](Diagnostic &diagnostic) { return handle(diagnostic); }) {}

/// The file position and the name that a location gives first.
static void findPlace(Location location, FileLineColLoc &file, NameLoc &name) {
  location->walk([&](Location part) {
    if (auto position = dyn_cast<FileLineColLoc>(part); position && !file)
      file = position;
    if (auto named = dyn_cast<NameLoc>(part); named && !name)
      name = named;
    return WalkResult::advance();
  });
}

static StringRef severityName(DiagnosticSeverity severity) {
  switch (severity) {
  case DiagnosticSeverity::Note:
    return "note";
  case DiagnosticSeverity::Warning:
    return "warning";
  case DiagnosticSeverity::Error:
    return "error";
  case DiagnosticSeverity::Remark:
    return "remark";
  }
  return "";
}

void DiagnosticCollector::print(Diagnostic &diagnostic, std::string &into) {
  FileLineColLoc file;
  NameLoc name;
  findPlace(diagnostic.getLocation(), file, name);
  llvm::raw_string_ostream os(into);
  if (file)
    os << file.getFilename().getValue() << ':' << file.getLine() << ':' << file.getColumn();
  else
    os << source;
  os << ": " << severityName(diagnostic.getSeverity()) << ": ";
  if (name)
    os << name.getName().getValue() << ": ";
  os << diagnostic.str() << '\n';
}

LogicalResult DiagnosticCollector::handle(Diagnostic &diagnostic) {
  bool isError = diagnostic.getSeverity() == DiagnosticSeverity::Error;
  if (isError && errors++ != 0)
    return success();
  std::string &into = isError ? firstError : warnings;
  print(diagnostic, into);
  for (Diagnostic &note : diagnostic.getNotes())
    print(note, into);
  return success();
}

std::string DiagnosticCollector::text() const {
  std::string result = warnings + firstError;
  if (errors > 1)
    llvm::raw_string_ostream(result) << source << ": note: " << errors - 1 << " more like this followed\n";
  return result;
}

} // namespace heed
