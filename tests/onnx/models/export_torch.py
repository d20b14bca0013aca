#!/usr/bin/env python3
"""Exports the graphs of this folder with torch.onnx: Hugging Face's own BERT and ViT at small sizes, both exporters.

    python tests/onnx/models/export_torch.py

Run by hand, never by the tests: it needs torch==2.11.0, transformers==4.57.1, onnx==1.23.2, onnxscript==0.7.2 and
numpy==2.4.6. What it writes is committed. Weights are stripped: every float initialiser beyond a few bytes becomes
external data, and weights.py makes that data again from a seed.

The graph is the exporter's own; only its notes (stack traces) are dropped. The torch.export exporter builds opset 18
and converts to the opset asked for, which for 17 is a step down: where the converter declines, torch keeps 18 and this
script says so and leaves nothing under the name that was asked for. With the versions above all twelve are made.
"""

import argparse
import logging
import sys
import warnings
from pathlib import Path

import onnx
import torch
from transformers import BertConfig, BertModel, ViTConfig, ViTModel

from weights import drop_notes, strip_weights

HERE = Path(__file__).resolve().parent
OPSETS = (17, 18, 20)
LAYERS = 3


def bert():
    config = BertConfig(
        vocab_size=512,
        hidden_size=96,
        num_hidden_layers=LAYERS,
        num_attention_heads=4,
        intermediate_size=192,
        max_position_embeddings=128,
        attn_implementation="sdpa",
    )
    model = BertModel(config, add_pooling_layer=False)
    ids = torch.randint(0, config.vocab_size, (2, 16))
    mask = torch.ones(2, 16, dtype=torch.int64)
    mask[1, 11:] = 0
    names = ["input_ids", "attention_mask", "token_type_ids"]
    return model, (ids, mask, torch.zeros_like(ids)), names, {0: "batch", 1: "sequence"}


def vit():
    config = ViTConfig(
        image_size=32,
        patch_size=8,
        hidden_size=96,
        num_hidden_layers=LAYERS,
        num_attention_heads=4,
        intermediate_size=192,
        attn_implementation="sdpa",
    )
    model = ViTModel(config, add_pooling_layer=False)
    return model, (torch.randn(2, 3, 32, 32),), ["pixel_values"], {0: "batch"}


class LastHiddenState(torch.nn.Module):
    """Positional inputs in the order of `names`, one tensor out."""

    def __init__(self, model, names):
        super().__init__()
        self.model = model
        self.names = names

    def forward(self, *inputs):
        return self.model(**dict(zip(self.names, inputs))).last_hidden_state


def export(model, inputs, names, axes, opset, dynamo, path):
    wrapped = LastHiddenState(model, names).eval()
    for parameter in wrapped.parameters():  # fresh models hold equal biases, which an exporter would share
        torch.nn.init.normal_(parameter)
    common = dict(input_names=names, output_names=["last_hidden_state"], opset_version=opset, dynamo=dynamo, verbose=False)
    if dynamo:
        dims = {axis: torch.export.Dim(name, min=1, max=128) for axis, name in axes.items()}
        torch.onnx.export(wrapped, inputs, path, dynamic_shapes=(tuple(dims for _ in names),), **common)
    else:
        dynamic = {name: axes for name in names} | {"last_hidden_state": axes}
        torch.onnx.export(wrapped, inputs, path, dynamic_axes=dynamic, **common)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE)
    out = parser.parse_args().out
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    failures = 0
    for family, build in (("bert", bert), ("vit", vit)):
        for dynamo in (False, True):
            for opset in OPSETS:
                torch.manual_seed(0)
                name = f"{family}-{'dynamo' if dynamo else 'script'}-{opset}"
                path = out / f"{name}.onnx"
                try:
                    export(*build(), opset, dynamo, str(path))
                except Exception as error:  # the exporter raises its own kinds; each is reported
                    print(f"{name}: not exported: {type(error).__name__}: {str(error).splitlines()[0]}")
                    failures += 1
                    continue
                model = onnx.load(path)
                (path.parent / (path.name + ".data")).unlink(missing_ok=True)
                written = next(item.version for item in model.opset_import if item.domain == "")
                if written != opset:
                    print(f"{name}: not exported: the exporter kept opset {written}")
                    path.unlink()
                    failures += 1
                    continue
                onnx.save(strip_weights(drop_notes(model), f"{name}.weights"), path)
                print(f"{name}: {len(model.graph.node)} nodes, {path.stat().st_size} bytes")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
