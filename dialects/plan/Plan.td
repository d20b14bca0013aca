// The plan dialect: symbols, kernels as regions, and launches.
#ifndef HEED_DIALECTS_PLAN_PLAN_TD
#define HEED_DIALECTS_PLAN_PLAN_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"

def Plan_Dialect : Dialect {
  let name = "plan";
  let cppNamespace = "::heed::plan";
  let summary = "What is fused, and in which order kernels run";
  let description = [{
    A graph is a `func.func` whose attribute `plan.symbols` names its symbols: the dynamic sizes (and strides) that are
    bound when a call is made. Sizes, strides and offsets are affine maps without dimensions over these symbols, in the
    order of `plan.symbols`; products of symbols are allowed. Function arguments carry

    * `plan.name`: the input's name,
    * `plan.shape`: affine map with one result per dimension,
    * `plan.strides`: affine map with one stride (in elements) per dimension, when any strides are accepted;
      without it the input is contiguous,
    * `plan.host_scalar`: the symbol that takes the value of this rank-0 integer input,
    * `plan.alias`: on a result, the index of the input whose storage it takes.

    Results carry `plan.name`.
  }];
  let hasOperationAttrVerify = 1;
}

def Plan_KernelRoot : I32EnumAttr<"KernelRoot", "the op a kernel is built around", [
    I32EnumAttrCase<"Attend", 0, "attend">, I32EnumAttrCase<"Matmul", 1, "matmul">, I32EnumAttrCase<"Row", 2, "row">,
    I32EnumAttrCase<"Map", 3, "map">, I32EnumAttrCase<"Append", 4, "append">]> {
  let cppNamespace = "::heed::plan";
}

#endif // HEED_DIALECTS_PLAN_PLAN_TD
