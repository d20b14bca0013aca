// The tile dialect: how one block of work is tiled.
#ifndef HEED_DIALECTS_TILE_TILE_TD
#define HEED_DIALECTS_TILE_TILE_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"

def Tile_Dialect : Dialect {
  let name = "tile";
  let cppNamespace = "::heed::tile";
  let summary = "Programs over tiles: the level between graph kernels and a target's instructions";
  let description = [{
    A tile value is a builtin tensor of static shape, so arith, math and scf apply to it unchanged. Memory is reached
    only through `tile.load`, `tile.store`, `tile.gather`, `tile.copy` and scalar `memref.load`, on strided memrefs. A
    tile inside a kernel never aliases memory. See SPEC.md beside this file.
  }];
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
}

class Tile_Type<string name, string typeMnemonic> : TypeDef<Tile_Dialect, name> { let mnemonic = typeMnemonic; }

def Tile_Ring : Tile_Type<"Ring", "ring"> {
  let summary = "A ring of equally shaped tile buffers close to the processing unit";
  let description = [{
    `!tile.ring<2 x tensor<64x64xf16>>`: memory that all lanes of a program share, or packed scratch of a worker.
  }];
  let parameters = (ins "int64_t":$slots, "::mlir::RankedTensorType":$tile);
  let genVerifyDecl = 1;
  let assemblyFormat = "`<` $slots `x` $tile `>`";
}

def Tile_Token : Tile_Type<"Token", "token"> {
  let summary = "Completion of asynchronous copies or products";
}

def Tile_Combine : I32EnumAttr<"Combine", "an associative operation", [
    I32EnumAttrCase<"Add", 0, "add">, I32EnumAttrCase<"Mul", 1, "mul">, I32EnumAttrCase<"Max", 2, "max">,
    I32EnumAttrCase<"Min", 3, "min">, I32EnumAttrCase<"And", 4, "and">, I32EnumAttrCase<"Or", 5, "or">]> {
  let cppNamespace = "::heed::tile";
}

def Tile_RoleKind : I32EnumAttr<"RoleKind", "what a group of lanes does in a pipelined kernel", [
    I32EnumAttrCase<"Producer", 0, "producer">, I32EnumAttrCase<"Consumer", 1, "consumer">]> {
  let cppNamespace = "::heed::tile";
}

def Tile_Counter : I32EnumAttr<"Counter", "what a test counter counts", [
    I32EnumAttrCase<"KeyBlocks", 0, "key_blocks">]> {
  let cppNamespace = "::heed::tile";
}

#endif // HEED_DIALECTS_TILE_TILE_TD
