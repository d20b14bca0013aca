"""Times of kernels on a GPU, of Heed and of torch: seconds, as the device measures them."""

import json
import statistics
import subprocess
import sys


def heed_seconds(bench, package, **symbols):
    """Of all kernels of a package together, by heed-bench."""
    run = subprocess.run(
        [bench, package, "--device=cuda:0", *(f"--dim={name}={size}" for name, size in symbols.items()), "--json",
         "--seconds=0.2", "--warmup=0.1"], capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f"{package}: {run.stderr.strip()}")
    return sum(kernel["seconds"] / kernel["launches"] for kernel in json.loads(run.stdout)["kernels"])


def torch_seconds(function):
    """The median of a few runs, which are queued when the device comes to them."""
    import torch
    for _ in range(3):
        function()
    times = []
    for _ in range(20):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        torch.cuda._sleep(100000)
        start.record()
        function()
        end.record()
        torch.cuda.synchronize()
        times.append(start.elapsed_time(end) / 1e3)
    return statistics.median(times)
