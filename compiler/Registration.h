/// The dialects and passes that Heed's tools know.
#pragma once

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace heed {
/// Heed's dialects and the upstream dialects a graph or a tile program may use.
void registerDialects(mlir::DialectRegistry &registry);
/// Heed's passes and the few upstream passes its tests use, by flag.
void registerPasses();
} // namespace heed
