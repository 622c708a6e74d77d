"""An MCP server over stdio that goes wrong in the way it is told to: `python faulty_mcp.py WAY`. Plain JSON-RPC."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

WAY = sys.argv[1]
SCHEMA = {"type": "object", "properties": {"order_id": {"type": "string"}}, "required": ["order_id"]}
TOOL: dict[str, Any] = {"name": "order_status", "title": "Order status", "inputSchema": SCHEMA}


def say(id_: Any, result: Any) -> None:
    print(json.dumps({"jsonrpc": "2.0", "id": id_, "result": result}), flush=True)


def text(said: str, **more: Any) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": said}], **more}


def refuse(id_: Any, message: str) -> None:
    print(json.dumps({"jsonrpc": "2.0", "id": id_, "error": {"code": -32602, "message": message}}), flush=True)


def called(id_: Any, order_id: str) -> None:
    if WAY == "errs" and order_id == "ORD-9":
        refuse(id_, "order ORD-9 belongs to jane@example.com")
    elif WAY == "hangs":
        time.sleep(60)
    elif WAY == "dies":
        sys.exit(1)
    elif WAY == "huge":
        say(id_, text("x" * 10_000_000))
    elif WAY == "garbage":
        print("\x00not JSON at all", flush=True)
        time.sleep(60)
    elif WAY == "lies":
        say(id_, {"content": "a string where a list belongs"})
    elif WAY == "breaks its schema":
        say(id_, text("{}", structuredContent={"status": 7}))
    elif WAY == "silent":
        say(id_, text("   "))
    elif WAY == "refuses":
        say(id_, text("no such order", isError=True))
    else:
        say(id_, text('{"status": "shipped"}'))


if WAY == "ends at once":
    sys.exit(3)
if WAY == "breaks its schema":
    TOOL["outputSchema"] = {"type": "object", "properties": {"status": {"type": "string"}}, "required": ["status"]}
if WAY == "no such tool":
    TOOL["name"] = "another"
if WAY == "changes":
    TOOL["annotations"] = {"destructiveHint": True}
for line in sys.stdin:
    asked = json.loads(line)
    method, id_ = asked["method"], asked.get("id")
    if method == "initialize":
        if WAY == "never starts":
            time.sleep(60)
        version = asked["params"]["protocolVersion"]
        say(
            id_,
            {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": {"name": "f", "version": "1"}},
        )
    elif method == "tools/list":
        say(id_, {"tools": [TOOL]})
    elif method == "tools/call":
        called(id_, asked["params"]["arguments"]["order_id"])
        if WAY == "once":
            sys.exit(0)
