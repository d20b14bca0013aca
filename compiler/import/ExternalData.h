/// The files beside an ONNX model that hold its weights.
#pragma once

#include "llvm/ADT/StringRef.h"

#include <string>
#include <vector>

namespace heed {

/// The `location`s of external data in the model, sorted and each once, as they are written in it: relative to the
/// model's folder when the model is sound. Empty for bytes that are no model.
std::vector<std::string> externalDataFiles(llvm::StringRef modelBytes);

} // namespace heed
