"""A company of the files of a corpus, and what one night makes of them."""

import hashlib
import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from pyarrow import parquet

DAY = "2026-11-22"


@dataclass
class Seen:
    """What became of one file."""

    rows: list[tuple] = field(default_factory=list)
    refused: list[dict] = field(default_factory=list)
    quarantined: str | None = None


class Company:
    """Lays the company down and runs its night. Files that are said to be written alike are one sender's."""

    def __init__(self, binary: Path, folder: Path):
        self.binary, self.folder = binary, folder
        if folder.exists():
            shutil.rmtree(folder)
        self.call("init", str(folder), at_home=False)
        config = folder / "config.toml"
        config.write_text(config.read_text().replace("settle_seconds = 10", "settle_seconds = 0"))
        (folder / "jobs/corpora.toml").write_text(
            'description = "Reads every file of the corpora"\nat = "06:30"\nmarts = ["runs"]\nalerts = []\nmail = false\n'
        )
        # (feed, mapping) -> sender; (feed, name) -> (sender, bytes)
        self.senders: dict[tuple, str] = {}
        self.files: dict[tuple, tuple] = {}

    def call(self, *args: str, at_home: bool = True) -> subprocess.CompletedProcess:
        home = ["--config", str(self.folder / "config.toml")] if at_home else []
        return subprocess.run([str(self.binary), *home, *args], capture_output=True, text=True, check=False)

    def feed(self, name: str, columns: list[str], required: tuple[str, ...] = ()) -> None:
        """A reference of texts whose key is the row's number."""
        text = 'kind = "reference"\nkey = ["row_no"]\nen = "A corpus"\nzh = "A corpus"\nreject_limit = 1.0\n'
        text += '[[columns]]\nname = "row_no"\ntype = "bigint"\nen = "Row"\nzh = "Row"\n'
        for column in columns:
            needed = "true" if column in required else "false"
            text += f'[[columns]]\nname = "{column}"\ntype = "text"\nrequired = {needed}\nen = "Cell"\nzh = "Cell"\n'
        (self.folder / f"jobs/feeds/{name}.toml").write_text(text)

    def add(self, feed: str, name: str, content: bytes, mapping: list[str], columns: dict[str, str]) -> None:
        """One file, and how it is said to be written."""
        text = f"[feeds.{feed}]\n" + "".join(f"{line}\n" for line in mapping)
        text += f"[feeds.{feed}.columns]\nrow_no = {{ row_number = true }}\n"
        text += "".join(f"{column} = {json.dumps(header)}\n" for column, header in columns.items())
        sender = self.senders.setdefault((feed, text), f"s{len(self.senders):04}")
        place = self.folder / "inbox" / sender / feed
        place.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)
        self.files[feed, name] = (sender, hashlib.sha256(content).hexdigest())

    def night(self) -> None:
        for (_, text), sender in self.senders.items():
            (self.folder / f"jobs/senders/{sender}.toml").write_text(text)
        done = self.call("run", "corpora", "--date", DAY, "--trust-clock")
        if done.returncode not in (0, 1):
            raise SystemExit(f"the night ended with {done.returncode}\n{done.stdout}\n{done.stderr}")

    def seen(self, feed: str, columns: list[str]) -> dict[str, Seen]:
        """By file of a feed, the rows that were staged, those that were refused, and why the file was if it was."""
        lake = self.folder / "out/lake"
        refused = json.loads(self.call("--output", "json", "rejects").stdout or "{}").get("files_refused", [])
        reasons = {(file["sender"], os.path.basename(file["file"])): file["reason"] for file in refused}
        found = {}
        for (of, name), (sender, version) in self.files.items():
            if of != feed:
                continue
            seen = found[name] = Seen(quarantined=reasons.get((sender, name)))
            # the same bytes under two names are staged twice
            for file in sorted((lake / "staged" / feed / sender).glob(f"{version}-*.parquet"))[:1]:
                table = parquet.read_table(file, columns=[*columns, "row_no"]).sort_by("row_no")
                cells = [table.column(column).to_pylist() for column in columns]
                seen.rows += [tuple("" if cell is None else cell for cell in row) for row in zip(*cells)]
            for file in sorted((lake / "rejects" / feed / sender).glob(f"{version}-*.parquet"))[:1]:
                seen.refused += parquet.read_table(file).to_pylist()
        return found
