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

#endif // HEED_DIALECTS_SIMT_SIMT_TD
