#ifndef HEED_DIALECTS_ATTN_ATTNOPS_TD
#define HEED_DIALECTS_ATTN_ATTNOPS_TD

include "dialects/attn/Attn.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Attn_Op<string mnemonic, list<Trait> traits = []> : Op<Attn_Dialect, mnemonic, traits>;

def Attn_YieldOp : Attn_Op<"yield", [Pure, Terminator, ReturnLike, ParentOneOf<["AttendOp"]>]> {
  let summary = "Ends a region of an attention op with its one scalar";
  let arguments = (ins AnyType:$value);
  let assemblyFormat = "$value attr-dict `:` type($value)";
}

def Attn_AttendOp : Attn_Op<"attend", [Pure, AttrSizedOperandSegments, AttrSizedResultSegments, IsolatedFromAbove]> {
  let summary = "Attention of queries over keys and values";
  let description = [{
    For batch b, query head h, query row i and key j, with G = Hq / Hkv and kv head g = h / G:

    ```
    s     = scale * <query[b,h,i,:], key[b,g,j,:]>            accumulated in f32
    s     = score(s, b, h, i, j, pos, captures...)            the score region, when present
    s     = masked, unless keep(b, h, i, j, pos, captures...) and j < kv_length[b]
    p     = weight of s under the normaliser                  sink[h] joins the denominator as a virtual key
    p     = prob(p, b, h, i, j, pos, captures...)             the prob region; the denominator uses the weight before it
    out   = sum_j p * value[b,g,j,:] / denominator
    lse   = log of the softmax denominator, -inf for a row without a visible key
    ```

    `row` i and `key` j index the operands as given; `pos` is i + q_offset[b] (0 without the operand), the absolute
    position that causal rules, windows and position biases use. A row without a visible key gives 0. A score at or
    below -1e30 counts as masked.

    Shapes: query [B,Hq,M,Dk], key [B,Hkv,N,Dk], value [B,Hkv,N,Dv], kv_length [B], q_offset [B], sink [Hq]. With
    `pages` [B,P] (i32), key and value are pools [pages,Hkv,page size,D] and key j of batch b lies in pool page
    pages[b, j / page size] at row j mod page size; kv_length is then required. With `blocks` [B,Hq,Qb,L] (i32; -1
    ends a list early) and `block_size` = [rows, keys], rows of query block i / rows visit only the listed key blocks.

    The op returns either `out` (and optionally `lse` [B,Hq,M]) or its row `state`, never both.

    Regions are isolated: captures are operands and appear as extra block arguments of every region, after
    (s,) batch, head, row, key, pos. Bodies hold arith and math scalars, select, index casts and tensor.extract of
    captures, nothing else. Constraints A1 to A14 are listed in SPEC.md.
  }];
  let arguments = (ins AnyRankedTensor:$query, AnyRankedTensor:$key, AnyRankedTensor:$value,
      Optional<AnyRankedTensor>:$kv_length, Optional<AnyRankedTensor>:$q_offset, Optional<AnyRankedTensor>:$sink,
      Optional<AnyRankedTensor>:$pages, Optional<AnyRankedTensor>:$blocks, Variadic<AnyType>:$captures,
      F64Attr:$scale, DefaultValuedAttr<Attn_NormaliserAttr, "::heed::attn::Normaliser::Softmax">:$normaliser,
      OptionalAttr<DenseI64ArrayAttr>:$block_size);
  let results = (outs Optional<AnyRankedTensor>:$out, Optional<AnyRankedTensor>:$lse, Optional<Attn_RowState>:$state);
  let regions = (region MaxSizedRegion<1>:$score, MaxSizedRegion<1>:$keep, MaxSizedRegion<1>:$prob);
  let assemblyFormat = [{
    `query` `(` $query `:` type($query) `)` `key` `(` $key `:` type($key) `)` `value` `(` $value `:` type($value) `)`
    (`kv_length` `(` $kv_length^ `:` type($kv_length) `)`)?
    (`q_offset` `(` $q_offset^ `:` type($q_offset) `)`)?
    (`sink` `(` $sink^ `:` type($sink) `)`)?
    (`pages` `(` $pages^ `:` type($pages) `)`)?
    (`blocks` `(` $blocks^ `:` type($blocks) `)`)?
    (`captures` `(` $captures^ `:` type($captures) `)`)?
    `scale` $scale (`normaliser` $normaliser^)? (`block_size` $block_size^)?
    (`score` $score^)? (`keep` $keep^)? (`prob` $prob^)? attr-dict-with-keyword
    `->` custom<AttendResults>(type($out), type($lse), type($state))
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Block arguments of the regions before the captures: score and prob start with the scalar they change.
    static constexpr unsigned numIndexArguments = 5; // batch, head, row, key, pos
    bool hasScore() { return !getScore().empty(); }
    bool hasKeep() { return !getKeep().empty(); }
    bool hasProb() { return !getProb().empty(); }
    ::mlir::RankedTensorType getQueryType() { return ::llvm::cast<::mlir::RankedTensorType>(getQuery().getType()); }
    ::mlir::RankedTensorType getKeyType() { return ::llvm::cast<::mlir::RankedTensorType>(getKey().getType()); }
    ::mlir::RankedTensorType getValueType() { return ::llvm::cast<::mlir::RankedTensorType>(getValue().getType()); }
  }];
}

def Attn_MergeOp : Attn_Op<"merge", [Pure, AllTypesMatch<["left", "right", "result"]>]> {
  let summary = "The row state of attention over two disjoint key sets";
  let description = [{
    m = max(m1, m2); l = l1 exp(m1 - m) + l2 exp(m2 - m); acc likewise. Associative and commutative up to rounding.
    For a normaliser without a running maximum l and acc simply add.
  }];
  let arguments = (ins Attn_RowState:$left, Attn_RowState:$right,
      DefaultValuedAttr<Attn_NormaliserAttr, "::heed::attn::Normaliser::Softmax">:$normaliser);
  let results = (outs Attn_RowState:$result);
  let assemblyFormat = "$left `,` $right (`normaliser` $normaliser^)? attr-dict `:` type($result)";
}

def Attn_FinishOp : Attn_Op<"finish", [Pure]> {
  let summary = "The output of a row state";
  let description = [{
    out = acc / l, 0 where no key was visible; lse = m + log l. A sink [Hq] is a virtual key added once, here, so the
    attends that made the state must not have one. Constraints F1 to F3.
  }];
  let arguments = (ins Attn_RowState:$state, Optional<AnyRankedTensor>:$sink,
      DefaultValuedAttr<Attn_NormaliserAttr, "::heed::attn::Normaliser::Softmax">:$normaliser);
  let results = (outs AnyRankedTensor:$out, Optional<AnyRankedTensor>:$lse);
  let assemblyFormat = [{
    $state (`sink` `(` $sink^ `:` type($sink) `)`)? (`normaliser` $normaliser^)? attr-dict `:` type($state)
    `->` custom<FinishResults>(type($out), type($lse))
  }];
  let hasVerifier = 1;
}

def Attn_RopeOp : Attn_Op<"rope", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "Rotary position embedding";
  let description = [{
    Rotates the first `rotary_dim` features of input [B,H,S,D]; the others pass. Pair t, t < rotary_dim / 2, is features
    (2t, 2t+1) when interleaved, else (t, t + rotary_dim / 2):
    x1' = x1 cos - x2 sin, x2' = x1 sin + x2 cos. cos and sin are [S, rotary_dim/2] or [B,S,rotary_dim/2]; with
    positions [B,S] they are tables [positions, rotary_dim/2] read at positions[b,s]. Constraints R1 to R4.
  }];
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$cos, AnyRankedTensor:$sin,
      Optional<AnyRankedTensor>:$positions, I64Attr:$rotary_dim, UnitAttr:$interleaved);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $input `:` type($input) `cos` `(` $cos `:` type($cos) `)` `sin` `(` $sin `:` type($sin) `)`
    (`positions` `(` $positions^ `:` type($positions) `)`)? `rotary_dim` $rotary_dim
    (`interleaved` $interleaved^)? attr-dict
  }];
  let hasVerifier = 1;
}

def Attn_AppendOp : Attn_Op<"append", [Pure, AllTypesMatch<["cache", "result"]>]> {
  let summary = "A cache with new rows written at an index";
  let description = [{
    result = cache [B,H,C,D] with rows [B,H,S,D] at cache rows index[b] + s; modulo C when circular. The result is tied
    to the cache operand: it takes its storage when nothing reads the old value later. A linear append past C writes
    nothing there. Constraints P1 to P3.
  }];
  let arguments = (ins AnyRankedTensor:$cache, AnyRankedTensor:$rows, AnyRankedTensor:$index,
      DefaultValuedAttr<Attn_AppendMode, "::heed::attn::AppendMode::Linear">:$mode);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    ($mode^)? $rows `:` type($rows) `into` $cache `:` type($cache) `at` $index `:` type($index) attr-dict
  }];
  let hasVerifier = 1;
}

def Attn_NormOp : Attn_Op<"norm", [Pure, AttrSizedOperandSegments, AllTypesMatch<["input", "result"]>]> {
  let summary = "Layer or root-mean-square normalisation over the trailing dimensions";
  let description = [{
    Over the dimensions first_dim .. rank-1, in f32, mean first and variance from the differences:
    layer: y = (x - mean) / sqrt(var + epsilon); rms: y = x / sqrt(mean(x^2) + epsilon); then y * scale + bias. scale
    and bias have the shape of the normalised dimensions. One op, because its two passes over a row decide the fusion
    and because the variance must not be computed as E[x^2] - E[x]^2. Constraints N1, N2.
  }];
  let arguments = (ins AnyRankedTensor:$input, Optional<AnyRankedTensor>:$scale, Optional<AnyRankedTensor>:$bias,
      Attn_NormKind:$kind, I64Attr:$first_dim, F64Attr:$epsilon);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $kind $input `:` type($input) (`scale` `(` $scale^ `:` type($scale) `)`)? (`bias` `(` $bias^ `:` type($bias) `)`)?
    `from` $first_dim `epsilon` $epsilon attr-dict
  }];
  let hasVerifier = 1;
}

#endif // HEED_DIALECTS_ATTN_ATTNOPS_TD
