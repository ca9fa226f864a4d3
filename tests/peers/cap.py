"""An OData service of SAP's CAP (npm `@sap/cds` with `@cap-js/sqlite`): version 4, and version 2 by `@cap-js-community/odata-v2-adapter`.

What it serves is in cap/srv/shop.cds: pages of 40 records, whatever is asked for. It is filled and changed over OData."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.peers import shop
from tests.peers.processes import HERE, free_port, node, started

USER, PASSWORD = "reader", "canary-of-the-test"


class Cap:
    def __init__(self, url: str) -> None:
        self.url = url
        # With this type numbers may come as texts, so that the client's own reading of JSON costs no digits.
        headers = {"Content-Type": "application/json;IEEE754Compatible=true"}
        self._client = httpx.Client(
            base_url=f"{url}/odata/v4/shop/", auth=(USER, PASSWORD), headers=headers, trust_env=False
        )

    def fill(self) -> None:
        for one in shop.customers():
            self.send("POST", "Customers", one)
        for number in range(shop.ORDERS):
            self.send("POST", "Orders", shop.order(number))

    def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> None:
        answer = self._client.request(method, path, content=None if body is None else json.dumps(body))
        assert answer.is_success, answer.text

    def close(self) -> None:
        self._client.close()


@pytest.fixture
def cap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cap]:
    """The service with its records, of one test alone."""
    command = node("@sap/cds", "bin/serve.js")
    node("@cap-js-community/odata-v2-adapter", "package.json")
    port = free_port()
    log = Path(tmp_path_factory.mktemp("cap")) / "log"
    environ = {**os.environ, "NODE_ENV": "test", "PORT": str(port)}
    with started([*command, "all", "--port", str(port)], port, log, cwd=HERE / "cap", environ=environ):
        # By this name: next links of version 2 name it whatever was asked.
        made = Cap(f"http://localhost:{port}")
        try:
            made.fill()
            yield made
        finally:
            made.close()
