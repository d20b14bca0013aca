// The simt dialect: what one lane does.
#ifndef HEED_DIALECTS_SIMT_SIMT_TD
#define HEED_DIALECTS_SIMT_SIMT_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"

def Simt_Dialect : Dialect {
  let name = "simt";
  let cppNamespace = "::heed::simt";
  let summary = "Kernels as seen by one lane of one warp";
  let description = [{
    What tile kernels become on machines whose lanes run in lockstep: arith, math and scf on scalars, and the ops here for
    memory, lanes, barriers and matrix instructions. Memory is byte addressed; vectors appear only in memory accesses and
    in the fragments of matrix instructions. See SPEC.md beside this file.
  }];
  let useDefaultTypePrinterParser = 0;
  let useDefaultAttributePrinterParser = 1;
}

def Simt_TensorMapAttr : AttrDef<Simt_Dialect, "TensorMap"> {
  let mnemonic = "tensor_map";
  let summary = "An operand of a kernel as a tensor of which boxes are copied at once";
  let description = [{
    The element with coordinates c is at base `base` plus (offset + sum c_i * strides_i) elements; dimensions are
    outermost first. Offset, sizes and strides are maps of the kernel's parameters: `()[params] -> (..)`. `box` is what
    one copy brings, in shared memory dense in the same order; elements outside the tensor are zeros. With `swizzle`,
    which is 32, 64 or 128 bytes, groups of 16 bytes are exchanged: bits 4 to 6 of an address (4, 4 to 5) are xored
    with bits 7 to 9 (7, 7 to 8). Constraint M8.
  }];
  let parameters = (ins "int64_t":$base, "::mlir::Type":$element, "::mlir::AffineMap":$offset,
      "::mlir::AffineMap":$sizes, "::mlir::AffineMap":$strides, ArrayRefParameter<"int64_t">:$box, "int64_t":$swizzle);
  let assemblyFormat = [{
    `<` `base` $base `of` $element `offset` $offset `sizes` $sizes `strides` $strides `box` `[` $box `]` `swizzle` $swizzle `>`
  }];
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    static constexpr int64_t mostDimensions = 5, largestBox = 256;
    unsigned rank() const { return getBox().size(); }
    int64_t elementBytes() const { return getElement().getIntOrFloatBitWidth() / 8; }
    /// Of one copy.
    int64_t boxBytes() const;
    /// What the offset of a copy's destination must be a multiple of.
    int64_t alignment() const { return getSwizzle() ? 8 * getSwizzle() : 128; }
  }];
}

def Simt_Space : I32EnumAttr<"Space", "a kind of memory", [
    I32EnumAttrCase<"Global", 0, "global">, I32EnumAttrCase<"Shared", 1, "shared">]> {
  let cppNamespace = "::heed::simt";
}

def Simt_ShuffleMode : I32EnumAttr<"ShuffleMode", "how a lane names the lane it reads from", [
    I32EnumAttrCase<"Xor", 0, "xor">, I32EnumAttrCase<"Index", 1, "index">]> {
  let cppNamespace = "::heed::simt";
}

def Simt_RegisterChange : I32EnumAttr<"RegisterChange", "whether a warp takes or gives registers", [
    I32EnumAttrCase<"Increase", 0, "increase">, I32EnumAttrCase<"Decrease", 1, "decrease">]> {
  let cppNamespace = "::heed::simt";
}

def Simt_SharedMatrixAttr : AttrDef<Simt_Dialect, "SharedMatrix"> {
  let mnemonic = "matrix";
  let summary = "How matrix instructions find the elements of an operand in shared memory";
  let description = [{
    Rows of `row` bytes (32, 64 or 128, whose 16-byte chunks are exchanged as swizzles of that width do) hold elements
    along the depth of the product, or, with `across`, along its other dimension. `group` bytes lie between a row and
    the eighth after it, `panel` bytes between two pieces of a longer row.
  }];
  let parameters = (ins "int64_t":$row, "int64_t":$group, "int64_t":$panel, "bool":$across);
  let assemblyFormat = "`<` `row` `=` $row `,` `group` `=` $group `,` `panel` `=` $panel `,` `across` `=` $across `>`";
  let genVerifyDecl = 1;
}

#endif // HEED_DIALECTS_SIMT_SIMT_TD
