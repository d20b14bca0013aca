"""The models: small graphs of products, rows and maps, in ONNX's text form. T stands for the element type, capital letters
for sizes that are known at run time only. Letters mean the same size in all inputs of one model."""

import dataclasses

# What sizes are drawn from: one, around vectors, tiles and their halves, and nothing in particular.
SMALL = (1, 2, 3, 5)
SIZES = (1, 2, 3, 7, 8, 15, 16, 17, 31, 32, 33, 40, 63, 64, 65, 72, 96, 100, 127, 128, 129)
WIDE = (*SIZES, 200, 255, 256, 257, 384)
LARGE = {"M": (1024, 1288, 1672), "N": (1800, 2048, 2568), "K": (8, 64, 136, 200)}
FLOATS = ("float", "float16", "bfloat16")
HALVES = ("float16", "bfloat16")
INTEGERS = ("int32", "int64")


@dataclasses.dataclass
class Model:
    name: str
    skeleton: str
    text: str  # inputs => outputs { nodes }
    types: tuple = FLOATS
    # Sizes of other letters than these: SMALL for B and H, SIZES for the rest.
    sizes: dict = dataclasses.field(default_factory=dict)
    # Inputs that hold indices, and the size that they are below.
    indices: dict = dataclasses.field(default_factory=dict)
    # Roundings to the element type that the result may have gone through.
    roundings: int = 1
    opset: int = 20


def matmul(name, text, **rest):
    return Model(name, "matmul", text, **rest)


def row(name, text, **rest):
    return Model(name, "row", text, **rest)


def elementwise(name, text, **rest):
    return Model(name, "map", text, **rest)


MODELS = [
    matmul("plain", "T[M,K] a, T[K,N] b => T[M,N] y { y = MatMul(a, b) }"),
    matmul("batched", "T[B,M,K] a, T[B,K,N] b => T[B,M,N] y { y = MatMul(a, b) }"),
    matmul("shared-right", "T[B,H,M,K] a, T[K,N] b => T[B,H,M,N] y { y = MatMul(a, b) }"),
    matmul("broadcast-left", "T[1,M,K] a, T[B,K,N] b => T[B,M,N] y { y = MatMul(a, b) }"),
    matmul("vector", "T[K] a, T[K,N] b => T[N] y { y = MatMul(a, b) }", sizes={"K": WIDE, "N": WIDE}),
    matmul("by-vector", "T[M,K] a, T[K] b => T[M] y { y = MatMul(a, b) }", sizes={"K": WIDE}),
    matmul("gemm-a", "T[K,M] a, T[K,N] b, T[N] c => T[M,N] y { y = Gemm<transA=1, alpha=0.5, beta=2.0>(a, b, c) }", roundings=2),
    matmul("gemm-b", "T[M,K] a, T[N,K] b, T[M,N] c => T[M,N] y { y = Gemm<transB=1>(a, b, c) }", roundings=2),
    matmul("gemm-ab", "T[K,M] a, T[N,K] b => T[M,N] y { y = Gemm<transA=1, transB=1>(a, b) }"),
    matmul("linear-gelu", "T[B,M,K] x, T[K,N] w, T[N] c => T[B,M,N] y { p = MatMul(x, w)  s = Add(p, c)  y = Gelu(s) }", roundings=3),
    matmul("residual", "T[M,K] x, T[K,N] w, T[M,N] r => T[M,N] y { p = MatMul(x, w)  s = Add(p, r)  y = Relu(s) }", roundings=2),
    matmul("gated", "T[M,K] x, T[K,N] v, T[K,N] w => T[M,N] y { p = MatMul(x, v)  q = MatMul(x, w)  g = Sigmoid(q)  y = Mul(p, g) }",
           roundings=4),
    matmul("swapped", "T[B,M,K] a, T[B,N,K] b => T[B,M,N] y { t = Transpose<perm=[0,2,1]>(b)  y = MatMul(a, t) }"),
    matmul("scores", 'T[B,M,H,K] q, T[B,N,H,K] k => T[B,H,M,N] y { y = Einsum<equation="bmhk,bnhk->bhmn">(q, k) }'),
    # Enough programs for the largest blocks, and rows that vector accesses fit, which are what such blocks are for.
    matmul("large", "T[M,K] a, T[K,N] b => T[M,N] y { y = MatMul(a, b) }", types=HALVES, sizes=LARGE),
    matmul("large-across", "T[K,M] a, T[N,K] b => T[M,N] y { y = Gemm<transA=1, transB=1>(a, b) }", types=HALVES, sizes=LARGE),
    matmul("large-linear", "T[M,K] x, T[K,N] w, T[N] c, T[M,N] r => T[M,N] y { p = MatMul(x, w)  s = Add(p, c)  g = Gelu(s)  y = Add(g, r) }",
           types=HALVES, sizes=LARGE, roundings=4),
    matmul("gated-network", "T[B,M,K] x, T[K,N] v, T[K,N] w, T[N] c, T[N,P] u => T[B,M,P] y { p = MatMul(x, v)  q = MatMul(x, w)  "
           "r = Add(q, c)  s = Sigmoid(r)  g = Mul(r, s)  h = Mul(p, g)  y = MatMul(h, u) }", roundings=8),
    matmul("large-gated", "T[M,K] x, T[K,N] v, T[K,N] w => T[M,N] y { p = MatMul(x, v)  q = MatMul(x, w)  g = Sigmoid(q)  y = Mul(p, g) }",
           types=HALVES, sizes=LARGE),
    matmul("large-batch", "T[B,M,K] a, T[B,N,K] b => T[B,M,N] y { t = Transpose<perm=[0,2,1]>(b)  y = MatMul(a, t) }", types=HALVES,
           sizes=LARGE | {"B": (2,)}),
    matmul("chain", "T[M,K] a, T[K,N] b, T[N,P] c => T[M,P] y { p = MatMul(a, b)  y = MatMul(p, c) }", roundings=4),

    row("softmax", "T[B,M,N] x => T[B,M,N] y { y = Softmax<axis=-1>(x) }", sizes={"N": WIDE}),
    row("softmax-outer", "T[B,M,N] x => T[B,M,N] y { y = Softmax<axis=1>(x) }"),
    row("log-softmax", "T[M,N] x => T[M,N] y { y = LogSoftmax<axis=-1>(x) }", sizes={"N": WIDE}, roundings=2),
    row("masked-softmax", "T[B,M,N] x, T[M,N] m => T[B,M,N] y { s = Add(x, m)  y = Softmax<axis=-1>(s) }", roundings=4),
    row("layer-norm", "T[B,M,N] x, T[N] w, T[N] c => T[B,M,N] y { y = LayerNormalization<axis=-1>(x, w, c) }",
        sizes={"N": (2, 7, 8, 16, 33, 64, 100, 128, 257, 384)}, roundings=3),
    row("residual-norm", "T[M,N] x, T[M,N] r, T[N] w, T[N] c => T[M,N] y { s = Add(x, r)  y = LayerNormalization<axis=-1>(s, w, c) }",
        sizes={"N": (2, 7, 8, 16, 33, 64, 100, 128, 257, 384)}, roundings=4),
    row("rms-norm", "T[M,N] x, T[N] w => T[M,N] y { y = RMSNormalization<axis=-1>(x, w) }",
        sizes={"N": (2, 7, 8, 16, 33, 64, 100, 128, 257, 384)}, roundings=3, opset=23),
    row("sum", "T[B,M,N] x => T[B,M] y { axes = Constant<value_ints=[2]>()  y = ReduceSum<keepdims=0>(x, axes) }", sizes={"N": WIDE}),
    row("sum-middle", "T[B,M,N] x => T[B,1,N] y { axes = Constant<value_ints=[1]>()  y = ReduceSum<keepdims=1>(x, axes) }"),
    row("mean-two", "T[B,M,N] x => T[B] y { axes = Constant<value_ints=[1,2]>()  y = ReduceMean<keepdims=0>(x, axes) }"),
    row("max", "T[B,M,N] x => T[B,M,1] y { axes = Constant<value_ints=[2]>()  y = ReduceMax<keepdims=1>(x, axes) }",
        types=(*FLOATS, *INTEGERS), sizes={"N": WIDE}),
    row("min-outer", "T[M,N] x => T[N] y { axes = Constant<value_ints=[0]>()  y = ReduceMin<keepdims=0>(x, axes) }",
        types=(*FLOATS, *INTEGERS)),
    row("l2", "T[M,N] x => T[M,1] y { axes = Constant<value_ints=[1]>()  y = ReduceL2<keepdims=1>(x, axes) }", sizes={"N": WIDE}),
    row("log-sum-exp", "T[M,N] x => T[M] y { axes = Constant<value_ints=[1]>()  y = ReduceLogSumExp<keepdims=0>(x, axes) }",
        sizes={"N": WIDE}, roundings=2),
    row("arg-max", "T[M,N] x => int64[M] y { y = ArgMax<axis=1, keepdims=0>(x) }", sizes={"N": WIDE}),
    row("cumulative", "T[M,N] x => T[M,N] y { axis = Constant<value_int=1>()  y = CumSum(x, axis) }", roundings=2),

    elementwise("add", "T[B,1,N] a, T[M,1] b => T[B,M,N] y { y = Add(a, b) }", types=(*FLOATS, *INTEGERS)),
    elementwise("chain", "T[M,N] a, T[N] b, T[M,1] c => T[M,N] y { p = Mul(a, b)  q = Sub(p, c)  y = Tanh(q) }", roundings=3),
    elementwise("gelu", "T[M,N] x => T[M,N] y { y = Gelu(x) }"),
    elementwise("silu", "T[M,N] x => T[M,N] y { s = Sigmoid(x)  y = Mul(x, s) }", roundings=2),
    elementwise("exp-log", "T[M,N] x => T[M,N] y { a = Abs(x)  e = Exp(a)  y = Log(e) }", roundings=4),
    elementwise("root", "T[M,N] x => T[M,N] y { a = Abs(x)  s = Sqrt(a)  y = Neg(s) }"),
    elementwise("extremes", "T[M,N] a, T[M,N] b => T[M,N] y { p = Max(a, b)  q = Min(a, b)  y = Sub(p, q) }", types=(*FLOATS, *INTEGERS)),
    elementwise("choose", "T[M,N] a, T[N] b => T[M,N] y { c = Greater(a, b)  y = Where(c, a, b) }", types=(*FLOATS, *INTEGERS)),
    elementwise("transpose", "T[B,M,N] x => T[N,B,M] y { y = Transpose<perm=[2,0,1]>(x) }", types=(*FLOATS, *INTEGERS)),
    elementwise("concat", "T[M,K] a, T[M,N] b => T[M,P] y { y = Concat<axis=1>(a, b) }", types=(*FLOATS, *INTEGERS)),
    elementwise("gather", "T[M,N] x, int64[P] i => T[P,N] y { y = Gather<axis=0>(x, i) }", types=(*FLOATS, *INTEGERS),
                indices={"i": "M"}),
    elementwise("to-half", "T[M,N] x => float16[M,N] y { y = Cast<to=10>(x) }", types=("float", "bfloat16", "int32")),
    elementwise("to-float", "T[M,N] x => float[M,N] y { y = Cast<to=1>(x) }", types=("float16", "bfloat16", "int32")),
    elementwise("reverse", "T[M,N] x => T[M,N] y { t = Transpose<perm=[1,0]>(x)  u = Neg(t)  y = Transpose<perm=[1,0]>(u) }"),
    elementwise("rotary", "T[B,H,M,64] x, T[B,M,32] c, T[B,M,32] s => T[B,H,M,64] y { y = RotaryEmbedding(x, c, s) }", opset=23),
    elementwise("rotary-pairs", "T[B,H,M,40] x, T[P,16] c, T[P,16] s, int64[B,M] p => T[B,H,M,40] y "
                "{ y = RotaryEmbedding<interleaved=1, rotary_embedding_dim=32>(x, c, s, p) }", opset=23, indices={"p": "P"}),
    elementwise("rescale", "T[B,M,N] x, T[M] s => T[B,M,N] y { axes = Constant<value_ints=[1]>()  u = Unsqueeze(s, axes)  y = Div(x, u) }",
                roundings=2),
]
