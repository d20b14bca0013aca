"""ONNX node cases of every imported operator, compiled and run on the CPU or the device that HEED_DEVICE names."""

import functools
from pathlib import Path

import numpy as np
import pytest

import cases
import heed
import skeletons

EXPECTED_FAILURES = cases.HERE / "expected-failures.txt"
DEVICE_FAILURES = cases.HERE / f"expected-failures-{heed.DEVICE.split(':')[0]}.txt"


@functools.cache
def all_cases() -> dict[str, cases.Case]:
    return cases.backend_cases() | cases.cast_cases() | cases.typed_variants()


def listed_in(path: Path) -> set[str]:
    lines = path.read_text().splitlines() if path.exists() else []
    return {line.split()[0] for line in lines if line and not line.startswith("#")}


def expected_failures() -> set[str]:
    """Those of every device, and those of the device's kind only."""
    return listed_in(EXPECTED_FAILURES) | listed_in(DEVICE_FAILURES)


def attention_cases() -> list[str]:
    return [name for name, case in cases.backend_cases().items() if case.operator == "Attention"]


def elementwise_tolerance(case: cases.Case) -> float:
    finite = [np.abs(value[np.isfinite(value)].astype(np.float64)) for value in case.expected if value.dtype != bool]
    largest = max((values.max(initial=0.0) for values in finite), default=0.0)
    return case.atol + case.norm_tolerance * largest


def compile_and_run(case: cases.Case, folder) -> float | None:
    heed.must_compile(case.write(folder), folder / "case.heed")
    outcome = heed.run_test_directory(
        folder / "case.heed", folder / "test_data_set_0", case.rtol, elementwise_tolerance(case)
    )
    assert outcome.status == 0, f"heed-run exits with {outcome.status}\n{outcome.stdout}{outcome.stderr}"
    return heed.reported_error(outcome)


@pytest.mark.parametrize("name", [name for name, case in all_cases().items() if not cases.asks_scores(case)])
def test_node(name, tmp_path, record_property):
    case = all_cases()[name]
    if name in expected_failures():
        with pytest.raises(AssertionError):
            compile_and_run(case, tmp_path)
            pytest.fail(f"{name} passes: remove it from {EXPECTED_FAILURES.name} or {DEVICE_FAILURES.name}", pytrace=False)
        return
    error = compile_and_run(case, tmp_path)
    if error is not None and all(value.dtype == np.float32 for value in case.expected):
        record_property("float32_error", error)


@pytest.mark.parametrize("name", skeletons.all_cases())
def test_skeleton(name, tmp_path):
    compile_and_run(skeletons.all_cases()[name], tmp_path)


@pytest.mark.parametrize("name", [name for name in attention_cases() if cases.asks_scores(all_cases()[name])])
def test_attention_scores_output_is_refused(name, tmp_path):
    package = tmp_path / "case.heed"
    outcome = heed.compile_model(all_cases()[name].write(tmp_path), package)
    assert outcome.status == 1, outcome.stderr
    assert "qk_matmul_output" in outcome.error_line()
    assert "Attention" in outcome.error_line()
    assert not package.exists()


def test_every_attention_case_of_opset_23_is_run():
    plain = [name for name in attention_cases() if not cases.asks_scores(all_cases()[name])]
    assert len(plain) >= 50


def test_every_operator_has_cases():
    assert {case.operator for case in all_cases().values()} == set(cases.operators())


def test_expected_failures_name_cases():
    assert expected_failures() <= set(all_cases())
