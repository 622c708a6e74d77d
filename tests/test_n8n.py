"""The n8n workflow that comes with Opsdesk: whole, without a secret, and its verification takes what Opsdesk signs."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from opsdesk.webhooks import signed

FILE = Path(__file__).resolve().parents[1] / "examples" / "n8n" / "opsdesk.json"
FLOW: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
NODES: dict[str, dict[str, Any]] = {node["name"]: node for node in FLOW["nodes"]}
KNOWN: dict[str, set[float]] = {
    "n8n-nodes-base.webhook": {2, 2.1},
    "n8n-nodes-base.httpRequest": {4.2, 4.3, 4.4, 4.5},
    "n8n-nodes-base.if": {2.2, 2.3},
    "n8n-nodes-base.set": {3.4, 3.5},
    "n8n-nodes-base.code": {2},
    "n8n-nodes-base.respondToWebhook": {1.4, 1.5},
}
"""Node types, and the versions of each that n8n 2 has."""

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


def test_every_node_is_of_a_kind_that_n8n_has_and_every_connection_ends_at_one() -> None:
    assert len(NODES) == len(FLOW["nodes"]) == len({node["id"] for node in NODES.values()})
    assert all(node["typeVersion"] in KNOWN[node["type"]] for node in NODES.values())
    ends = {
        end["node"]
        for given in FLOW["connections"].values()
        for branches in given["main"]
        for end in branches
        if end["type"] == "main"
    }
    begins = {name for name, node in NODES.items() if node["type"].endswith(".webhook")}
    assert set(FLOW["connections"]) <= set(NODES)
    assert ends | begins == set(NODES)
    assert [len(FLOW["connections"][name]["main"]) for name in ("Accepted?", "Verified?")] == [2, 2]


def test_it_holds_no_secret() -> None:
    text = FILE.read_text(encoding="utf-8")
    assert not any("credentials" in node for node in NODES.values())
    assert NODES["Ask Opsdesk"]["parameters"]["genericAuthType"] == "httpBearerAuth"
    assert "Bearer " not in text
    assert text.count("whsec_") == 1  # the mark that is taken off


def _verify(*given: tuple[str, dict[str, str]]) -> list[Any]:
    """What its Code node makes of webhooks, run by Node as n8n runs it: the body of an async function."""
    program = f"""
const $env = process.env;
const run = async (body, headers) => {{
  const $input = {{ first: () => ({{ json: {{ headers }} }}) }};
  const self = {{ helpers: {{ getBinaryDataBuffer: async () => Buffer.from(body, 'utf8') }} }};
  return (await (async function () {{
{NODES["Verify"]["parameters"]["jsCode"]}
  }}).call(self))[0].json;
}};
const given = JSON.parse(require('fs').readFileSync(0, 'utf8'));
Promise.all(given.map((one) => run(...one))).then((found) => console.log(JSON.stringify(found)));
"""
    done = subprocess.run(
        ["node", "-e", program],
        input=json.dumps(given),
        env={**os.environ, "OPSDESK_WEBHOOK_SECRET": SECRET},
        capture_output=True,
        text=True,
        check=True,
    )
    found: list[Any] = json.loads(done.stdout)
    return found


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
def test_its_verification_takes_what_opsdesk_signs_and_nothing_else() -> None:
    now, body = datetime.now(UTC), '{"type": "case.completed", "data": {"answer": "5 € – prüfen"}}'
    secret, other = SecretStr(SECRET), SecretStr("whsec_" + base64.b64encode(bytes(32)).decode())
    right = signed(secret, "w-1", now, body)
    two = right | {"webhook-signature": "v1,AAAA " + right["webhook-signature"]}
    taken = {"verified": "yes", "event": json.loads(body)}
    assert _verify((body, right), (body, two)) == [taken, taken]
    refused = _verify(
        (body + " ", right),
        (body, right | {"webhook-id": "w-2"}),
        (body, signed(other, "w-1", now, body)),
        (body, signed(secret, "w-1", now - timedelta(minutes=6), body)),
        (body, {}),
    )
    assert [found["verified"] for found in refused] == ["no"] * 5
