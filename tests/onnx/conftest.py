"""Chooses the device, and reports the worst norm-wise float32 error over all node cases at the end of a run."""

import os

import pytest

ERRORS = []


def pytest_addoption(parser):
    parser.addoption("--device", help="where packages run: cpu, vulkan:0 and so on (HEED_DEVICE, or cpu)")
    parser.addoption("--sample", type=int, help="about so many node cases of each skeleton, for slow devices")


def pytest_collection_modifyitems(config, items):
    wanted = config.getoption("--sample")
    if not wanted:
        return
    import cases
    import test_nodes

    groups = {}
    for item in items:
        if item.originalname == "test_node":
            operator = test_nodes.all_cases()[item.callspec.params["name"]].operator
            groups.setdefault(cases.skeleton(operator), []).append(item)
    # Evenly spread, so that every operator and type takes part.
    kept = {id(group[at * len(group) // wanted]) for group in groups.values() for at in range(min(wanted, len(group)))}
    kept |= {id(item) for group in groups.values() if len(group) <= wanted for item in group}
    config.hook.pytest_deselected(items=[item for item in items if id(item) not in kept])
    items[:] = [item for item in items if id(item) in kept]


def pytest_configure(config):
    # Before the test modules, which ask for it when they are imported.
    if config.getoption("--device"):
        os.environ["HEED_DEVICE"] = config.getoption("--device")


@pytest.hookimpl
def pytest_runtest_logreport(report):
    # Runs in the process that collects the results, also when the cases are spread over several.
    if report.when == "call":
        ERRORS.extend((value, report.nodeid) for key, value in report.user_properties if key == "float32_error")


@pytest.hookimpl
def pytest_terminal_summary(terminalreporter):
    if ERRORS:
        error, name = max(ERRORS)
        terminalreporter.write_line(f"worst norm-wise float32 error of {len(ERRORS)} cases: {error:.2e} ({name})")
