"""Reports the worst norm-wise float32 error over all node cases at the end of a run."""

import pytest

ERRORS = []


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
