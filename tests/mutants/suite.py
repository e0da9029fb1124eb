"""The `.slt` tests, and which of them compute a model from its SQL."""

import re
import shutil
import subprocess
from pathlib import Path

READ = re.compile(r"\b(?:from|join)\s+(\w+)\b")
GIVEN = re.compile(r"\b(?:insert\s+into|create\s+table)\s+(\w+)\b")
# How many tests of its readers a model is judged by beside its own, and how many models one of them may compute: what is further
# off sees it through more and more of them.
NEAREST, LARGEST = 2, 25
# What the engine says of a statement that it cannot plan or compute.
REFUSED = re.compile(r"cannot be planned|error during planning|schema error|cannot be cast|is of type|type .* expected", re.I)


class Suite:
    """A copy of the project whose SQL can be changed, its models and its tests."""

    def __init__(self, here, binary, project):
        self.binary, self.project = binary, project
        self.models = {p.stem: p for p in here.glob("sql/*/*/*.sql")}
        shutil.rmtree(project, ignore_errors=True)
        project.mkdir(parents=True)
        shutil.copy(here / "config.toml", project)
        for folder in ("jobs", "sql", "tests/slt"):
            shutil.copytree(here / folder, project / folder)
        self.reads = {name: self._names(READ, path.read_text()) - {name} for name, path in self.models.items()}
        self.computes = {path: self._computed(path) for path in sorted((project / "tests/slt").glob("*.slt"))}
        self.home = {name: project / path.relative_to(here) for name, path in self.models.items()}
        self.sound = set()

    def _names(self, pattern, text):
        return {name for name in pattern.findall(re.sub(r"--[^\n]*", "", text)) if name in self.models}

    def _computed(self, path):
        """The models that a test computes: those it names, and what they read, but for what it gives rows of."""
        text = re.sub(r"(?m)^#.*$", "", path.read_text())
        given = self._names(GIVEN, text)
        pending = [n for n in self.models if re.search(rf"\b{n}\b", text) and n not in given]
        found = set()
        while pending:
            name = pending.pop()
            if name not in found and name not in given:
                found.add(name)
                pending += self.reads[name]
        return found

    def tests_of(self, name):
        """Its own tests, and those of its readers, the closest first."""
        own = [p for p in self.computes if self.is_own(p, name)]
        others = sorted((p for p, models in self.computes.items() if name in models and p not in own),
                        key=lambda p: (len(self.computes[p]), p.stem))
        near = [p for p in others if len(self.computes[p]) <= LARGEST or not own]
        return own, near[:NEAREST if own else 2 * NEAREST]

    @staticmethod
    def is_own(path, name):
        return path.stem.split(".")[0] == name

    def run(self, paths):
        """What `tributary test` says of failed records."""
        done = subprocess.run([self.binary, "-c", self.project / "config.toml", "test", *paths], capture_output=True, text=True,
                              timeout=600)
        return done.returncode, done.stdout + done.stderr

    def need_sound(self, paths):
        """A test that fails without a fault says nothing of one."""
        unknown = [p for p in paths if p not in self.sound]
        if unknown:
            code, said = self.run(unknown)
            if code:
                raise SystemExit(f"tests that fail without a fault: {said[:500]}")
            self.sound |= set(unknown)

    def judge(self, name, text):
        """Puts a faulty statement in the model's place and asks its tests."""
        home, whole = self.home[name], self.home[name].read_text()
        own, others = self.tests_of(name)
        self.need_sound(own + others)
        home.write_text(text)
        try:
            for paths in filter(None, (own, others)):
                code, said = self.run(paths)
                if code:
                    first = next((line for line in said.splitlines() if ".slt:" in line or "error" in line.lower()), said[:200])
                    where = Path(first.split(":")[0]).name + ":" + first.split(":")[1] if ".slt:" in first else first[:160]
                    return ("refused" if REFUSED.search(said) else "slt"), where
        except subprocess.TimeoutExpired:
            return "slt", "does not end"
        finally:
            home.write_text(whole)
        return "slt passed", ""
