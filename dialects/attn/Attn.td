// The attn dialect: attention and its neighbours at graph level.
#ifndef HEED_DIALECTS_ATTN_ATTN_TD
#define HEED_DIALECTS_ATTN_ATTN_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"

def Attn_Dialect : Dialect {
  let name = "attn";
  let cppNamespace = "::heed::attn";
  let summary = "Attention mechanisms on whole tensors";
  let description = [{
    What is computed, never how. Dimension order is batch, head, sequence, depth. The laws that passes may use, and the
    numbered constraints that verifiers cite, are in SPEC.md beside this file.
  }];
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::mlir::tensor::TensorDialect"];
}

class Attn_Type<string name, string typeMnemonic> : TypeDef<Attn_Dialect, name> { let mnemonic = typeMnemonic; }

def Attn_RowState : Attn_Type<"RowState", "row_state"> {
  let summary = "The f32 state of every query row: running maximum, weight sum, accumulator";
  let description = [{
    `!attn.row_state<tensor<BxHxMxDvxf32>>` holds, for every (batch, query head, row), the reference m (running maximum
    of the scores; absent for normalisers without one), the sum l of the weights and the accumulator acc of Dv values.
    The parameter is the type of the accumulator. States of disjoint key sets are combined by `attn.merge` and turned
    into an output by `attn.finish`.
  }];
  let parameters = (ins "::mlir::RankedTensorType":$accumulator);
  let genVerifyDecl = 1;
  let assemblyFormat = "`<` $accumulator `>`";
}

def Attn_Normaliser : I32EnumAttr<"Normaliser", "how the scores of a row become weights", [
    I32EnumAttrCase<"Softmax", 0, "softmax">,
    I32EnumAttrCase<"Sigmoid", 1, "sigmoid">,
    I32EnumAttrCase<"Relu", 2, "relu">]> {
  let cppNamespace = "::heed::attn";
  let genSpecializedAttr = 0;
}
def Attn_NormaliserAttr : EnumAttr<Attn_Dialect, Attn_Normaliser, "normaliser"> {
  let summary = "weight, reference and denominator of a row";
  let description = [{
    | kind    | weight w of score s | reference m     | denominator |
    |---------|---------------------|-----------------|-------------|
    | softmax | exp(s - m)          | running maximum | sum of w    |
    | sigmoid | 1 / (1 + exp(-s))   | none            | 1           |
    | relu    | max(s, 0)           | none            | 1           |
  }];
  let assemblyFormat = "`<` $value `>`";
}

def Attn_NormKind : I32EnumAttr<"NormKind", "which statistics a norm removes", [
    I32EnumAttrCase<"Layer", 0, "layer">,
    I32EnumAttrCase<"Rms", 1, "rms">]> {
  let cppNamespace = "::heed::attn";
}

def Attn_AppendMode : I32EnumAttr<"AppendMode", "what happens at the end of a cache", [
    I32EnumAttrCase<"Linear", 0, "linear">,
    I32EnumAttrCase<"Circular", 1, "circular">]> {
  let cppNamespace = "::heed::attn";
}

#endif // HEED_DIALECTS_ATTN_ATTN_TD
