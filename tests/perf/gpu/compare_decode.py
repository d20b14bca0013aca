#!/usr/bin/env python3
"""Decoding on an NVIDIA GPU: attention of one row a head over long keys, as a share of the bandwidth of a copy.

    compare_decode.py emit DIR           writes decode-KIND.mlir; compile them anywhere:
                                         heedc DIR/x.mlir --target=cuda:sm_90a -o DIR/x.heed
    compare_decode.py run DIR PROGRAMS   on the GPU machine, which needs torch; PROGRAMS is the folder of heed-run and of
                                         libheed.so.0 or its neighbour lib; modules beside and above this file are needed

bf16, 32 query heads, 8 key heads, width 128, 8192 keys: dense, in pages of 16 and of 64 keys in random places, and of
random lengths; for 32 sequences and for one. Keys and values are in several buffers, used in turn, which together are
larger than the last cache. Prints the bytes of keys and values that are read a second, the share of what torch copies a
second in the same run (bytes read plus bytes written), torch's attention for the dense case, and Heed's error over what
is allowed: e = out - float64; rms(e) <= 1.25 rms(e_plain) + half a unit in the last place of rms(out), the plain
computation having f32 scores and sums, weights rounded once and results once. Times are of all kernels of a call
together, one call behind the other. Fails when an error is beyond what is allowed.
"""

import ctypes
import pathlib
import statistics
import sys

sys.path += [str(pathlib.Path(__file__).parents[level]) for level in (0, 2)]

HEADS, KEY_HEADS, WIDTH, KEYS = 32, 8, 128, 8192
KINDS = ("dense", "paged-16", "paged-64", "ragged")
BATCHES = (32, 1)
LEAST_BYTES = 256 << 20  # of keys and values that are used in turn; the last cache has 50 MiB


def source(kind):
    """@main over symbols batch, keys or pages: one row a head."""
    page = int(kind.split("-")[1]) if kind.startswith("paged") else 0
    query = f"tensor<?x{HEADS}x1x{WIDTH}xbf16>"
    arguments = [f'%query: {query} {{plan.name = "query", plan.shape = affine_map<()[b, n, p] -> (b, {HEADS}, 1, {WIDTH})>}}']
    if page:
        cache, shape = f"tensor<?x{KEY_HEADS}x{page}x{WIDTH}xbf16>", f"(p, {KEY_HEADS}, {page}, {WIDTH})"
    else:
        cache, shape = f"tensor<?x{KEY_HEADS}x?x{WIDTH}xbf16>", f"(b, {KEY_HEADS}, n, {WIDTH})"
    for name in ("key", "value"):
        arguments.append(f'%{name}: {cache} {{plan.name = "{name}", plan.shape = affine_map<()[b, n, p] -> {shape}>}}')
    extra = ""
    if kind != "dense":
        arguments.append('%length: tensor<?xi32> {plan.name = "length", plan.shape = affine_map<()[b, n, p] -> (b)>}')
        extra += " kv_length(%length : tensor<?xi32>)"
    if page:
        arguments.append('%pages: tensor<?x?xi32> {plan.name = "pages", plan.shape = affine_map<()[b, n, p] -> (b, n)>}')
        extra += " pages(%pages : tensor<?x?xi32>)"
    symbols = ["batch", "entries" if page else "keys", "pages"]
    if not page:
        symbols.pop()
        arguments = [argument.replace("[b, n, p]", "[b, n]") for argument in arguments]
    names = ", ".join(f'"{symbol}"' for symbol in symbols)
    return f"""func.func @main({", ".join(arguments)}) -> ({query} {{plan.name = "out"}})
    attributes {{plan.symbols = [{names}]}} {{
  %out = attn.attend query(%query : {query}) key(%key : {cache}) value(%value : {cache}){extra}
      scale {WIDTH ** -0.5!r} -> {query}
  return %out : {query}
}}
"""


def emit(folder):
    for kind in KINDS:
        (folder / f"decode-{kind}.mlir").write_text(source(kind))


class Case:
    """Inputs of one kind, several times; tensors of torch."""

    def __init__(self, kind, batch):
        import torch
        page = int(kind.split("-")[1]) if kind.startswith("paged") else 0
        self.kind, self.batch, self.page = kind, batch, page
        self.lengths = torch.full((batch,), KEYS, dtype=torch.int32, device="cuda")
        if kind == "ragged":
            self.lengths = torch.randint(KEYS // 16, KEYS + 1, (batch,), device="cuda").int()
        self.bytes = 2 * int(self.lengths.sum()) * KEY_HEADS * WIDTH * 2
        rows = (batch * KEYS // page, KEY_HEADS, page, WIDTH) if page else (batch, KEY_HEADS, KEYS, WIDTH)
        self.sets = []
        for _ in range(max(2, -(-LEAST_BYTES // self.bytes))):
            inputs = {"query": torch.randn(batch, HEADS, 1, WIDTH, device="cuda").bfloat16()}
            for name in ("key", "value"):
                inputs[name] = torch.randn(rows, device="cuda", dtype=torch.bfloat16)
            if kind != "dense":
                inputs["length"] = self.lengths
            if page:
                inputs["pages"] = torch.randperm(rows[0], device="cuda").int().view(batch, -1)
            self.sets.append(inputs)

    def cache(self, inputs, name):
        """Keys or values of a set as [batch, key heads, keys, width]."""
        if not self.page:
            return inputs[name]
        pages = inputs[name][inputs["pages"].long()]  # [batch, entries, key heads, page, width]
        return pages.transpose(1, 2).reshape(self.batch, KEY_HEADS, KEYS, WIDTH)


class Heed:
    """Calls of a package by the C interface, one for each set of a case's inputs."""

    class View(ctypes.Structure):
        _fields_ = [("data", ctypes.c_void_p), ("buffer", ctypes.c_void_p), ("byte_offset", ctypes.c_uint64),
                    ("type", ctypes.c_int), ("rank", ctypes.c_int32), ("sizes", ctypes.POINTER(ctypes.c_int64)),
                    ("strides", ctypes.POINTER(ctypes.c_int64)), ("capacity_bytes", ctypes.c_uint64)]

    BF16, I32, CUDA_MEMORY = 4, 6, 1

    def __init__(self, programs):
        places = [programs / "libheed.so.0", programs.parent / "lib" / "libheed.so.0"]
        self.library = ctypes.CDLL(str(next((place for place in places if place.exists()), "libheed.so.0")))
        for name in ("device_open", "module_load_file", "call_create", "call_bind_input", "call_bind_output", "call_run",
                     "buffer_wrap", "queue_wrap"):
            getattr(self.library, "heed_" + name).restype = ctypes.c_void_p
        self.library.heed_status_message.restype = ctypes.c_char_p
        self.device, self.queue = ctypes.c_void_p(), ctypes.c_void_p()
        self.check("device_open", b"cuda:0", None, ctypes.byref(self.device))

    def check(self, name, *arguments):
        status = getattr(self.library, "heed_" + name)(*arguments)
        if status:
            sys.exit(f"heed_{name}: {self.library.heed_status_message(ctypes.c_void_p(status)).decode()}")

    def view(self, tensor):
        import torch
        buffer = ctypes.c_void_p()
        self.check("buffer_wrap", self.device, self.CUDA_MEMORY, ctypes.c_void_p(tensor.data_ptr()),
                   ctypes.c_uint64(tensor.numel() * tensor.element_size()), ctypes.byref(buffer))
        sizes = (ctypes.c_int64 * tensor.dim())(*tensor.shape)
        view = self.View(buffer=buffer, type=self.BF16 if tensor.dtype == torch.bfloat16 else self.I32,
                         rank=tensor.dim(), sizes=sizes)
        return ctypes.byref(view)

    def calls(self, package, case, stream):
        """One function a set of inputs, which enqueues the call; and where the outputs will be."""
        import torch
        module = ctypes.c_void_p()
        self.check("module_load_file", self.device, str(package).encode(), None, ctypes.byref(module))
        queue = ctypes.c_void_p()
        self.check("queue_wrap", self.device, ctypes.c_void_p(stream.cuda_stream), ctypes.byref(queue))
        functions, outputs = [], []
        for inputs in case.sets:
            call = ctypes.c_void_p()
            self.check("call_create", module, ctypes.byref(call))
            outputs.append(torch.empty_like(inputs["query"]))
            for name, tensor in inputs.items():
                self.check("call_bind_input", call, name.encode(), self.view(tensor))
            self.check("call_bind_output", call, b"out", self.view(outputs[-1]))
            functions.append(lambda call=call: self.check("call_run", call, queue, None))
        return functions, outputs


def seconds_each(functions, stream):
    """The median time of one of the functions, which are called in turn, one behind the other."""
    import torch
    with torch.cuda.stream(stream):
        for _ in range(3):
            for function in functions:
                function()
        times, rounds = [], max(1, 20 // len(functions))
        for _ in range(7):
            start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            torch.cuda._sleep(2000000)  # what follows is queued when the device comes to it
            start.record()
            for _ in range(rounds):
                for function in functions:
                    function()
            end.record()
            torch.cuda.synchronize()
            times.append(start.elapsed_time(end) / 1e3 / rounds / len(functions))
    return statistics.median(times)


def copied_bytes(stream):
    """Bytes a second that torch reads and writes when it copies a gibibyte, several in turn."""
    import torch
    size = 1 << 30
    pairs = [[torch.empty(size, dtype=torch.uint8, device="cuda") for _ in range(2)] for _ in range(2)]
    return 2 * size / seconds_each([lambda pair=pair: pair[0].copy_(pair[1]) for pair in pairs], stream)


def attention(query, key, value, weight_type):
    """[rows, width] of one key head, with weights rounded to `weight_type` before they are multiplied."""
    scores = query @ key.T * WIDTH ** -0.5
    weights = (scores - scores.amax(1, keepdim=True)).exp()
    return weights.to(weight_type).to(query.dtype) @ value / weights.sum(1, keepdim=True)


def error_share(case, inputs, out):
    """The worst of all sequences and heads, over what is allowed for all together."""
    import torch
    torch.backends.cuda.matmul.allow_tf32 = False
    group, exact, plain = HEADS // KEY_HEADS, [], []
    caches = [case.cache(inputs, name) for name in ("key", "value")]
    for batch in range(case.batch):
        length = int(case.lengths[batch])
        for head in range(KEY_HEADS):
            one = [inputs["query"][batch, head * group:(head + 1) * group, 0]]
            one += [cache[batch, head, :length] for cache in caches]
            exact.append(attention(*(tensor.double() for tensor in one), torch.float64))
            plain.append(attention(*(tensor.float() for tensor in one), torch.bfloat16).bfloat16())
    exact, plain = torch.cat(exact), torch.cat(plain)
    rms = lambda tensor: tensor.double().square().mean().sqrt().item()
    allowed = 1.25 * rms(plain.double() - exact) + 0.5 * 2 ** -8 * rms(exact)
    return rms(out.view(-1, WIDTH).double() - exact) / allowed


def torch_rate(case, stream):
    """Bytes a second of torch's attention; none where it has no such kind."""
    import torch
    if case.kind != "dense":
        return float("nan")
    functions = [lambda inputs=inputs: torch.nn.functional.scaled_dot_product_attention(
        inputs["query"], inputs["key"], inputs["value"], enable_gqa=True) for inputs in case.sets]
    return case.bytes / seconds_each(functions, stream)


def run(folder, programs):
    import torch
    torch.manual_seed(1)
    stream, heed, fails = torch.cuda.Stream(), Heed(programs), 0
    copy = copied_bytes(stream)
    print(f"copy {copy / 1e9:.0f} GB/s, read and written")
    print(f"{'kind':>9} {'batch':>5} {'us':>8} {'GB/s':>6} {'of copy':>7} {'torch':>6}   error/allowed")
    for batch in BATCHES:
        for kind in KINDS:
            case = Case(kind, batch)
            functions, outputs = heed.calls(folder / f"decode-{kind}.heed", case, stream)
            time = seconds_each(functions, stream)
            share = max(error_share(case, *pair) for pair in list(zip(case.sets, outputs))[:2])
            rate = case.bytes / time
            print(f"{kind:>9} {batch:5} {time * 1e6:8.1f} {rate / 1e9:6.0f} {rate / copy:7.2f} "
                  f"{torch_rate(case, stream) / 1e9:6.0f}   {share:6.2f}", flush=True)
            fails += not share <= 1
            del case, functions, outputs
            torch.cuda.empty_cache()
    return 1 if fails else 0


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "emit":
        emit(pathlib.Path(sys.argv[2]))
    elif len(sys.argv) == 4 and sys.argv[1] == "run":
        sys.exit(run(pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]).resolve()))
    else:
        sys.exit(__doc__)
