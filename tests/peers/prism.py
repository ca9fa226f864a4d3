"""A mock of any API from its OpenAPI description (npm `@stoplight/prism-cli`), and public descriptions that are kept as packages (npm
`@readme/oas-examples`, `@scalar/galaxy`). It answers with what the description gives as an example, or with values made by the schemas."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.peers.processes import HERE, free_port, node, started

Prism = Callable[..., str]


def description(name: str) -> Path:
    """A public description; skips where its package is not installed."""
    path = HERE / "node_modules" / name
    if not path.is_file():
        pytest.skip(f"{name} is not installed: make test-peers")
    return path


@pytest.fixture
def prism(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prism]:
    """Starts a mock of a description; gives its address. dynamic: with values made by the schemas, others with each answer."""
    command = node("@stoplight/prism-cli", "dist/index.js")
    with ExitStack() as running:

        def start(path: Path, *, dynamic: bool = False) -> str:
            port = free_port()
            log = Path(tmp_path_factory.mktemp("prism")) / "log"
            options = ["--host", "127.0.0.1", "--port", str(port), *(["--dynamic"] if dynamic else [])]
            running.enter_context(started([*command, "mock", *options, str(path)], port, log))
            return f"http://127.0.0.1:{port}"

        yield start
