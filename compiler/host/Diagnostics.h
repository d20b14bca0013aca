/// Turns MLIR's diagnostics into lines for the user.
#pragma once

#include "mlir/IR/Diagnostics.h"

#include <string>

namespace heed {

/// While it lives, collects what is reported in a context. The first error is kept with its notes, further ones are
/// counted: what follows a first error mostly follows from it.
class DiagnosticCollector {
public:
  /// `source` stands for the place of diagnostics that have no file of their own.
  DiagnosticCollector(mlir::MLIRContext &context, std::string source);

  bool hasError() const { return errors != 0; }
  /// "file:line:col: error: message" and "..: note: message" lines; a named location comes before the message. Warnings
  /// come first.
  std::string text() const;

private:
  mlir::LogicalResult handle(mlir::Diagnostic &diagnostic);
  void print(mlir::Diagnostic &diagnostic, std::string &into);

  std::string source;
  std::string warnings;
  std::string firstError;
  unsigned errors = 0;
  mlir::ScopedDiagnosticHandler handler;
};

} // namespace heed
