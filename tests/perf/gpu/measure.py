"""What runs on a GPU, of Heed and of torch: seconds, as the device measures them, and errors of attention."""

import json
import statistics
import subprocess
import sys
import tempfile

SECONDS, WARMUP = 0.1, 0.1


def heed_seconds(bench, package, inputs=(), **symbols):
    """Of all kernels of a package together, by heed-bench; `inputs` as it takes them, others are random."""
    run = subprocess.run(
        [bench, package, "--device=cuda:0", *(f"--dim={name}={size}" for name, size in symbols.items()),
         *(f"--input={each}" for each in inputs), "--json", f"--seconds={SECONDS}", f"--warmup={WARMUP}"],
        capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f"{package}: {run.stderr.strip()}")
    return sum(kernel["seconds"] / kernel["launches"] for kernel in json.loads(run.stdout)["kernels"])


def torch_seconds(function):
    """The median of runs one after another, of as long a time as Heed's are, after as long a warm-up: a device under
    load is slower than one that rests between runs."""
    import torch

    def run(count):
        events = [torch.cuda.Event(enable_timing=True) for _ in range(count + 1)]
        torch.cuda._sleep(100000)
        events[0].record()
        for event in events[1:]:
            function()
            event.record()
        torch.cuda.synchronize()
        return [first.elapsed_time(second) / 1e3 for first, second in zip(events, events[1:])]

    run(3)
    once = statistics.median(run(5))
    run(max(5, round(WARMUP / once)))
    return statistics.median(run(max(5, round(SECONDS / once))))


def save(path, tensor):
    """As .npy, bf16 by its bits."""
    import numpy
    import torch
    if tensor.dtype == torch.bfloat16:
        numpy.save(path, tensor.view(torch.int16).cpu().numpy().view(numpy.uint16))
    else:
        numpy.save(path, tensor.cpu().numpy())


def heed_output(program, package, tensors):
    """The output "out" by heed-run, 16-bit words taken for bf16; `tensors` by the names of inputs."""
    import numpy
    import torch
    with tempfile.TemporaryDirectory() as folder:
        arguments = [program, package, "--device=cuda:0", "--output", f"out=@{folder}/out.npy"]
        for name, tensor in tensors.items():
            save(f"{folder}/{name}.npy", tensor)
            arguments += ["--input", f"{name}=@{folder}/{name}.npy"]
        run = subprocess.run(arguments, capture_output=True, text=True)
        if run.returncode != 0:
            sys.exit(f"{package}: {run.stderr.strip()}")
        out = numpy.load(f"{folder}/out.npy")
        if out.dtype.itemsize == 2:
            return torch.from_numpy(out.view(numpy.int16)).view(torch.bfloat16).cuda()
        return torch.from_numpy(out).cuda()


def attention(query, key, value, change, weight_type):
    """One head of softmax attention, of scores as change(scores) leaves them; in the inputs' type, with weights rounded
    to `weight_type` before they are multiplied."""
    scores = change(query @ key.T * query.shape[-1] ** -0.5)
    weights = (scores - scores.amax(1, keepdim=True)).exp()
    return weights.to(weight_type).to(query.dtype) @ value / weights.sum(1, keepdim=True)


def causal(scores, batch, head):
    return scores.masked_fill_(scores.new_ones(scores.shape).bool().triu(1), float("-inf"))


def error_share(out, query, key, value, change):
    """The error in the first and the last head over what is allowed: e = out - float64; rms(e) <= 1.25 rms(e_plain) +
    half a unit in the last place of rms(out), the plain computation having f32 scores and sums, weights rounded once and
    results once. change(scores, batch, head) is what the variant makes of a head's scaled products."""
    import torch
    torch.backends.cuda.matmul.allow_tf32 = False
    rms = lambda tensor: tensor.double().square().mean().sqrt().item()
    worst = 0
    for place in ((0, 0), (out.shape[0] - 1, out.shape[1] - 1)):
        one = [tensor[place] for tensor in (query, key, value)]
        changed = lambda scores: change(scores, *place)
        exact = attention(*(tensor.double() for tensor in one), changed, torch.float64)
        plain = attention(*(tensor.float() for tensor in one), changed, torch.bfloat16).bfloat16()
        allowed = 1.25 * rms(plain.double() - exact) + 0.5 * 2 ** -8 * rms(exact)
        worst = max(worst, rms(out[place].double() - exact) / allowed)
    return worst
