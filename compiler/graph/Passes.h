/// The passes of the graph level: tensors in, tensors out.
#pragma once

#include "mlir/Pass/Pass.h"

#include <memory>
#include <string>

namespace heed {

/// A symbol of a graph that always has one value.
struct FixedSymbol {
  std::string name;
  int64_t value = 0;
};

/// Replaces symbols by their values in every map over the graph's symbols, and makes the sizes static that follow.
/// Symbols that the graph lacks are ignored; one that a host scalar gives stays, with a constraint that it has the
/// value. Wants a graph that was not yet formed into kernels, or launches.
std::unique_ptr<mlir::Pass> createSpecialiseSymbolsPass(llvm::ArrayRef<FixedSymbol> fixed = {});

/// Puts `heed.shape`, one map a result, on every op whose results' sizes the analysis knows. For tests and debugging.
std::unique_ptr<mlir::Pass> createAnnotateShapesPass();

/// Softmax written out becomes linalg.softmax.
std::unique_ptr<mlir::Pass> createRaiseSoftmaxPass();

/// LayerNorm and RMSNorm written out, with or without scale and bias, become attn.norm.
std::unique_ptr<mlir::Pass> createRaiseNormPass();

/// Attention written out (products, scale, masks, softmax) becomes attn.attend; masks become its regions, so that no
/// tensor over rows and keys is left but inputs and constants. Where attention is seen but cannot be raised, the
/// softmax gets a `heed.note` that says why; see UnfusedAttention.h. Wants raise-softmax first.
std::unique_ptr<mlir::Pass> createRaiseAttentionPass();

/// Chains of elementwise ops become one linalg.generic each, with constants in their bodies and transposes in their
/// maps. A producer with several users is copied into them only when that is free.
std::unique_ptr<mlir::Pass> createSimplifyGraphPass();

/// attn.rope, attn.merge and attn.finish become linalg.generic; an attend that gives its row state gives its output and
/// lse instead.
std::unique_ptr<mlir::Pass> createDecomposeAttnPass();

/// Registers the passes above by flag.
void registerGraphPasses();

} // namespace heed
