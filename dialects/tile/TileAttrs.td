#ifndef HEED_DIALECTS_TILE_TILEATTRS_TD
#define HEED_DIALECTS_TILE_TILEATTRS_TD

include "dialects/tile/Tile.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/TensorEncoding.td"

class Tile_Encoding<string name, string attrMnemonic> : AttrDef<Tile_Dialect, name, [
    DeclareAttrInterfaceMethods<VerifiableTensorEncoding, ["verifyEncoding"]>,
    OpAsmAttrInterface]> {
  let mnemonic = attrMnemonic;
  let hasCustomAssemblyFormat = 1;
  let genMnemonicAlias = 1;
}

def Tile_LayoutAttr : Tile_Encoding<"Layout", "layout"> {
  let summary = "Where the elements of a tile live: registers of lanes of warps";
  let description = [{
    `#tile.layout<[64, 80], register = [[0, 1], [8, 0]], lane = [[0, 2], ..], warp = [[16, 0]], repeat = [[1, 5]]>`,
    the encoding of a tile of that shape. Every bit of the register, lane and warp number adds its vector to the
    coordinates by XOR; `repeat` lays [dimension, count] copies of that base tile next to one another in further
    registers. Constraint T15; see Layout.h.
  }];
  let parameters = (ins AttrParameter<"::heed::tile::Layout", "the map", "const ::heed::tile::Layout &">:$layout);
}

def Tile_SharedLayoutAttr : Tile_Encoding<"SharedLayout", "shared"> {
  let summary = "How a tile lies in shared memory";
  let description = [{
    `#tile.shared<order = [1, 0], chunk = 16, rows_per_phase = 1, phases = 8, pad = 0, panel = 128>`: dimensions
    fastest first, an XOR swizzle of chunks, padding and panels, the last of which may be narrower (`last_panel`), in
    bytes. Constraint T15; see SharedLayout.h.
  }];
  let parameters = (ins
      AttrParameter<"::heed::tile::SharedLayout", "the order", "const ::heed::tile::SharedLayout &">:$layout);
}

#endif // HEED_DIALECTS_TILE_TILEATTRS_TD
