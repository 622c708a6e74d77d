"""Charts of the figures over many cases, as Vega-Lite says them. Each is drawn with its table and a text beside it.

Plain specifications: building them with Altair would cost its import, which takes longer than the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

Row = dict[str, Any]

PALETTE = ("grey", "green", "blue", "violet", "orange", "red")
"""The hues of the theme's `chartCategoricalColors`, in their order."""


def draw(title: str, rows: list[Row], spec: dict[str, Any], alt: str, columns: dict[str, Any], key: str) -> None:
    """A chart of the rows, or the table of their `columns`; `alt` is for those who do not see it.

    Title and `alt` are our words; others' are in cells and at axes alone, which are plain text.
    """
    head, toggle = st.columns([3, 1], vertical_alignment="center")
    head.markdown(f"**{title}**")
    if toggle.toggle("Table", key=f"table-{key}"):
        st.dataframe(_frame(rows, columns), hide_index=True, column_config=columns, alt=alt, height=_HEIGHT)
    else:
        st.vega_lite_chart(_frame(rows), {**spec, "height": _HEIGHT}, alt=alt, width="stretch")


_HEIGHT = 240

MOST_BARS = 10
"""More would lie too close to be read; the table has them all."""


def _frame(rows: list[Row], columns: dict[str, Any] | None = None) -> Any:
    import pandas as pd

    frame = pd.DataFrame(rows)
    if "day" in frame:
        frame["day"] = pd.to_datetime(frame["day"], utc=True)
    return frame[list(columns)] if columns is not None and rows else frame


def stacked_days(
    y: str, title: str, form: str, colour: dict[str, Any], shown: str, *, share: bool = False
) -> dict[str, Any]:
    """Bars by day (UTC), stacked by `colour`; `shown` is the field that a tooltip has for `y`."""
    return {
        "mark": {"type": "bar", "tooltip": True},
        "encoding": {
            "x": {**_DAY, "title": None},
            "y": {
                "field": y,
                "type": "quantitative",
                "aggregate": "sum",
                "title": title,
                "stack": "normalize" if share else "zero",
                "axis": {"format": form, "tickCount": 4},
            },
            "color": colour,
            "order": {"field": "place", "type": "quantitative"},
            "tooltip": [{**_DAY, "title": "Day (UTC)"}, _words(colour), {"field": shown, "title": title}],
        },
    }


_DAY = {"field": "day", "type": "temporal", "timeUnit": "utcyearmonthdate"}


def _words(colour: dict[str, Any]) -> dict[str, Any]:
    return {"field": colour["field"], "type": "nominal", "title": colour["title"]}


def hues(field: str, title: str, by_hue: dict[str, str]) -> dict[str, Any]:
    """A colour scale that gives each value its hue of the theme's, light or dark, with a legend on top."""
    named = {hue: value for value, hue in by_hue.items()}
    domain = [named.get(hue, hue) for hue in PALETTE]
    return {
        "field": field,
        "type": "nominal",
        "title": title,
        "scale": {"domain": domain},
        "legend": {"values": list(by_hue), "orient": "top", "title": None},
    }


def bars(x: str, y: str, title: str, form: str, shown: str) -> dict[str, Any]:
    """Bars that lie, the longest on top, with their values at the end."""
    across = {"field": x, "type": "quantitative", "title": title, "axis": {"format": form, "tickCount": 4}}
    down = {"field": y, "type": "nominal", "title": None, "sort": "-x", "axis": {"labelLimit": 140}}
    text = {"field": shown, "type": "nominal"}
    return {
        "transform": [
            {"window": [{"op": "row_number", "as": "rank"}], "sort": [{"field": x, "order": "descending"}]},
            {"filter": f"datum.rank <= {MOST_BARS}"},
        ],
        "encoding": {"x": across, "y": down, "tooltip": [{**down, "title": "Name"}, {"field": shown, "title": title}]},
        "layer": [
            {"mark": {"type": "bar"}, "encoding": {"color": {"datum": "blue", "type": "nominal", **_HUE}}},
            {"mark": {"type": "text", "align": "left", "dx": 4}, "encoding": {"text": text}},
        ],
    }


_HUE = {"scale": {"domain": list(PALETTE)}, "legend": None}


def intervals(order: Sequence[str], title: str) -> dict[str, Any]:
    """A point with its interval for each row: `name`, `hue`, `share`, `low`, `high`, `label`, and `told`, the tip."""
    down = {"field": "name", "type": "nominal", "title": None, "sort": list(order)}
    across = {"type": "quantitative", "title": title, "scale": {"zero": False}}
    across["axis"] = {"format": ".1%", "tickCount": 5}
    point = _at(across, "share")
    end = {"type": "tick", "thickness": 2, "size": 12}
    return {
        "encoding": {
            "y": down,
            "color": {"field": "hue", "type": "nominal", **_HUE},
            "tooltip": [{**down, "title": "Step"}, {"field": "told", "title": title}],
        },
        "layer": [
            {"mark": {"type": "rule", "strokeWidth": 2}, "encoding": {**_at(across, "low"), "x2": {"field": "high"}}},
            {"mark": end, "encoding": _at(across, "low")},
            {"mark": end, "encoding": _at(across, "high")},
            {"mark": {"type": "point", "filled": True, "size": 70, "opacity": 1}, "encoding": point},
            {"mark": {"type": "text", "dy": -14}, "encoding": {**point, "text": {"field": "label", "type": "nominal"}}},
        ],
    }


def _at(across: dict[str, Any], field: str) -> dict[str, Any]:
    return {"x": {**across, "field": field}}


def money_axis(most: float) -> str:
    """The format of an axis that ends at so many USD."""
    return "$,.0f" if most >= 8 else "$,.2f" if most >= 0.08 else "$,.4f"
