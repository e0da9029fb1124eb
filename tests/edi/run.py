"""X12 and EDIFACT as tributary reads them beside pyx12, node-x12 and pydifact: segment by segment, and how long it takes.

Outside of CI, since it needs other people's packages:

    python3 -m venv venv && venv/bin/pip install -r tests/edi/requirements.txt
    (cd tests/edi && npm install)
    cargo build --release --bench edi
    venv/bin/python tests/edi/run.py --binary target/release/deps/edi-<hash> [--megabytes 100]

Differences that are known and explained stand in `KNOWN`; any other fails.
"""

import argparse
import io
import json
import random
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

HERE = Path(__file__).parent
warnings.simplefilter("ignore")

# What a peer does otherwise, and why that is no fault of ours.
KNOWN = {
    "node-x12": "ISA13 and IEA02 lose their leading zeros: the control number is read as a number",
    "pydifact": "blanks at the ends of values are eaten, and a UNA is a segment of its own",
}


def isa(control, version="00401", repetition="U", element="*", component=">", terminator="~"):
    parts = ["ISA", "00", " " * 10, "00", " " * 10, "ZZ", "RETAILER".ljust(15), "ZZ", "BRAND".ljust(15)]
    parts += ["261122", "0130", repetition, version, f"{control:09}", "0", "P", component]
    return element.join(parts) + terminator


def x12(chance, messages, lines, terminator="~", behind=""):
    """One interchange of 852 messages, with stores under some activities and a place above others."""
    out, size = [isa(101, terminator=terminator), f"GS*PD*RETAILER*BRAND*20261122*0130*1*X*004010{terminator}"], 0
    for message in range(messages):
        body = [f"ST*852*{message + 1:04}", "XQ*H*20261115*20261121", "N9*DP*044*TEXT WITH BLANKS "]
        for line in range(lines):
            body += [f"LIN*{line + 1}*UI*{message * lines + line:011}*VN*AB-{line}", "CTP**RTL*12.50"]
            body += ["ZA*QS*11*EA", "SDQ*EA*92*0005*4*0006*5*0007*2"]
            body += [f"ZA*QA*{chance.randint(0, 99)}*EA", "SDQ*EA**0005*10*0006*20"]
        body += [f"CTT*{lines}"]
        body += [f"SE*{len(body) + 1}*{message + 1:04}"]
        out += [segment + terminator for segment in body]
        size += 1
    out += [f"GE*{size}*1{terminator}", f"IEA*1*000000101{terminator}"]
    return behind.join(out) + behind


def edifact(chance, messages, lines, behind=""):
    """One interchange of SLSRPT messages, with released separators and decimal commas."""
    out = ["UNB+UNOC:3+4012345000009:14+4098765000007:14+261122:0130+REF1'"]
    for message in range(messages):
        body = [f"UNH+{message + 1}+SLSRPT:D:96A:UN:EAN004", f"BGM+73E::9+S{message}+9"]
        body += ["DTM+356:2026111520261121:718", "CUX+2:EUR:10"]
        for place in range(5):
            body += [f"LOC+162+5412345{place:05}::92:SHOP ?+ CAF?'E"]
            for line in range(lines):
                body += [f"LIN+{line + 1}++A{message}{place}{line}:SA", "MOA+203:25,50", "PRI+AAA:8.5"]
                body += [f"QTY+153:{chance.randint(1, 9)}:PCE"]
        body += [f"UNT+{len(body) + 1}+{message + 1}"]
        out += [segment + "'" for segment in body]
    out += [f"UNZ+{messages}+REF1'"]
    return behind.join(out) + behind


def trimmed(segment):
    """A segment without empty ends, which say nothing, as texts."""
    elements = [[str(part) for part in element] for element in segment]
    for element in elements:
        while element and element[-1] == "":
            element.pop()
    while elements and not elements[-1]:
        elements.pop()
    return elements


def ours(binary, path):
    told = subprocess.run([binary, "segments", path], capture_output=True, text=True, check=True).stdout
    return [trimmed(json.loads(line)) for line in told.splitlines()]


def pyx12_segments(path):
    import pyx12.x12file

    found = []
    for segment in pyx12.x12file.X12Reader(io.StringIO(Path(path).read_text())):
        values = [[part.get_value() for part in element] for element in segment.elements]
        found.append(trimmed([[segment.get_seg_id()], *values]))
    return found


def node_segments(path):
    told = subprocess.run(["node", HERE / "peer.mjs", path], capture_output=True, text=True, check=True).stdout
    # elements come whole: ours have no parts in these messages but in ISA16
    return [trimmed([[element] for element in json.loads(line)]) for line in told.splitlines()]


def pydifact_segments(path):
    from pydifact.segmentcollection import RawSegmentCollection

    found = []
    for segment in RawSegmentCollection.from_str(Path(path).read_text()).segments:
        values = [element if isinstance(element, list) else [element] for element in segment.elements]
        found.append(trimmed([[segment.tag], *values]))
    return found


def differences(name, mine, theirs):
    """Pairs that differ, those that are known taken off."""
    stripped = lambda segment: [[part.strip() for part in element] for element in segment]
    if name == "pydifact":
        mine, theirs = [trimmed(stripped(s)) for s in mine], [trimmed(stripped(s)) for s in theirs if s[0] != ["UNA"]]
    if name == "node-x12":
        place = {"ISA": 13, "IEA": 2}
        bare = lambda s, at: [*s[:at], [s[at][0].lstrip("0")], *s[at + 1:]]
        mine = [bare(s, place[s[0][0]]) if s[0][0] in place else s for s in mine]
    # the last element of an ISA is the separator itself
    mine, theirs = [[s[:16] if s[0] == ["ISA"] else s for s in side] for side in (mine, theirs)]
    found = [(a, b) for a, b in zip(mine, theirs) if a != b]
    if len(mine) != len(theirs):
        found.append((f"{len(mine)} segments", f"{len(theirs)} segments"))
    return found


def compare(binary, folder):
    chance, wrong = random.Random(20261122), 0
    cases = [("x12", x12(chance, 5, 40, terminator, behind)) for terminator, behind in
             [("~", ""), ("~", "\r\n"), ("~", "\n"), ("\n", ""), ("]", "\n"), ("\x1c", "")]]
    cases += [("edifact", edifact(chance, 3, 20, behind)) for behind in ["", "\r\n", "\n"]]
    cases += [("edifact", "UNA:+.? '" + edifact(chance, 2, 5))]
    for at, (kind, text) in enumerate(cases):
        path = folder / f"case{at}.edi"
        path.write_bytes(text.encode("latin-1"))
        mine = ours(binary, path)
        peers = {"pyx12": pyx12_segments, "node-x12": node_segments} if kind == "x12" else {"pydifact": pydifact_segments}
        for name, read in peers.items():
            try:
                found = differences(name, mine, read(path))
            except Exception as err:  # a peer that gives up is told, and is no difference of ours
                print(f"case {at} {kind}: {name} gives up: {type(err).__name__}: {str(err)[:100]}")
                continue
            known = f" (known: {KNOWN[name]})" if name in KNOWN else ""
            print(f"case {at} {kind}: {len(mine)} segments, {len(found)} differ from {name}{known}")
            for a, b in found[:3]:
                print(f"    tributary {a}\n    {name} {b}")
            wrong += len(found)
    return wrong


PEERS = {
    "pyx12": "import pyx12.x12file, sys\nn = sum(1 for _ in pyx12.x12file.X12Reader(sys.argv[1]))",
    "pydifact": "import sys, warnings\nwarnings.simplefilter('ignore')\n"
    "from pydifact.segmentcollection import RawSegmentCollection\n"
    "n = len(RawSegmentCollection.from_str(open(sys.argv[1]).read()).segments)",
}


def speed(binary, folder, megabytes):
    chance = random.Random(1)
    files = {"852": (x12, 30000), "SLSRPT": (edifact, 22000)}
    print(f"\n{'message':8} {'reader':10} {'MB/s':>8} {'times':>7}")
    for kind, (make, size) in files.items():
        path = folder / f"{kind}.edi"
        lines = 200 if kind == "852" else 100
        path.write_text(make(chance, max(1, megabytes * 1_000_000 // size), lines))
        mb = path.stat().st_size / 1e6
        told = json.loads(subprocess.run([binary, "rows", path, "sales"], capture_output=True, text=True, check=True).stdout)
        assert told["refused"] is None and told["clean"] == told["rows"] > 0, told
        own = mb / told["seconds"]
        print(f"{kind:8} {'tributary':10} {own:8.1f} {'':7}  {told['rows']} rows, peak {told['peak']}")
        for name in ["pyx12", "node-x12"] if kind == "852" else ["pydifact"]:
            started = time.perf_counter()
            if name == "node-x12":
                command = ["node", "--max-old-space-size=12000", HERE / "peer.mjs", path, "--time"]
            else:
                command = [sys.executable, "-c", PEERS[name], path]
            done = subprocess.run(command, capture_output=True, text=True)
            seconds = time.perf_counter() - started
            rate = mb / seconds
            told = f"{rate:8.2f} {own / rate:6.0f}x" if done.returncode == 0 else f"gives up: {done.stderr.strip()[-80:]}"
            print(f"{kind:8} {name:10} {told}")


def main():
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--binary", required=True, help="the built benchmark `edi`")
    asked.add_argument("--megabytes", type=int, default=0, help="size of the files that are timed; 0: none are")
    args = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        wrong = compare(args.binary, Path(folder))
        if args.megabytes:
            speed(args.binary, Path(folder), args.megabytes)
    if wrong:
        sys.exit(f"{wrong} segments differ")


if __name__ == "__main__":
    main()
