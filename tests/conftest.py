"""The world that tests live in: real servers, a sandbox process, and the product with a clock that is moved by hand."""

pytest_plugins = [
    "tests.log_watch",
    "tests.conftest_servers",
    "tests.sandboxed",
    "tests.world",
    "tests.console_desk",
    "tests.browser",
    "tests.settling",
    "tests.debit_folders",
    "tests.bank_client",
    "tests.bank_partner",
    "tests.sandbox_running",
]
