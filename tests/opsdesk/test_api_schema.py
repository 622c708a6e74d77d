"""Whatever fits the OpenAPI document, or does not, is answered as the document says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from opsdesk.api import batches, cases, chat, knowledge, status, webhooks
from tests.opsdesk.api_served import MASTER, serving

PATHS = [
    (route.path, method)
    for part in (cases, knowledge, batches, webhooks, chat, status)
    for route in part.router.routes
    if isinstance(route, APIRoute)
    for method in sorted(route.methods or ())
]


@pytest.fixture(scope="module")
def document(home_of_all: Path) -> Iterator[schemathesis.BaseSchema]:
    """The document of a running server, with a worker behind it."""
    with serving(home_of_all) as api:
        yield schemathesis.openapi.from_url(f"{api.url}/openapi.json")


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize(("path", "method"), PATHS)
def test_every_answer_is_one_that_the_document_tells_of(
    document: schemathesis.BaseSchema, path: str, method: str, mode: GenerationMode
) -> None:
    operation = document[path][method]

    @given(operation.as_strategy(generation_mode=mode))
    @settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
    def answered(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(headers={"Authorization": f"Bearer {MASTER}"})

    try:
        answered()
    except Unsatisfiable:
        pytest.skip("nothing can be wrong with it")
