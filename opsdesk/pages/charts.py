"""Charts of the figures over many cases, as Vega-Lite says them. Each is drawn with its table and a text beside it.

Plain specifications: building them with Altair would cost its import, which takes longer than the page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

Row = dict[str, Any]

PALETTE = ("grey", "green", "blue", "violet", "orange", "red")
"""The hues of the theme's `chartCategoricalColors`, in their order."""


@contextmanager
def card(title: str) -> Iterator[DeltaGenerator]:
    """A frame with a title of ours; yields the line of the title, where controls can stand."""
    with st.container(border=True, height="stretch"):
        head = st.container(horizontal=True, vertical_alignment="center")
        head.markdown(f"**{title}**", width="stretch")
        yield head


_HEIGHT = 250


def draw(
    rows: list[Row],
    spec: dict[str, Any],
    alt: str,
    columns: dict[str, Any],
    *,
    as_table: bool,
    height: int = _HEIGHT,
) -> None:
    """A chart of the rows, or the table of their `columns`; `alt` is for those who do not see it.

    `alt` is our words; others' are in cells and at axes alone, which are plain text.
    """
    if as_table:
        st.dataframe(_frame(rows, columns), hide_index=True, column_config=columns, alt=alt, height=height)
    else:
        st.vega_lite_chart(_frame(rows), {**spec, "height": height, "padding": _PADDING}, alt=alt, width="stretch")


_PADDING = {"left": 0, "right": 4, "top": 4, "bottom": 0}

MOST_BARS = 10
"""More would lie too close to be read; the table has them all."""


def _frame(rows: list[Row], columns: dict[str, Any] | None = None) -> Any:
    import pandas as pd

    frame = pd.DataFrame(rows)
    if "day" in frame:
        frame["day"] = pd.to_datetime(frame["day"], utc=True)
    return frame[list(columns)] if columns is not None and rows else frame


LONG = 120
"""Days above which bars are months."""


def stacked_days(
    y: str, title: str, form: str, colour: dict[str, Any], days: int, *, share: bool = False
) -> dict[str, Any]:
    """Bars by day (UTC), or by month where they are many, stacked by `colour`; `form` is how `y` is told."""
    unit = "utcyearmonth" if days > LONG else "utcyearmonthdate"
    when = {"field": "day", "type": "temporal", "timeUnit": unit}
    short = "%b %Y" if days > LONG else "%-d %b"
    ticks = 6 if days > 6 else {"interval": "day", "step": 1}  # else a day would stand there twice
    summed = {"field": y, "type": "quantitative", "aggregate": "sum"}
    return {
        "mark": {"type": "bar", "binSpacing": 0.5 if 45 < days <= LONG else 3},
        "encoding": {
            "x": {**when, "title": None, "axis": {"format": short, "tickCount": ticks}},
            "y": {
                **summed,
                "title": None,
                "stack": "normalize" if share else "zero",
                "axis": {"format": ".0%" if share else form, "tickCount": 4},
            },
            "color": colour,
            "order": {"field": "place", "type": "quantitative"},
            "tooltip": [
                {**when, "title": "UTC", "format": short},
                {"field": colour["field"], "type": "nominal", "title": colour["title"]},
                {**summed, "title": title, "format": form},
            ],
        },
    }


def hues(field: str, title: str, by_hue: dict[str, str], columns: int = 4) -> dict[str, Any]:
    """A colour scale that gives each value its hue of the theme's, light or dark, with a legend on top."""
    named = {hue: value for value, hue in by_hue.items()}
    domain = [named.get(hue, hue) for hue in PALETTE]
    return {
        "field": field,
        "type": "nominal",
        "title": title,
        "scale": {"domain": domain},
        "legend": {
            "values": list(by_hue),
            "orient": "top",
            "title": None,
            "padding": 0,
            "offset": 10,
            "columns": columns,
        },
    }


def bars(x: str, y: str, title: str, most: float, shown: str, count: int) -> dict[str, Any]:
    """Bars that lie, the longest on top, with their values at the end; `most` is that of the longest, in USD."""
    thick = min(22, 160 // max(1, min(count, MOST_BARS)))
    axis = {"format": money_axis(most), "tickCount": 4}
    room = {"domainMax": most * 1.3 or 1, "nice": False}  # for the text at the end
    across = {"field": x, "type": "quantitative", "title": None, "axis": axis, "scale": room}
    down = {"field": y, "type": "nominal", "title": None, "sort": "-x", "axis": {"labelLimit": 140}}
    text = {"field": shown, "type": "nominal"}
    return {
        "transform": [
            {"window": [{"op": "row_number", "as": "rank"}], "sort": [{"field": x, "order": "descending"}]},
            {"filter": f"datum.rank <= {MOST_BARS}"},
        ],
        "encoding": {"x": across, "y": down, "tooltip": [{**down, "title": "Name"}, {"field": shown, "title": title}]},
        "layer": [
            {
                "mark": {"type": "bar", "size": thick},
                "encoding": {"color": {"datum": "blue", "type": "nominal", **_HUE}},
            },
            {
                "mark": {"type": "text", "align": "left", "dx": 4},
                "encoding": {"text": text, "color": {"datum": "grey", "type": "nominal", **_HUE}},
            },
        ],
    }


_HUE = {"scale": {"domain": list(PALETTE)}, "legend": None}


def intervals(order: Sequence[str], title: str) -> dict[str, Any]:
    """A point with its interval for each row: `name`, `hue`, `share`, `low`, `high`, `label`, and `told`, the tip."""
    down = {"field": "name", "type": "nominal", "title": None, "sort": list(order), "axis": {"labelLimit": 140}}
    across = {"type": "quantitative", "title": title, "scale": {"zero": False}}
    across["axis"] = {"format": ".1%", "tickCount": 5}
    point = _at(across, "share")
    end = {"type": "tick", "thickness": 2, "size": 12}
    return {
        "encoding": {
            "y": down,
            "color": {"field": "hue", "type": "nominal", **_HUE},
            "tooltip": [{**down, "title": "Of"}, {"field": "told", "title": title}],
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
