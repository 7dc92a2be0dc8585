"""One API for all tests about lookups under failure."""

from collections.abc import Iterator

import pytest

from tests.faults.lookups.served import ServedApi, served_api


@pytest.fixture(scope="package")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedApi]:
    with served_api(tmp_path_factory.mktemp("lookups")) as api:
        yield api
