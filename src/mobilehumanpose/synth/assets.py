"""Files that synthetic photographs are made of, in a folder or a zip of it."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

from ..errors import UserError


class AssetFiles:
    """Files below a folder or in a zip, by their paths with forward slashes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        if root.is_dir():
            found = [p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()]
        elif root.is_file():
            try:
                with zipfile.ZipFile(root) as archive:
                    found = [n for n in archive.namelist() if not n.endswith("/")]
            except (OSError, zipfile.BadZipFile) as error:
                raise UserError(f"{root}: not a zip file: {error}") from None
        else:
            raise UserError(f"{root}: no such file or folder")
        self.names = sorted(found)

    def digest(self) -> str:
        """A short word that changes with the files: their names, sizes and checksums or times."""
        if self.root.is_dir():
            stats = [(self.root / name).stat() for name in self.names]
            facts = [(stat.st_size, stat.st_mtime_ns) for stat in stats]
        else:
            with zipfile.ZipFile(self.root) as archive:
                members = [archive.getinfo(name) for name in self.names]
            facts = [(member.file_size, member.CRC) for member in members]
        listing = repr(list(zip(self.names, facts, strict=True)))
        return hashlib.sha256(listing.encode()).hexdigest()[:12]

    def read(self, name: str) -> bytes:
        """Content of a file.

        Raises:
            UserError: it cannot be read.
        """
        try:
            if self.root.is_dir():
                return (self.root / name).read_bytes()
            with zipfile.ZipFile(self.root) as archive:
                return archive.read(name)
        except (OSError, KeyError, zipfile.BadZipFile) as error:
            raise UserError(f"{self.root}: {name}: cannot be read: {error}") from None

    def text(self, name: str) -> str:
        """Content of a text file; what is no UTF-8 in it becomes a replacement character."""
        return self.read(name).decode("utf-8", errors="replace")

    def lines(self, name: str) -> list[list[str]]:
        """Words of each line that is neither empty nor a comment."""
        lines = (line.split("#", 1)[0].split() for line in self.text(name).splitlines())
        return [words for words in lines if words]
