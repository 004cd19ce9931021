"""Pretrained networks for texts and images, read from a local folder: frozen, they turn a row into features."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mdshift.errors import EnvironmentFault, UsageError
from mdshift.nn.train import steady

CHUNK = 16  # rows of a pass, always filled up: equal rows then give equal bits in any company
BUCKET = 32  # tokens: a text is padded to the next multiple, so that its pass does not depend on its neighbours either
LONGEST = 512  # tokens of a text that are read
ASK = "hf:"  # NAME after it is looked up in the hub's cache, and downloaded: that is asking for it
WEIGHTS = ("model.safetensors", "pytorch_model.bin", "model.safetensors.index.json")


class Pretrained:
    """A frozen network of the transformers library: mean-pooled last hidden states of texts (Reimers & Gurevych 2019), pooled ones of images.

    place: a folder with config.json and the weights (safetensors), or hf:NAME.

    Raises EnvironmentFault where the extra or the folder is missing, UsageError where the folder holds no such network.
    """

    def __init__(self, place: str) -> None:
        self.place = place
        if place.startswith(ASK):
            return
        folder = Path(place)
        if not (folder / "config.json").is_file() or not any((folder / w).is_file() for w in WEIGHTS):
            raise EnvironmentFault("no pretrained network", repr(place), "backbone is a folder with config.json and model.safetensors")

    @cached_property
    def network(self) -> Any:
        """The network in evaluation mode, on the CPU."""
        return self._open("AutoModel").eval()

    @cached_property
    def tokenizer(self) -> Any:
        """What cuts texts into tokens."""
        return self._open("AutoTokenizer")

    def _open(self, kind: str) -> Any:
        try:
            import transformers
        except ImportError:
            raise EnvironmentFault(
                "pretrained networks need an extra", "transformers is not installed", "pip install 'mdshift[hf]'"
            ) from None
        transformers.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
        transformers.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        asked = self.place.startswith(ASK)
        more = {"use_safetensors": True} if kind == "AutoModel" else {}
        try:
            return getattr(transformers, kind).from_pretrained(self.place.removeprefix(ASK), local_files_only=not asked, **more)
        except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
            why = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            raise UsageError(
                "the pretrained network cannot be read", f"{self.place}: {why}", "safetensors and a known model_type"
            ) from None

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the configuration and the weights: a model is tied to them."""
        if self.place.startswith(ASK):
            return str(getattr(self.network.config, "_commit_hash", ""))
        found = hashlib.sha256()
        for name in ("config.json", *WEIGHTS):
            file = Path(self.place) / name
            if file.is_file():
                with file.open("rb") as stream:
                    found.update(hashlib.file_digest(stream, "sha256").digest())
        return found.hexdigest()

    def texts(self, texts: NDArray[Any]) -> NDArray[np.float32]:
        """Features (n, k) of texts (n,)."""
        limit = min(LONGEST, int(getattr(self.network.config, "max_position_embeddings", LONGEST)) - 2)
        tokens = [self.tokenizer(str(t), truncation=True, max_length=limit)["input_ids"] for t in texts]
        lengths = np.array([min(-(-max(len(t), 1) // BUCKET) * BUCKET, max(limit, BUCKET)) for t in tokens])
        out = np.zeros((len(texts), int(self.network.config.hidden_size)), np.float32)
        pad = self.tokenizer.pad_token_id or 0
        for length in np.unique(lengths):
            rows = np.flatnonzero(lengths == length)
            for at in range(0, len(rows), CHUNK):
                part = rows[at : at + CHUNK]
                ids, mask = torch.full((CHUNK, int(length)), pad), torch.zeros((CHUNK, int(length)), dtype=torch.int64)
                mask[:, 0] = 1
                for i, row in enumerate(part):
                    ids[i, : len(tokens[row])] = torch.tensor(tokens[row])
                    mask[i, : len(tokens[row])] = 1
                with steady(), torch.no_grad():
                    hidden = self.network(input_ids=ids, attention_mask=mask).last_hidden_state
                    pooled = (hidden * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)
                out[part] = pooled[: len(part)].float().numpy()
        return out

    def images(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Features (n, k) of images (n, h, w, c), resized to the network's side and scaled as its preprocessor_config.json says."""
        from PIL import Image

        config = self.network.config
        side = getattr(config, "image_size", 224)
        side = int(side if isinstance(side, int) else side[0])
        mean, spread = self._scale()
        found = []
        for at in range(0, len(images), CHUNK):
            part = images[at : at + CHUNK]
            pixels = torch.zeros((CHUNK, 3, side, side))
            for i, image in enumerate(part):
                colour = Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image).convert("RGB").resize((side, side), 2)
                pixels[i] = torch.from_numpy(((np.asarray(colour, np.float32) / 255.0 - mean) / spread).transpose(2, 0, 1).copy())
            with steady(), torch.no_grad():
                said = self.network(pixel_values=pixels)
            pooled = getattr(said, "pooler_output", None)
            if pooled is None:
                hidden = said.last_hidden_state
                pooled = hidden.mean((2, 3)) if hidden.ndim == 4 else hidden.mean(1)  # noqa: PLR2004 - maps, not tokens
            found.append(pooled.flatten(1)[: len(part)].float().numpy())
        return np.concatenate(found) if found else np.zeros((0, 1), np.float32)

    def _scale(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        file = Path(self.place) / "preprocessor_config.json"
        said = json.loads(file.read_text("utf-8")) if file.is_file() else {}
        return np.array(said.get("image_mean", [0.5] * 3), np.float32), np.array(said.get("image_std", [0.5] * 3), np.float32)
