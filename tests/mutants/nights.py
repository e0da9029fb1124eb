"""A night of a company with a fault in its SQL: what its checks say, and what the second computation finds in its marts."""

import importlib.util
import os
import shutil
import subprocess
import sys


class Nights:
    """A company after its night, copied anew for each fault; the second computation is made once."""

    def __init__(self, root, binary, work, here):
        self.root, self.binary, self.work = root, binary, work
        sys.path.insert(0, str(here / "tests" / "second"))
        # The second computation has a main module of its own; what it computes is imported from beside it.
        spec = importlib.util.spec_from_file_location("second", here / "tests" / "second" / "__main__.py")
        self.second = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.second)
        config = self.second.merged(self.second.tomllib.loads((here / "config.toml").read_text()),
                                    self.second.tomllib.loads((root / "config.toml").read_text()))
        self.marts, self.inbox = config["stores"]["marts"], config["stores"]["inbox"]
        self.as_of = self.second.night(root / self.marts / "latest")
        self.world = self.second.World(root / config["stores"]["inbox"], root / config["folders"]["jobs"], config, self.as_of)
        self.about = self.second.compare.sidecars(here / "sql")
        for step, _ in self.second.STEPS:
            step(self.world)
        self.expected = {name: self.compared(root, name) for _, names in self.second.STEPS for name in names}

    def compared(self, root, name):
        found = self.second.compare.compare(self.world, name, self.about[name], root / self.marts / "latest" / f"{name}.parquet")
        return found.equal, len(found.differing), len(found.only_there)

    def judge(self, model, text):
        """Copies the company, puts the fault in and runs its night again: what reads the model is built anew."""
        shutil.rmtree(self.work, ignore_errors=True)
        shutil.copytree(self.root, self.work, ignore=lambda folder, _: [os.path.basename(self.inbox)] if folder == str(
            (self.root / self.inbox).parent) else [])
        # The very files: a copy of one would be news.
        shutil.copytree(self.root / self.inbox, self.work / self.inbox, copy_function=os.link)
        (self.work / "sql" / model).write_text(text)
        done = subprocess.run([self.binary, "-c", self.work / "config.toml", "run", "nightly", "--date", str(self.as_of)],
                              capture_output=True, text=True, timeout=1800)
        said = (done.stdout + done.stderr).splitlines()
        if done.returncode not in (0, 1):
            return "check", next((line.strip()[:160] for line in said if "error" in line.lower()), f"exit {done.returncode}")
        odd = [name for name, before in self.expected.items() if self.compared(self.work, name) != before]
        return ("second", " ".join(odd)) if odd else ("nobody", "")
