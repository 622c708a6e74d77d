"""A small MCP server over a file of orders, as an example of what Opsdesk may ask: `python server.py [ORDERS.csv]`.

`order_status` and `orders_of` only read. `cancel_order` changes the file, and says so of itself: Opsdesk proposes it
to a person and never calls it.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Annotated

from mcp.server.fastmcp import FastMCP
from mcp.server.fastmcp.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import BaseModel, Field

ORDERS = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("orders.csv")

OrderId = Annotated[str, Field(pattern=r"^ORD-\d+$", description="As on the confirmation: ORD-1042.")]

server = FastMCP("orders", log_level="ERROR")


class Order(BaseModel):
    """An order as the shop keeps it."""

    order_id: str
    item: str
    status: str
    carrier: str = ""
    tracking: str = ""
    expected_delivery: str = ""
    total: str


class Orders(BaseModel):
    """The orders of one customer, the newest first."""

    orders: list[Order]


def rows() -> list[dict[str, str]]:
    """What the file holds now."""
    with ORDERS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def order(row: dict[str, str]) -> Order:
    """A row without whose it is."""
    return Order(**{name: value for name, value in row.items() if name != "email"})


@server.tool(title="Order status", annotations=ToolAnnotations(readOnlyHint=True))
def order_status(order_id: OrderId) -> Order:
    """Where an order is: its status, carrier, tracking number and expected delivery."""
    found = next((row for row in rows() if row["order_id"] == order_id), None)
    if found is None:
        raise ToolError(f"there is no order {order_id}")
    return order(found)


@server.tool(title="Orders of a customer", annotations=ToolAnnotations(readOnlyHint=True))
def orders_of(email: str) -> Orders:
    """All orders that were made with an e-mail address."""
    return Orders(orders=[order(row) for row in reversed(rows()) if row["email"] == email.lower()])


@server.tool(title="Cancel an order", annotations=ToolAnnotations(readOnlyHint=False, destructiveHint=True))
def cancel_order(order_id: OrderId) -> Order:
    """Cancel an order that has not been shipped. It cannot be undone."""
    found = rows()
    row = next((row for row in found if row["order_id"] == order_id), None)
    if row is None or row["status"] != "waiting for stock":
        raise ToolError(f"order {order_id} cannot be cancelled")
    row["status"] = "cancelled"
    with ORDERS.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(row))
        writer.writeheader()
        writer.writerows(found)
    return order(row)


if __name__ == "__main__":
    server.run()
