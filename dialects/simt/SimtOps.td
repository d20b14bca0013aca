#ifndef HEED_DIALECTS_SIMT_SIMTOPS_TD
#define HEED_DIALECTS_SIMT_SIMTOPS_TD

include "dialects/simt/Simt.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/FunctionInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Simt_Op<string mnemonic, list<Trait> traits = []> : Op<Simt_Dialect, mnemonic, traits>;

//===-- Kernels ----------------------------------------------------------------------------------------------------===//

def Simt_TensorMapsAttr : TypedArrayAttrBase<Simt_TensorMapAttr, "an array of tensor maps">;

def Simt_KernelOp : Simt_Op<"kernel", [FunctionOpInterface, IsolatedFromAbove, Symbol]> {
  let summary = "One lane's program of one kernel";
  let description = [{
    Arguments, all i64: `num_bases` device addresses in bytes, the parameters, then the sizes x, y, z of the grid. A program
    of the grid is a workgroup of `threads` lanes in warps of `lanes`, with `shared_bytes` of shared memory. A target
    may launch more workgroups than the grid has programs; the body guards against that. Constraint M1.

    `tensor_maps` are made for every launch and named by their numbers (simt.copy_tensor). They are no arguments here.
    Constraint M8.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<FunctionType>:$function_type, I64Attr:$num_bases,
      I64Attr:$threads, I64Attr:$lanes, I64Attr:$shared_bytes, OptionalAttr<DictArrayAttr>:$arg_attrs,
      OptionalAttr<DictArrayAttr>:$res_attrs, OptionalAttr<Simt_TensorMapsAttr>:$tensor_maps);
  let regions = (region AnyRegion:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::llvm::ArrayRef<::mlir::Type> getArgumentTypes() { return getFunctionType().getInputs(); }
    ::llvm::ArrayRef<::mlir::Type> getResultTypes() { return getFunctionType().getResults(); }
    ::mlir::Region *getCallableRegion() { return &getBody(); }
    /// Grid sizes that end the arguments.
    static constexpr unsigned numGridArguments = 3;
    int64_t getNumParams() { return int64_t(getArgumentTypes().size() - getNumBases() - numGridArguments); }
    int64_t getNumTensorMaps() { return getTensorMaps() ? int64_t(getTensorMapsAttr().size()) : 0; }
    TensorMapAttr getTensorMap(int64_t index) { return ::llvm::cast<TensorMapAttr>(getTensorMapsAttr()[index]); }
  }];
}

def Simt_ReturnOp : Simt_Op<"return", [Pure, Terminator, ReturnLike, HasParent<"KernelOp">]> {
  let summary = "Ends a kernel";
  let assemblyFormat = "attr-dict";
}

class Simt_IdOp<string mnemonic> : Simt_Op<mnemonic, [Pure]> {
  let results = (outs I32:$result);
  let assemblyFormat = "attr-dict";
}
def Simt_ProgramOp : Simt_IdOp<"program"> { let summary = "Linear index of the workgroup, x fastest"; }
def Simt_WorkgroupsOp : Simt_IdOp<"workgroups"> {
  let summary = "How many workgroups there are: at least as many as programs, or fewer that go through the programs";
}
def Simt_LaneOp : Simt_IdOp<"lane"> { let summary = "Index of the lane in its warp"; }
def Simt_WarpOp : Simt_IdOp<"warp"> { let summary = "Index of the warp in its workgroup"; }

//===-- Memory -----------------------------------------------------------------------------------------------------===//

def Simt_Address : AnyTypeOf<[I64, I32], "an i64 global address or an i32 shared offset">;
def Simt_Element : AnyTypeOf<[I8, I16, I32, I64, F16, BF16, F32, F64]>;
def Simt_Access : AnyTypeOf<[Simt_Element, FixedVectorOfRankAndType<[1], [I8, I16, I32, I64, F16, BF16, F32, F64]>],
    "a scalar of 1 to 8 bytes or a vector of them of at most 16 bytes">;

def Simt_LoadOp : Simt_Op<"load", [AttrSizedOperandSegments, MemoryEffects<[MemRead]>]> {
  let summary = "Reads a scalar or a short vector";
  let description = [{
    `simt.load global %address if %inside else %fill : vector<4xf32> align 16 : i64 -> vector<4xf32>`. Where the
    predicate is false nothing is read and the result is the fill. `alignment`, in bytes, is a promise about the
    address. Constraints M2, M3.
  }];
  let arguments = (ins Simt_Space:$space, Simt_Address:$address, Optional<I1>:$predicate, Optional<Simt_Access>:$fill,
      I64Attr:$alignment);
  let results = (outs Simt_Access:$result);
  let assemblyFormat = [{
    $space $address (`if` $predicate^ `else` $fill `:` type($fill))? `align` $alignment attr-dict `:` type($address) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Simt_StoreOp : Simt_Op<"store", [MemoryEffects<[MemWrite]>]> {
  let summary = "Writes a scalar or a short vector, where the predicate is true";
  let description = [{ The counterpart of simt.load. Constraint M2. }];
  let arguments = (ins Simt_Space:$space, Simt_Access:$value, Simt_Address:$address, Optional<I1>:$predicate,
      I64Attr:$alignment);
  let assemblyFormat = [{
    $space $value `,` $address (`if` $predicate^)? `align` $alignment attr-dict `:` type($value) `,` type($address)
  }];
  let hasVerifier = 1;
}

def Simt_CopyOp : Simt_Op<"copy", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "Starts a copy of 4, 8 or 16 bytes from global to shared memory";
  let description = [{
    Both addresses are multiples of the number of bytes. Where the predicate is false zeros are written. Complete after a
    simt.wait that covers its group, and visible to other lanes after a barrier behind that. Constraint M4.
  }];
  let arguments = (ins I32:$destination, I64:$source, Optional<I1>:$predicate, I64Attr:$bytes);
  let assemblyFormat = "$destination `,` $source `bytes` $bytes (`if` $predicate^)? attr-dict";
  let hasVerifier = 1;
}

def Simt_CopyTensorOp : Simt_Op<"copy_tensor", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "Starts the copy of one box of a tensor to shared memory";
  let description = [{
    `simt.copy_tensor %destination, 0[%head, %row, %c0] barrier %barrier`: the box of tensor map 0 whose first element
    has these coordinates, outermost first; they may lie outside the tensor. One lane starts it. All bytes of the box
    count at the barrier, the zeros too. Constraint M9.
  }];
  let arguments = (ins I32:$destination, I64Attr:$map, Variadic<I32>:$coordinates, I32:$barrier);
  let assemblyFormat = "$destination `,` $map `[` $coordinates `]` `barrier` $barrier attr-dict";
  let hasVerifier = 1;
}

def Simt_CommitOp : Simt_Op<"commit", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "Closes the group of the copies started since the last commit";
  let assemblyFormat = "attr-dict";
}

def Simt_WaitOp : Simt_Op<"wait", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "Waits until at most `pending` groups of this lane are unfinished";
  let arguments = (ins I64Attr:$pending);
  let assemblyFormat = "$pending attr-dict";
}

def Simt_BarrierOp : Simt_Op<"barrier", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "All lanes of the workgroup have arrived; their shared memory accesses before it are done";
  let assemblyFormat = "attr-dict";
}

//===-- Launches that overlap --------------------------------------------------------------------------------------===//

def Simt_AdmitNextOp : Simt_Op<"admit_next", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "As far as this workgroup goes, the launch behind this one may start";
  let description = [{
    It starts when all workgroups say so or have ended, where there is room beside them, and then has to wait for this
    one (await_previous).
  }];
  let assemblyFormat = "attr-dict";
}

def Simt_AwaitPreviousOp : Simt_Op<"await_previous", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "Waits until the launch before this one has ended, and what it stored is seen";
  let description = [{
    Reached by all lanes of every program, before any access to memory but loads from bases that no launch of the plan
    before writes, whose numbers are `unwritten`. Where every launch that may start early waits, and so ends behind the one
    before it, all launches before have ended then.

    With `opens` the launch before may be of another call, which may have written any base: nothing is loaded before the
    wait, and the next launch is admitted behind it (admit_next), so that what it loads early nobody writes any more.
    Constraint M11.
  }];
  let arguments = (ins OptionalAttr<DenseI64ArrayAttr>:$unwritten, UnitAttr:$opens);
  let assemblyFormat = "(`opens` $opens^)? (`unwritten` $unwritten^)? attr-dict";
  let hasVerifier = 1;
}

def Simt_PrefetchOp : Simt_Op<"prefetch", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "The line of global memory that holds this address is brought into the cache that all workgroups share";
  let description = [{
    Without `if` always. Allowed where others still write: what they write is seen all the same.
  }];
  let arguments = (ins I64:$address, Optional<I1>:$predicate);
  let assemblyFormat = "$address (`if` $predicate^)? attr-dict";
}

//===-- Programs of a launch ---------------------------------------------------------------------------------------===//

def Simt_ArriveOp : Simt_Op<"arrive", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "One more at a counter in global memory; whether it is the last of `count`";
  let description = [{
    `%last = simt.arrive %address of %count`: the i32 at the address, a multiple of 4, goes up by one, from count - 1 to 0, in
    one step for all workgroups of the launch. By one lane; what the lanes of its workgroup stored before a simt.barrier in front of
    it is seen by those of the workgroup whose result is true, behind a simt.barrier.
  }];
  let arguments = (ins I64:$address, I32:$count);
  let results = (outs I1:$last);
  let assemblyFormat = "$address `of` $count attr-dict";
}

//===-- Barriers in shared memory ----------------------------------------------------------------------------------===//

// A barrier of 8 bytes, aligned to 8, counts arrivals and bytes, and flips its phase when both have come.
class Simt_SharedBarrierOp<string mnemonic> : Simt_Op<mnemonic, [MemoryEffects<[MemRead, MemWrite]>]>;

def Simt_BarrierInitOp : Simt_SharedBarrierOp<"barrier_init"> {
  let summary = "Makes a barrier of `count` arrivals a phase of 8 bytes of shared memory";
  let description = [{
    By one lane. Others may use the barrier after simt.fence_barriers of that lane and a simt.barrier. The first phase
    has parity 0. Constraint M6.
  }];
  let arguments = (ins I32:$address, I64Attr:$count);
  let assemblyFormat = "$address `count` $count attr-dict";
  let hasVerifier = 1;
}

def Simt_BarrierArriveOp : Simt_SharedBarrierOp<"barrier_arrive"> {
  let summary = "One arrival; this lane's accesses before it are seen by who waits for the phase";
  let arguments = (ins I32:$address);
  let assemblyFormat = "$address attr-dict";
}

def Simt_BarrierArriveExpectOp : Simt_SharedBarrierOp<"barrier_arrive_expect"> {
  let summary = "One arrival, which also makes the phase wait for `bytes` bytes of copies";
  let description = [{ Constraint M6: 0 to 2^20 - 1 bytes. }];
  let arguments = (ins I32:$address, I64Attr:$bytes);
  let assemblyFormat = "$address `bytes` $bytes attr-dict";
  let hasVerifier = 1;
}

def Simt_BarrierArriveCopiesOp : Simt_SharedBarrierOp<"barrier_arrive_copies"> {
  let summary = "One arrival, when all copies (simt.copy) this lane has started before are complete";
  let description = [{ Does not wait itself. What was copied is seen by who waits for the phase. }];
  let arguments = (ins I32:$address);
  let assemblyFormat = "$address attr-dict";
}

def Simt_BarrierWaitOp : Simt_SharedBarrierOp<"barrier_wait"> {
  let summary = "Waits until the phase of this parity is complete";
  let description = [{
    `parity`, 0 or 1: of the phase waited for. The phase before the first counts as complete and has parity 1, so a
    producer's first wait for empty slots returns at once. `patient`: the wait may be long, and the warp shall sleep rather
    than ask again and again, which takes instructions from others.
  }];
  let arguments = (ins I32:$address, I32:$parity, UnitAttr:$patient);
  let assemblyFormat = "(`patient` $patient^)? $address `parity` $parity attr-dict";
}

def Simt_BarrierEndOp : Simt_SharedBarrierOp<"barrier_end"> {
  let summary = "Gives the memory of a barrier back; nobody may wait for it any more";
  let arguments = (ins I32:$address);
  let assemblyFormat = "$address attr-dict";
}

def Simt_FenceBarriersOp : Simt_SharedBarrierOp<"fence_barriers"> {
  let summary = "Barriers this lane has initialised are known to the units that copy tensors";
  let assemblyFormat = "attr-dict";
}

def Simt_FenceAsyncOp : Simt_SharedBarrierOp<"fence_async"> {
  let summary = "Orders this lane's accesses to shared memory with those of tensor copies and matrix instructions";
  let description = [{
    Between a lane's own accesses and, after a barrier, accesses of a unit that reads or writes shared memory by itself.
  }];
  let assemblyFormat = "attr-dict";
}

//===-- Parts of a workgroup ---------------------------------------------------------------------------------------===//

def Simt_NamedBarrierOp : Simt_Op<"named_barrier", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "A barrier that only `threads` lanes of the workgroup take part in";
  let description = [{
    `id`, 1 to 15, says which one; the same in all lanes of a warp. With `arrive` the lane counts as one that has come
    and goes on. Lanes that arrive and lanes that wait make `threads` together. Constraint M7.
  }];
  let arguments = (ins I32:$id, I64Attr:$threads, UnitAttr:$arrive);
  let assemblyFormat = "(`arrive` $arrive^)? $id `threads` $threads attr-dict";
  let hasVerifier = 1;
}

def Simt_WarpBarrierOp : Simt_Op<"warp_barrier", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "All lanes of the warp have arrived; their shared memory accesses before it are done";
  let assemblyFormat = "attr-dict";
}

def Simt_SetRegistersOp : Simt_Op<"set_registers", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "Gives registers of this warp back to the workgroup, or takes what others gave back";
  let description = [{
    `count` registers a lane from here on. All warps of a group of four take the same turn. An increase waits until there
    are enough. Constraint M7: 24 to 256, a multiple of 8.
  }];
  let arguments = (ins Simt_RegisterChange:$change, I64Attr:$count);
  let assemblyFormat = "$change $count attr-dict";
  let hasVerifier = 1;
}

def Simt_RenewOp : Simt_Op<"renew", [MemoryEffects<[MemWrite]>]> {
  let summary = "The same value, of which nothing is known any more";
  let description = [{
    What follows from the result is computed behind this op and not ahead of a loop around it, where it would take
    registers from everything between.
  }];
  let arguments = (ins I32:$value);
  let results = (outs I32:$result);
  let assemblyFormat = "$value attr-dict";
}

def Simt_UniformOp : Simt_Op<"uniform", [Pure]> {
  let summary = "A value that all lanes of the warp have, and are known to have";
  let description = [{ Machines keep such values, and what follows from them, once a warp. All lanes take part. }];
  let arguments = (ins I32:$value);
  let results = (outs I32:$result);
  let assemblyFormat = "$value attr-dict";
}

def Simt_AnyOp : Simt_Op<"any", [Pure]> {
  let summary = "Whether something holds in some lane of the warp";
  let description = [{ All lanes have the answer, and all take part. }];
  let arguments = (ins I1:$value);
  let results = (outs I1:$result);
  let assemblyFormat = "$value attr-dict";
}

//===-- Lanes and matrix instructions ------------------------------------------------------------------------------===//

def Simt_ShuffleOp : Simt_Op<"shuffle", [Pure, AllTypesMatch<["value", "result"]>]> {
  let summary = "The value another lane of the warp has";
  let description = [{
    `xor`: of lane (own lane xor selector), the selector being the same in all lanes; `index`: of lane `selector`. All
    lanes of the warp take part. Constraint M5: 32-bit values.
  }];
  let arguments = (ins Simt_ShuffleMode:$mode, AnyTypeOf<[I32, F32]>:$value, I32:$selector);
  let results = (outs AnyTypeOf<[I32, F32]>:$result);
  let assemblyFormat = "$mode $value `,` $selector attr-dict `:` type($value)";
}

def Simt_LoadMatrixOp : Simt_Op<"load_matrix", [MemoryEffects<[MemRead]>]> {
  let summary = "Reads 8x8 matrices of 16-bit elements from shared memory, one row address a lane";
  let description = [{
    Lanes 8i to 8i+7 give the addresses (16-byte aligned) of the rows of matrix i. Register i of lane t holds elements
    2(t%4) and 2(t%4)+1 of row t/4 of matrix i; with `transposed`, of its transpose.
  }];
  let arguments = (ins I32:$address, UnitAttr:$transposed);
  let results = (outs Variadic<I32>:$results);
  let assemblyFormat = "$address (`transposed` $transposed^)? attr-dict `->` type($results)";
}

def Simt_MmaOp : Simt_Op<"mma", [Pure, AttrSizedOperandSegments]> {
  let summary = "One matrix instruction: accumulator + left x right";
  let description = [{
    `atom` names the instruction in the tables of the target. Operands are the fragments of this lane, element by element in the
    order of the atom's registers (Atom.h); results likewise.
  }];
  let arguments = (ins StrAttr:$atom, Variadic<AnyType>:$left, Variadic<AnyType>:$right, Variadic<AnyType>:$accumulator);
  let results = (outs Variadic<AnyType>:$results);
  let assemblyFormat = [{
    $atom `left` `(` $left `:` type($left) `)` `right` `(` $right `:` type($right) `)`
    `accumulator` `(` $accumulator `:` type($accumulator) `)` attr-dict `->` type($results)
  }];
}

//===-- Matrix instructions that read shared memory by themselves --------------------------------------------------===//

// They run beside the lanes that started them, in the order in which they were started.
class Simt_GroupOp<string mnemonic, list<Trait> traits = []>
    : Simt_Op<mnemonic, traits # [MemoryEffects<[MemRead, MemWrite]>]>;

def Simt_MmaFenceOp : Simt_GroupOp<"mma_fence", [AllTypesMatch<["values", "results"]>]> {
  let summary = "The values are in the registers where simt.mma_async will find them";
  let description = [{
    Before the first simt.mma_async that takes registers other instructions have written. The results are the values.
  }];
  let arguments = (ins Variadic<AnyTypeOf<[I32, F32]>>:$values);
  let results = (outs Variadic<AnyTypeOf<[I32, F32]>>:$results);
  let assemblyFormat = "$values attr-dict `:` type($values)";
}

def Simt_MmaAsyncOp : Simt_GroupOp<"mma_async", [AttrSizedOperandSegments]> {
  let summary = "Starts one matrix instruction of a group of warps: accumulator + left x right";
  let description = [{
    `atom` names the instruction in the tables of the target. `right`, and `left` where it is no fragment, are offsets of tiles in shared memory that
    `right_matrix` and `left_matrix` describe, as many bytes further on as `right_offset` and `left_offset` say; a
    fragment of 16-bit elements is given as pairs, in words. Without an accumulator the sum starts at zero.
    Until simt.mma_wait has returned the results only another simt.mma_async may use them, and shared memory must not change.
    Constraint M10: a left operand is a fragment or has a matrix; without accumulator there are as many results as one has.
  }];
  let arguments = (ins StrAttr:$atom, Variadic<I32>:$fragment, Optional<I32>:$left, I32:$right,
      Variadic<F32>:$accumulator, OptionalAttr<Simt_SharedMatrixAttr>:$left_matrix, Simt_SharedMatrixAttr:$right_matrix,
      DefaultValuedAttr<I64Attr, "0">:$left_offset, DefaultValuedAttr<I64Attr, "0">:$right_offset);
  let results = (outs Variadic<F32>:$results);
  let assemblyFormat = [{
    $atom (`fragment` `(` $fragment^ `)`)? (`left` $left^ $left_matrix)? `right` $right $right_matrix
    (`accumulator` `(` $accumulator^ `)`)? attr-dict `->` type($results)
  }];
  let hasVerifier = 1;
}

def Simt_MmaCommitOp : Simt_GroupOp<"mma_commit"> {
  let summary = "Closes the group of the simt.mma_async started since the last commit";
  let assemblyFormat = "attr-dict";
}

def Simt_MmaWaitOp : Simt_GroupOp<"mma_wait", [AllTypesMatch<["values", "results"]>, AttrSizedOperandSegments]> {
  let summary = "Waits until at most `pending` groups are unfinished";
  let description = [{
    The values are results of groups that are finished then, or registers that those groups read and that must not be
    written before. The results are the values. Lanes compute the values of `after` before they begin to wait: the
    instructions run beside that work.
  }];
  let arguments = (ins I64Attr:$pending, Variadic<F32>:$after, Variadic<AnyTypeOf<[I32, F32]>>:$values);
  let results = (outs Variadic<AnyTypeOf<[I32, F32]>>:$results);
  let assemblyFormat = "$pending (`after` `(` $after^ `)`)? (`values` $values^ `:` type($values))? attr-dict";
}

#endif // HEED_DIALECTS_SIMT_SIMTOPS_TD
