"""Errors as `application/problem+json` (RFC 9457), and as OpenAI's clients expect them on their path."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from errors import NoKnowledgeBase, OpsdeskError, StoreError, UsageError
from opsdesk.work import told
from tasks.repeats import Forgotten, OtherContent

TYPE = "application/problem+json"
OPENAI = "/v1/chat/"
"""Below it errors have the shape of OpenAI's."""


class Problem(BaseModel):
    """What went wrong, and what to do next."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str


class Refused(Exception):
    """A request that is not done, with its status and why."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, dict(headers or {})


def answer(path: str, status: int, detail: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The response that tells of an error."""
    title = HTTPStatus(status).phrase
    if path.startswith(OPENAI):
        error = {"message": detail, "type": title.lower().replace(" ", "_"), "param": None, "code": str(status)}
        return JSONResponse({"error": error}, status, dict(headers or {}))
    problem = Problem(title=title, status=status, detail=detail)
    return JSONResponse(problem.model_dump(), status, dict(headers or {}), media_type=TYPE)


def status_of(error: OpsdeskError) -> int:
    """The status that stands for an error of ours."""
    kinds: tuple[tuple[type[OpsdeskError], int], ...] = (
        (OtherContent, 409),
        (Forgotten, 409),
        (NoKnowledgeBase, 404),
        (UsageError, 422),
        (StoreError, 503),
    )
    return next((status for kind, status in kinds if isinstance(error, kind)), 500)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """These statuses as OpenAPI tells of them."""
    content = {TYPE: {"schema": Problem.model_json_schema()}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


class _OpenAiError(BaseModel):
    """What went wrong, as OpenAI says it."""

    message: str
    type: str
    param: str | None
    code: str


class OpenAiProblem(BaseModel):
    """An error below `/v1/chat/`."""

    error: _OpenAiError


def as_openai(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """As `documented`, in OpenAI's shape."""
    return {status: {"description": HTTPStatus(status).phrase, "model": OpenAiProblem} for status in statuses}


def register(app: FastAPI) -> None:
    """Has every error answered in one shape; what a request held is never told back."""

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> JSONResponse:
        return answer(request.url.path, error.status, error.detail, error.headers)

    @app.exception_handler(OpsdeskError)
    async def ours(request: Request, error: OpsdeskError) -> JSONResponse:
        return answer(request.url.path, status_of(error), told(error))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part != "body") or "the body"
        return answer(request.url.path, 422, f"{where}: {first['msg']}; see /openapi.json")

    @app.exception_handler(HTTPException)
    async def plain(request: Request, error: HTTPException) -> JSONResponse:
        return answer(request.url.path, error.status_code, f"{error.detail}; see /openapi.json", error.headers)

    @app.exception_handler(Exception)
    async def unforeseen(request: Request, error: Exception) -> JSONResponse:
        return answer(request.url.path, 500, told(error))
