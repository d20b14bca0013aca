#ifndef HEED_DIALECTS_TILE_TILEOPS_TD
#define HEED_DIALECTS_TILE_TILEOPS_TD

include "dialects/tile/Tile.td"
include "dialects/tile/TileAttrs.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/FunctionInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Tile_Op<string mnemonic, list<Trait> traits = []> : Op<Tile_Dialect, mnemonic, traits>;

def Tile_Tile : StaticShapeTensorOf<[AnyType]>;
def Tile_View : StridedMemRefOf<[AnyType]>;

//===-- Kernels ----------------------------------------------------------------------------------------------------===//

def Tile_KernelOp : Tile_Op<"kernel", [FunctionOpInterface, IsolatedFromAbove, Symbol, AffineScope]> {
  let summary = "One kernel: what one program of the grid does";
  let description = [{
    Arguments: first the bases, rank-1 memrefs `memref<?xT>` without offset, then the parameters, of type index. The
    body builds strided views with memref.reinterpret_cast. `grid_rank` (1 to 3) says how many program ids there are.
    `schedule` records the choices the kernel was built with (block sizes and the like), for --explain and tests.
    A kernel with the attribute `heed.alternative` stands beside another that does the same: it needs code only where
    that code is faster. Constraint T1: bases first, then indices; no results.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<FunctionType>:$function_type, I64Attr:$grid_rank,
      OptionalAttr<DictionaryAttr>:$schedule, OptionalAttr<DictArrayAttr>:$arg_attrs,
      OptionalAttr<DictArrayAttr>:$res_attrs);
  let regions = (region AnyRegion:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::llvm::ArrayRef<::mlir::Type> getArgumentTypes() { return getFunctionType().getInputs(); }
    ::llvm::ArrayRef<::mlir::Type> getResultTypes() { return getFunctionType().getResults(); }
    ::mlir::Region *getCallableRegion() { return &getBody(); }
    /// How many leading arguments are bases; the rest are parameters.
    unsigned getNumBases();
  }];
}

def Tile_ReturnOp : Tile_Op<"return", [Pure, Terminator, ReturnLike, HasParent<"KernelOp">]> {
  let summary = "Ends a kernel";
  let assemblyFormat = "attr-dict";
}

def Tile_ProgramIdOp : Tile_Op<"program_id", [Pure]> {
  let summary = "The coordinate of this program along a grid dimension";
  let arguments = (ins I64Attr:$dim);
  let results = (outs Index:$result);
  let assemblyFormat = "$dim attr-dict";
  let hasVerifier = 1;
}

def Tile_ShareOp : Tile_Op<"share", [Pure]> {
  let summary = "Which rows of a program's tiles are theirs who run this code together";
  let description = [{
    `%first, %rows = tile.share of 192`

    Of tiles with `of` rows, rows [first, first + rows). All, where everyone works on every tile; where groups of warps
    hold rows of their own and meet nowhere in a loop, those of the group, which may then go through fewer rounds of the
    loop than the program has. A loop with bounds that depend on a share stands between two tile.skip. Constraint T16.
  }];
  let arguments = (ins I64Attr:$of);
  let results = (outs Index:$first, Index:$rows);
  let assemblyFormat = "`of` $of attr-dict";
  let hasVerifier = 1;
}

def Tile_SkipOp : Tile_Op<"skip", [MemoryEffects<[MemWrite]>]> {
  let summary = "Rounds of the program's loop that a share has no use for";
  let description = [{
    The loop's tiles of so many rounds are let go unread. Shares of one program go through equally many rounds together
    with those they skip, before the loop and behind it. Nothing to do where a share is everything.
  }];
  let arguments = (ins Index:$rounds);
  let assemblyFormat = "$rounds attr-dict";
}

def Tile_ArriveOp : Tile_Op<"arrive", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "Whether a program is the last of those that share a counter";
  let description = [{
    `%last = tile.arrive %counters[%batch, %head] of %count : memref<?x8xi32>`

    Each of `count` programs comes here once. The counter, of i32, is 0 before the first of them and when the last has come. What they
    stored before is seen by the last behind this op; others see nothing of it. Nobody waits for anybody, so programs may
    run in any order, or one at a time. Constraint T19.
  }];
  let arguments = (ins Tile_View:$view, Variadic<Index>:$indices, Index:$count);
  let results = (outs I1:$last);
  let assemblyFormat = "$view `[` $indices `]` `of` $count attr-dict `:` type($view)";
  let hasVerifier = 1;
}

def Tile_CountOp : Tile_Op<"count", [MemoryEffects<[MemWrite]>]> {
  let summary = "Adds to a test counter";
  let arguments = (ins Tile_Counter:$counter, Index:$amount);
  let assemblyFormat = "$counter $amount attr-dict";
}

//===-- Memory -----------------------------------------------------------------------------------------------------===//

def Tile_LoadOp : Tile_Op<"load", [AttrSizedOperandSegments, DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "A tile read from a view";
  let description = [{
    `tile.load %view[%i, %j, %k] dims [0, 2] extents(%e0, %e1) fill %z : memref<..> -> tensor<64x32xf16>`

    Element (t0, t1, ..) of the tile is element indices + t along `dims` of the view: dimension d of the tile walks
    dimension dims[d] of the view. With extents, element t is in bounds when t_d < extents_d for every d; extents count
    from the tile's origin and may be negative or larger than the tile. Elements out of bounds are not read and
    have the value `fill`. Without extents the whole tile is in bounds. The element type is that of the view.
    Constraints T2 to T4.
  }];
  let arguments = (ins Tile_View:$view, Variadic<Index>:$indices, Variadic<Index>:$extents, Optional<AnyType>:$fill,
      DenseI64ArrayAttr:$dims);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = [{
    $view `[` $indices `]` `dims` $dims (`extents` `(` $extents^ `)` `fill` $fill `:` type($fill))? attr-dict `:` type($view) `->`
    type($result)
  }];
  let hasVerifier = 1;
}

def Tile_StoreOp : Tile_Op<"store", [AttrSizedOperandSegments, DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "A tile written to a view, within extents";
  let description = [{ The counterpart of tile.load; elements out of bounds are not written. Constraints T2, T3. }];
  let arguments = (ins Tile_Tile:$tile, Tile_View:$view, Variadic<Index>:$indices, Variadic<Index>:$extents,
      DenseI64ArrayAttr:$dims);
  let assemblyFormat = [{
    $tile `,` $view `[` $indices `]` `dims` $dims (`extents` `(` $extents^ `)`)? attr-dict `:` type($tile) `,` type($view)
  }];
  let hasVerifier = 1;
}

def Tile_GatherOp : Tile_Op<"gather", [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "A tile read element by element at computed indices";
  let description = [{
    One index per view dimension: a scalar index, or an integer tile of the result's shape. An element with any index
    outside the view is not read and has the value `fill`, so hostile indices are harmless. Constraint T5.
  }];
  let arguments = (ins Tile_View:$view, Variadic<AnyType>:$indices, AnyType:$fill);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = [{
    $view `[` $indices `:` type($indices) `]` `fill` $fill `:` type($fill) attr-dict `:` type($view) `->` type($result)
  }];
  let hasVerifier = 1;
}

//===-- Values -----------------------------------------------------------------------------------------------------===//

def Tile_IndexOp : Tile_Op<"index", [Pure]> {
  let summary = "offset + position along a dimension, as i32";
  let description = [{ Positions inside a kernel are below 2^31; the plan checks it. Constraint T6: integer elements. }];
  let arguments = (ins I64Attr:$dim, Index:$offset);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = "$dim `from` $offset attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Tile_SplatOp : Tile_Op<"splat", [Pure, TypesMatchWith<"scalar has the element type of the tile", "result",
    "scalar", "::llvm::cast<::mlir::RankedTensorType>($_self).getElementType()">]> {
  let summary = "A tile of one scalar";
  let arguments = (ins AnyType:$scalar);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = "$scalar attr-dict `:` type($result)";
  let hasFolder = 1;
}

def Tile_BroadcastOp : Tile_Op<"broadcast", [Pure]> {
  let summary = "A tile repeated along the dimensions it lacks";
  let description = [{
    `tile.broadcast %x dims [0] : tensor<64xf32> -> tensor<64x128xf32>`: source dimension d becomes result dimension
    dims[d]. dims is increasing. Constraint T7.
  }];
  let arguments = (ins Tile_Tile:$source, DenseI64ArrayAttr:$dims);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = "$source `dims` $dims attr-dict `:` type($source) `->` type($result)";
  let hasVerifier = 1;
}

def Tile_ToeplitzOp : Tile_Op<"toeplitz", [Pure]> {
  let summary = "A matrix that is the same along each diagonal";
  let description = [{
    `tile.toeplitz %band : tensor<191xf32> -> tensor<64x128xf32>`: element (i, j) of the M x N result is element
    i - j + N - 1 of the source. Constraint T17.
  }];
  let arguments = (ins Tile_Tile:$band);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = "$band attr-dict `:` type($band) `->` type($result)";
  let hasVerifier = 1;
}

def Tile_ReduceOp : Tile_Op<"reduce", [Pure]> {
  let summary = "A tile combined along one dimension";
  let description = [{
    With an extent, only positions below it take part (an extent <= 0 gives the neutral element; max of nothing is the
    lowest finite value, min the highest). Constraint T8.
  }];
  let arguments = (ins Tile_Combine:$combine, Tile_Tile:$source, I64Attr:$dim, Optional<Index>:$extent);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = [{
    $combine $source `along` $dim (`extent` `(` $extent^ `)`)? attr-dict `:` type($source) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Tile_FoldOp : Tile_Op<"fold", [Pure]> {
  let summary = "A tile combined along one dimension, but not to the end";
  let description = [{
    `tile.fold add %weights along 1 : tensor<64x128xf32> -> tensor<64x4xf32>`

    Along the dimension, each element of the result combines some of the source's, or is the neutral element; each of the
    source's counts once. Which count where is not said: what follows from a result is sensible when these are combined, too.
    Lanes that hold parts of a row need not exchange them before. Constraint T8.
  }];
  let arguments = (ins Tile_Combine:$combine, Tile_Tile:$source, I64Attr:$dim);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = "$combine $source `along` $dim attr-dict `:` type($source) `->` type($result)";
  let hasVerifier = 1;
}

def Tile_ExceedsOp : Tile_Op<"exceeds", [Pure]> {
  let summary = "Whether some element of a tile is greater than the limit of its place across one dimension";
  let description = [{
    `tile.exceeds %scores, %limits along 1 : tensor<64x128xf32>, tensor<64xf32>` asks for elements (i, j) greater than
    element i of the limits.

    For branches around what few rows need. Those who hold some rows only may be told of these, and anyone may be told yes
    in vain: where a branch holds, it changes nothing of a row without such elements. Constraint T18.
  }];
  let arguments = (ins Tile_Tile:$source, Tile_Tile:$limits, I64Attr:$dim);
  let results = (outs I1:$result);
  let assemblyFormat = "$source `,` $limits `along` $dim attr-dict `:` type($source) `,` type($limits)";
  let hasVerifier = 1;
}

def Tile_ScanOp : Tile_Op<"scan", [Pure, AllTypesMatch<["source", "result"]>]> {
  let summary = "Inclusive prefix combination along one dimension";
  let arguments = (ins Tile_Combine:$combine, Tile_Tile:$source, I64Attr:$dim);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = "$combine $source `along` $dim attr-dict `:` type($source)";
  let hasVerifier = 1;
}

def Tile_DotOp : Tile_Op<"dot", [Pure, AllTypesMatch<["accumulator", "result"]>]> {
  let summary = "accumulator + left x right";
  let description = [{
    left [M,K], right [K,N], accumulator [M,N]. Products are exact and summed in the accumulator's type (f32, f64 or
    i32). Constraint T9.
  }];
  let arguments = (ins Tile_Tile:$left, Tile_Tile:$right, Tile_Tile:$accumulator);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = "$left `,` $right `,` $accumulator attr-dict `:` type($left) `,` type($right) `->` type($result)";
  let hasVerifier = 1;
}

def Tile_TransposeOp : Tile_Op<"transpose", [Pure]> {
  let summary = "A rank-2 tile with its dimensions exchanged";
  let arguments = (ins Tile_Tile:$source);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = "$source attr-dict `:` type($source) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Tile_ConvertOp : Tile_Op<"convert", [Pure]> {
  let summary = "The same values in another layout";
  let description = [{
    Between layouts of registers, or between registers and shared memory (#tile.shared). Constraint T10.
  }];
  let arguments = (ins Tile_Tile:$source);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = "$source attr-dict `:` type($source) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Tile_TriInvOp : Tile_Op<"trinv", [Pure, AllTypesMatch<["source", "result"]>]> {
  let summary = "Inverse of I + strict lower triangle of a square tile";
  let description = [{
    The chunk form of the delta rules solves (I + L) x = b with L strictly lower triangular; entries on and above the
    diagonal of the source are ignored. Constraint T11: square, f32 or f64.
  }];
  let arguments = (ins Tile_Tile:$source);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = "$source attr-dict `:` type($source)";
  let hasVerifier = 1;
}

//===-- Staging and schedules --------------------------------------------------------------------------------------===//

def Tile_StageOp : Tile_Op<"stage", [MemoryEffects<[MemAlloc]>]> {
  let summary = "A ring of buffers for tiles on their way in";
  let results = (outs Tile_Ring:$ring);
  let assemblyFormat = "attr-dict `:` type($ring)";
}

def Tile_CopyOp : Tile_Op<"copy", [AttrSizedOperandSegments, MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "Starts the copy of a tile of a view into a slot of a ring";
  let description = [{ Like tile.load, but asynchronous; `slot` is taken modulo the ring's length. Constraints T2 to T4. }];
  let arguments = (ins Tile_View:$view, Variadic<Index>:$indices, Variadic<Index>:$extents, Optional<AnyType>:$fill,
      Tile_Ring:$ring, Index:$slot, DenseI64ArrayAttr:$dims);
  let results = (outs Tile_Token:$token);
  let assemblyFormat = [{
    $view `[` $indices `]` `dims` $dims (`extents` `(` $extents^ `)` `fill` $fill `:` type($fill))? `into` $ring `[` $slot `]`
    attr-dict `:` type($view) `,` type($ring)
  }];
  let hasVerifier = 1;
}

def Tile_ReadOp : Tile_Op<"read", [MemoryEffects<[MemRead]>]> {
  let summary = "The tile in a slot of a ring";
  let arguments = (ins Tile_Ring:$ring, Index:$slot);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = "$ring `[` $slot `]` attr-dict `:` type($ring) `->` type($result)";
  let hasVerifier = 1;
}

def Tile_WaitOp : Tile_Op<"wait", [AttrSizedOperandSegments, MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "Waits for tokens; values pass through and may not be used before";
  let description = [{ Registers an instruction in flight still reads or writes are tied by passing them through. }];
  let arguments = (ins Variadic<Tile_Token>:$tokens, Variadic<AnyType>:$values);
  let results = (outs Variadic<AnyType>:$results);
  let assemblyFormat = "$tokens (`tie` `(` $values^ `:` type($values) `)`)? attr-dict (`->` type($results)^)?";
  let hasVerifier = 1;
}

def Tile_BarrierOp : Tile_Op<"barrier", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "All lanes of the program (or of the named group) have arrived";
  let arguments = (ins OptionalAttr<StrAttr>:$group);
  let assemblyFormat = "($group^)? attr-dict";
}

def Tile_YieldOp : Tile_Op<"yield", [Pure, Terminator, ReturnLike, ParentOneOf<["PartOp", "RoleOp"]>]> {
  let summary = "Ends a part or a role";
  let arguments = (ins Variadic<AnyType>:$values);
  let builders = [OpBuilder<(ins), [{ build($_builder, $_state, ::mlir::ValueRange()); }]>];
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

def Tile_PartOp : Tile_Op<"part", [RecursiveMemoryEffects, SingleBlockImplicitTerminator<"YieldOp">, NoRegionArguments]> {
  let summary = "A named step of a skeleton's loop, the unit a schedule moves";
  let description = [{
    Executes its body once, in place. The name ("load_key", "scores", "normalise", ..) is what schedule tables refer to.
  }];
  let arguments = (ins StrAttr:$name);
  let results = (outs Variadic<AnyType>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$name (`->` type($results)^)? $body attr-dict";
  let hasVerifier = 1;
}

def Tile_RoleOp : Tile_Op<"role", [RecursiveMemoryEffects, SingleBlockImplicitTerminator<"YieldOp">, NoRegionArguments]> {
  let summary = "Work of the producer or consumer group of a kernel";
  let arguments = (ins Tile_RoleKind:$kind, I64Attr:$groups);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$kind `groups` $groups $body attr-dict";
}

#endif // HEED_DIALECTS_TILE_TILEOPS_TD
