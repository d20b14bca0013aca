"""Bad models and bad calls: one clear line, a status of 1 or 2, no signal and no output file."""

import random
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import heed

FLIPPED_BITS = 60
TRUNCATIONS = 24


def info(name: str, shape, kind: int = TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def model_of(nodes, inputs, outputs, initializers=(), opset: int = 18) -> onnx.ModelProto:
    graph = helper.make_graph(list(nodes), "graph", list(inputs), list(outputs), list(initializers))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)


def two_layers() -> onnx.ModelProto:
    """A small valid model to damage: matrix product, bias, activation."""
    generator = np.random.default_rng(1)
    weight = numpy_helper.from_array(generator.standard_normal((8, 4), np.float32), "weight")
    bias = numpy_helper.from_array(generator.standard_normal(4, np.float32), "bias")
    nodes = [
        helper.make_node("MatMul", ["x", "weight"], ["product"], name="product_node"),
        helper.make_node("Add", ["product", "bias"], ["shifted"], name="shift_node"),
        helper.make_node("Relu", ["shifted"], ["y"], name="relu_node"),
    ]
    return model_of(nodes, [info("x", ["batch", 8])], [info("y", ["batch", 4])], [weight, bias])


def save(model: onnx.ModelProto, folder: Path) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def assert_refused(outcome: heed.Outcome, package: Path, *words: str):
    assert not outcome.crashed, f"status {outcome.status}\n{outcome.stderr}"
    assert outcome.status == 1, outcome.stderr
    lines = [line for line in outcome.stderr.splitlines() if "error:" in line]
    assert len(lines) == 1, outcome.stderr
    for word in words:
        assert word in outcome.stderr, f"the message lacks {word!r}: {outcome.stderr}"
    assert not package.exists()
    assert not list(package.parent.glob(f"{package.name}*")), "a temporary file is left"


def refuse(model: onnx.ModelProto, folder: Path, *words: str):
    package = folder / "out.heed"
    assert_refused(heed.compile_model(save(model, folder), package), package, *words)


def test_the_undamaged_model_compiles(tmp_path):
    model = two_layers()
    heed.must_compile(save(model, tmp_path), tmp_path / "out.heed")
    x = np.arange(24, dtype=np.float32).reshape(3, 8)
    weight, bias = (numpy_helper.to_array(tensor) for tensor in model.graph.initializer)
    got = heed.run(tmp_path / "out.heed", {"x": x}, ["y"], tmp_path)["y"]
    np.testing.assert_allclose(got, np.maximum(x @ weight + bias, 0), rtol=1e-5, atol=1e-5)


# Files that are not whole models


def test_missing_file(tmp_path):
    package = tmp_path / "out.heed"
    assert_refused(heed.compile_model(tmp_path / "absent.onnx", package), package, "absent.onnx")


def test_empty_file(tmp_path):
    (tmp_path / "model.onnx").touch()
    package = tmp_path / "out.heed"
    assert_refused(heed.compile_model(tmp_path / "model.onnx", package), package, "model.onnx")


def test_directory_instead_of_a_file(tmp_path):
    (tmp_path / "model.onnx").mkdir()
    package = tmp_path / "out.heed"
    assert_refused(heed.compile_model(tmp_path / "model.onnx", package), package, "model.onnx")


def test_text_instead_of_a_model(tmp_path):
    (tmp_path / "model.onnx").write_text("version https://git-lfs.github.com/spec/v1\n" * 4)
    package = tmp_path / "out.heed"
    assert_refused(heed.compile_model(tmp_path / "model.onnx", package), package, "model.onnx")


def test_truncations(tmp_path):
    data = two_layers().SerializeToString()
    path, package = tmp_path / "model.onnx", tmp_path / "out.heed"
    for step in range(1, TRUNCATIONS):
        path.write_bytes(data[: len(data) * step // TRUNCATIONS])
        assert_refused(heed.compile_model(path, package), package)


def test_flipped_bits(tmp_path):
    """Some flips leave a valid model (a weight's bit); whatever happens is a clean success or a clean refusal."""
    data, chance = two_layers().SerializeToString(), random.Random(5)
    path, package = tmp_path / "model.onnx", tmp_path / "out.heed"
    refusals = 0
    for _ in range(FLIPPED_BITS):
        damaged, bit = bytearray(data), chance.randrange(8 * len(data))
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        outcome = heed.compile_model(path, package)
        if outcome.status == 0:
            package.unlink()
        else:
            refusals += 1
            assert_refused(outcome, package)
    assert refusals > 0


# Graphs that make no sense


def test_cycle(tmp_path):
    nodes = [
        helper.make_node("Add", ["x", "b"], ["a"], name="first"),
        helper.make_node("Relu", ["a"], ["b"], name="second"),
    ]
    refuse(model_of(nodes, [info("x", [4])], [info("b", [4])]), tmp_path, "first", "b")


def test_value_that_nothing_makes(tmp_path):
    node = helper.make_node("Add", ["x", "ghost"], ["y"], name="sum")
    refuse(model_of([node], [info("x", [4])], [info("y", [4])]), tmp_path, "sum", "ghost")


def test_output_that_nothing_makes(tmp_path):
    node = helper.make_node("Relu", ["x"], ["y"], name="relu")
    refuse(model_of([node], [info("x", [4])], [info("ghost", [4])]), tmp_path, "ghost")


def test_value_made_twice(tmp_path):
    nodes = [helper.make_node(kind, ["x"], ["y"], name=kind.lower()) for kind in ("Relu", "Tanh")]
    refuse(model_of(nodes, [info("x", [4])], [info("y", [4])]), tmp_path, "y")


def test_missing_operand(tmp_path):
    node = helper.make_node("MatMul", ["x"], ["y"], name="product")
    refuse(model_of([node], [info("x", [4, 4])], [info("y", [4, 4])]), tmp_path, "product", "MatMul")


def test_unknown_operator(tmp_path):
    node = helper.make_node("Frobnicate", ["x"], ["y"], name="odd")
    refuse(model_of([node], [info("x", [4])], [info("y", [4])]), tmp_path, "odd", "Frobnicate", "18")


def test_unknown_domain(tmp_path):
    node = helper.make_node("FusedGelu", ["x"], ["y"], name="odd", domain="com.example")
    model = model_of([node], [info("x", [4])], [info("y", [4])])
    model.opset_import.append(helper.make_opsetid("com.example", 1))
    refuse(model, tmp_path, "odd", "com.example")


def test_unknown_attribute(tmp_path):
    node = helper.make_node("Softmax", ["x"], ["y"], name="soft", temperature=2.0)
    refuse(model_of([node], [info("x", [4, 4])], [info("y", [4, 4])]), tmp_path, "soft", "Softmax", "temperature")


def test_attribute_of_a_wrong_kind(tmp_path):
    node = helper.make_node("Softmax", ["x"], ["y"], name="soft", axis="last")
    refuse(model_of([node], [info("x", [4, 4])], [info("y", [4, 4])]), tmp_path, "soft", "axis")


def test_future_opset(tmp_path):
    refuse(model_of([helper.make_node("Relu", ["x"], ["y"])], [info("x", [4])], [info("y", [4])], opset=999), tmp_path, "999")


def test_operator_newer_than_the_opset(tmp_path):
    node = helper.make_node("Gelu", ["x"], ["y"], name="gelu")
    refuse(model_of([node], [info("x", [4])], [info("y", [4])], opset=17), tmp_path, "gelu", "Gelu", "17")


def test_no_opset(tmp_path):
    model = two_layers()
    del model.opset_import[:]
    refuse(model, tmp_path, "opset")


@pytest.mark.parametrize(
    "operator, shapes, attributes",
    [
        ("MatMul", ([4, 3], [4, 3]), {}),
        ("Add", ([4, 3], [4, 2]), {}),
        ("Concat", ([4, 3], [3, 4]), {"axis": 0}),
        ("Concat", ([4, 3], [4, 3]), {"axis": 2}),
        ("Transpose", ([4, 3],), {"perm": [0, 0]}),
        ("Transpose", ([4, 3],), {"perm": [0, 1, 2]}),
        ("Softmax", ([4, 3],), {"axis": 5}),
        ("Flatten", ([4, 3],), {"axis": 7}),
        ("LayerNormalization", ([4, 3], [4]), {"axis": -1}),
        ("Gemm", ([4, 3], [4, 3]), {}),
        ("Conv", ([1, 3, 8, 8], [4, 2, 3, 3]), {}),
        ("Attention", ([1, 2, 4, 8], [1, 3, 4, 8], [1, 3, 4, 8]), {}),
        ("Attention", ([1, 4, 16], [1, 4, 16], [1, 4, 16]), {}),
        ("Attention", ([1, 4, 16], [1, 4, 16], [1, 4, 16]), {"q_num_heads": 5, "kv_num_heads": 5}),
    ],
)
def test_wrong_shapes(operator, shapes, attributes, tmp_path):
    names = [f"x{index}" for index in range(len(shapes))]
    node = helper.make_node(operator, names, ["y"], name="culprit", **attributes)
    inputs = [info(name, shape) for name, shape in zip(names, shapes)]
    refuse(model_of([node], inputs, [info("y", None)], opset=23), tmp_path, "culprit", operator)


def test_wrong_element_type(tmp_path):
    node = helper.make_node("MatMul", ["a", "b"], ["y"], name="culprit")
    inputs = [info("a", [4, 4]), info("b", [4, 4], TensorProto.INT64)]
    refuse(model_of([node], inputs, [info("y", [4, 4])]), tmp_path, "culprit", "MatMul")


def test_type_that_is_not_supported(tmp_path):
    node = helper.make_node("Identity", ["x"], ["y"], name="culprit")
    kind = TensorProto.STRING
    refuse(model_of([node], [info("x", [4], kind)], [info("y", [4], kind)]), tmp_path, "x")


def test_shape_that_only_the_data_knows(tmp_path):
    node = helper.make_node("Reshape", ["x", "shape"], ["y"], name="culprit")
    inputs = [info("x", [4, 3]), info("shape", [2], TensorProto.INT64)]
    refuse(model_of([node], inputs, [info("y", None)]), tmp_path, "culprit", "Reshape")


def test_initialiser_of_wrong_length(tmp_path):
    model = two_layers()
    model.graph.initializer[0].raw_data = model.graph.initializer[0].raw_data[:-4]
    refuse(model, tmp_path, "weight")


def test_initialiser_of_negative_size(tmp_path):
    model = two_layers()
    model.graph.initializer[0].dims[0] = -8
    refuse(model, tmp_path, "weight")


def test_initialiser_whose_size_overflows(tmp_path):
    model = two_layers()
    model.graph.initializer[0].dims[:] = [2**62, 2**62]
    refuse(model, tmp_path, "weight")


# External data


def with_external_weight(folder: Path, **entries) -> Path:
    model = two_layers()
    tensor = model.graph.initializer[0]
    data = tensor.raw_data
    (folder / "weights.bin").write_bytes(data)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in ({"location": "weights.bin", "offset": 0, "length": len(data)} | entries).items():
        if value is not None:
            tensor.external_data.add(key=key, value=str(value))
    return save(model, folder)


def test_external_data_is_read(tmp_path):
    heed.must_compile(with_external_weight(tmp_path), tmp_path / "out.heed")


def test_external_data_without_length_is_read(tmp_path):
    heed.must_compile(with_external_weight(tmp_path, offset=None, length=None), tmp_path / "out.heed")


@pytest.mark.parametrize(
    "entries",
    [
        {"location": "../weights.bin"},
        {"location": "sub/../../weights.bin"},
        {"location": "/etc/hostname"},
        {"location": "absent.bin"},
        {"location": ""},
        {"location": None},
        {"location": "."},
        {"offset": 64},
        {"offset": -64},
        {"offset": 2**63},
        {"offset": "none"},
        {"length": 4096},
        {"length": 64},
        {"length": -1},
        {"offset": 2**63 - 64, "length": 128},
    ],
    ids=str,
)
def test_bad_external_data(entries, tmp_path):
    folder, package = tmp_path / "model", tmp_path / "out.heed"
    folder.mkdir()
    (tmp_path / "weights.bin").write_bytes(bytes(128))
    path = with_external_weight(folder, **entries)
    assert_refused(heed.compile_model(path, package), package, "weight")


def test_external_data_through_a_link_out_of_the_folder(tmp_path):
    folder, package = tmp_path / "model", tmp_path / "out.heed"
    folder.mkdir()
    (tmp_path / "secret.bin").write_bytes(bytes(128))
    path = with_external_weight(folder, location="link.bin")
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    assert_refused(heed.compile_model(path, package), package, "weight")


# The command line


def test_no_arguments_is_a_usage_error():
    assert heed.tool("heedc").status == 2


def test_unknown_option_is_a_usage_error(tmp_path):
    outcome = heed.compile_model(save(two_layers(), tmp_path), tmp_path / "out.heed", "--frobnicate")
    assert outcome.status == 2
    assert "--frobnicate" in outcome.stderr


def test_unknown_target_names_the_targets(tmp_path):
    package = tmp_path / "out.heed"
    outcome = heed.tool("heedc", save(two_layers(), tmp_path), "-o", package, "--target=abacus")
    assert outcome.status in (1, 2)
    assert "abacus" in outcome.stderr and "cpu" in outcome.stderr
    assert not package.exists()


def test_output_folder_that_does_not_exist(tmp_path):
    package = tmp_path / "absent" / "out.heed"
    outcome = heed.compile_model(save(two_layers(), tmp_path), package)
    assert outcome.status == 1 and "absent" in outcome.error_line()


# Calls


@pytest.fixture(scope="module")
def package(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("package")
    heed.must_compile(save(two_layers(), folder), folder / "out.heed")
    return folder / "out.heed"


def call(package: Path, folder: Path, **arrays) -> heed.Outcome:
    options = []
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
        options.append(f"--input={name}=@{folder / name}.npy")
    return heed.tool("heed-run", package, "--device=cpu", *options)


X = np.zeros((2, 8), np.float32)


@pytest.mark.parametrize(
    "arrays, words",
    [
        ({}, ("x",)),
        ({"z": X}, ("z",)),
        ({"x": X, "z": X}, ("z",)),
        ({"x": X.astype(np.int64)}, ("x", "f32", "i64")),
        ({"x": X.reshape(2, 2, 4)}, ("x",)),
        ({"x": np.zeros((2, 9), np.float32)}, ("x", "8", "9")),
    ],
    ids=["no input", "wrong name", "one too many", "wrong type", "wrong rank", "wrong size"],
)
def test_bad_calls(arrays, words, package, tmp_path):
    outcome = call(package, tmp_path, **arrays)
    assert outcome.status == 1, f"status {outcome.status}\n{outcome.stderr}"
    assert len([line for line in outcome.stderr.splitlines() if "error:" in line]) == 1, outcome.stderr
    for word in words:
        assert word in outcome.error_line()


def test_constraints_name_their_node(tmp_path):
    """Two symbols that meet in a node must be equal in every call."""
    add = helper.make_node("Add", ["x", "z"], ["y"], name="joins")
    model = model_of([add], [info("x", ("rows",)), info("z", ("others",))], [info("y", ("rows",))])
    heed.must_compile(save(model, tmp_path), tmp_path / "out.heed")
    assert call(tmp_path / "out.heed", tmp_path, x=np.zeros(3, np.float32), z=np.zeros(3, np.float32)).status == 0
    outcome = call(tmp_path / "out.heed", tmp_path, x=np.zeros(3, np.float32), z=np.zeros(4, np.float32))
    assert outcome.status == 1
    for words in ("node 'joins' (Add", "rows", "others", "got 3 and 4"):
        assert words in outcome.error_line()


def test_empty_batch(package, tmp_path):
    outcome = call(package, tmp_path, x=np.zeros((0, 8), np.float32))
    assert outcome.status in (0, 1), outcome.stderr


def test_bad_npy(package, tmp_path):
    (tmp_path / "x.npy").write_bytes(b"\x93NUMPY\x01\x00\xff\xff{'descr'")
    outcome = heed.tool("heed-run", package, "--device=cpu", f"--input=x=@{tmp_path / 'x.npy'}")
    assert outcome.status == 1 and "x.npy" in outcome.error_line()


def test_unknown_device_names_the_devices(package):
    outcome = heed.tool("heed-run", package, "--device=abacus")
    assert outcome.status in (1, 2) and "cpu" in outcome.stderr


# Packages


def test_truncated_packages(package, tmp_path):
    data, path = package.read_bytes(), tmp_path / "broken.heed"
    for step in range(TRUNCATIONS):
        path.write_bytes(data[: len(data) * step // TRUNCATIONS])
        outcome = call(path, tmp_path, x=X)
        assert outcome.status == 1, f"step {step}: status {outcome.status}\n{outcome.stderr}"
        assert "broken.heed" in outcome.error_line()


def test_packages_with_flipped_bits(package, tmp_path):
    """Flips in constants may change numbers; a flip anywhere else is refused or harmless, never a crash."""
    data, path, chance = package.read_bytes(), tmp_path / "broken.heed", random.Random(11)
    refusals = 0
    for _ in range(FLIPPED_BITS):
        damaged, bit = bytearray(data), chance.randrange(8 * len(data))
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        outcome = call(path, tmp_path, x=X)
        assert not outcome.crashed, f"bit {bit}: status {outcome.status}\n{outcome.stderr}"
        if outcome.status:
            refusals += 1
            assert "broken.heed" in outcome.error_line()
    assert refusals > 0


def test_model_given_as_a_package(tmp_path):
    outcome = heed.tool("heed-run", save(two_layers(), tmp_path), "--device=cpu")
    assert outcome.status == 1 and "model.onnx" in outcome.error_line()
