#ifndef HEED_DIALECTS_PLAN_PLANOPS_TD
#define HEED_DIALECTS_PLAN_PLANOPS_TD

include "dialects/plan/Plan.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Plan_Op<string mnemonic, list<Trait> traits = []> : Op<Plan_Dialect, mnemonic, traits>;

def Plan_SymbolOp : Plan_Op<"symbol", [Pure]> {
  let summary = "The value of a symbol of the enclosing graph";
  let arguments = (ins StrAttr:$name);
  let results = (outs Index:$result);
  let assemblyFormat = "$name attr-dict";
}

def Plan_KernelOp : Plan_Op<"kernel", [Pure, IsolatedFromAbove, SingleBlock]> {
  let summary = "Ops of the graph that run as one kernel, around one root";
  let description = [{
    Operand i is a materialised tensor; block argument i is the tensor the body sees through `operand_views[i]`: an
    affine map `()[symbols] -> (offset, stride of dimension 0, ..)` in elements of the operand's storage;
    `operand_sizes[i]`, `()[symbols] -> (size of dimension 0, ..)`, are the sizes of that argument. Result i, of sizes
    `result_sizes[i]`, is stored through `result_views[i]`; the type of the op's result is the type of the storage, the
    type of the yielded value is what the body computes. `storage_sizes[i]` are the sizes of the storage when they are
    not `result_sizes[i]`, as for a result stored transposed. `label` names the kernel in reports. Constraints K1 to K3.
  }];
  let arguments = (ins Plan_KernelRoot:$root, StrAttr:$label, Variadic<AnyRankedTensor>:$operands,
      AffineMapArrayAttr:$operand_views, AffineMapArrayAttr:$operand_sizes, AffineMapArrayAttr:$result_views,
      AffineMapArrayAttr:$result_sizes, OptionalAttr<AffineMapArrayAttr>:$storage_sizes,
      OptionalAttr<StrArrayAttr>:$notes);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $root $label `(` $operands `)` `views` $operand_views `sizes` $operand_sizes `stored` $result_views `sizes`
    $result_sizes (`notes` $notes^)? attr-dict `:` functional-type($operands, $results) $body
  }];
  let hasVerifier = 1;
}

def Plan_YieldOp : Plan_Op<"yield", [Pure, Terminator, ReturnLike, HasParent<"KernelOp">]> {
  let summary = "The values a kernel stores";
  let arguments = (ins Variadic<AnyRankedTensor>:$values);
  let assemblyFormat = "$values attr-dict `:` type($values)";
}

def Plan_LaunchOp : Plan_Op<"launch", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Runs a tile kernel over a grid";
  let description = [{
    The kernel's bases are the operands, then the results; its parameters are the results of `params`. `grid` gives the
    grid sizes, x first. `result_shapes` give the sizes of the results' storage. `flops` and `bytes` (one result each)
    count the useful work, for reports. Constraints L1, L2.

    `alternatives` are kernels that do the same with other grids. The first of them none of whose
    `alternative_conditions`, the results of its map, is negative runs instead, if a backend made code for it that the
    call fits. Constraint L5.
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel, Variadic<AnyRankedTensor>:$operands, AffineMapAttr:$params,
      AffineMapAttr:$grid, AffineMapArrayAttr:$result_shapes, AffineMapAttr:$flops, AffineMapAttr:$bytes,
      Plan_KernelRoot:$root, StrAttr:$label, OptionalAttr<StrArrayAttr>:$notes,
      OptionalAttr<FlatSymbolRefArrayAttr>:$alternatives, OptionalAttr<AffineMapArrayAttr>:$alternative_grids,
      OptionalAttr<AffineMapArrayAttr>:$alternative_conditions);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    $root $label $kernel `(` $operands `)` `grid` $grid `params` $params `shapes` $result_shapes `flops` $flops
    `bytes` $bytes (`notes` $notes^)? attr-dict `:` functional-type($operands, $results)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// A kernel that does the same where no condition is negative.
    struct Alternative {
      ::mlir::FlatSymbolRefAttr kernel;
      ::mlir::AffineMap grid, conditions;
    };
    ::llvm::SmallVector<Alternative> alternatives();
    void setAlternatives(::llvm::ArrayRef<Alternative> alternatives);
  }];
}

#endif // HEED_DIALECTS_PLAN_PLANOPS_TD
