"""Looks at mails as people do: at the width of a phone and of a window, light and dark.

    tributary mail preview --save pages        (or: any folder of .html mails with their pictures beside them)
    python tests/mail_render.py pages pictures [--chromium /usr/bin/chromium]

writes one picture a mail, width and theme, and says of each whether anything reaches beyond its width, how high the page
is, which pictures are missing and which texts are too pale for their ground (WCAG 2.2, 1.4.3: 3 to 1 for what is large,
4.5 to 1 otherwise; the ids in small grey may have 3). Not part of CI: it needs a browser. Nothing but Python's own
library and a Chromium is used; the browser is asked through its debugging pipe.
"""

import argparse
import base64
import json
import os
import pathlib
import subprocess
import sys
import tempfile

WIDTHS = (390, 700)
THEMES = ("light", "dark")

LOOK = r"""
(() => {
  const rgb = text => (text.match(/[\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const light = ([r, g, b]) => {
    const part = c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const ground = element => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgb(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const pale = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    const style = getComputedStyle(element);
    if (!own || style.visibility === "hidden" || Number(style.opacity) === 0 || !element.getClientRects().length) continue;
    const [a, b] = [light(rgb(style.color)), light(ground(element))].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    const size = parseFloat(style.fontSize);
    const least = size >= 18.66 || size >= 14 && Number(style.fontWeight) >= 700 || size <= 12 ? 3 : 4.5;
    if (contrast < least) pale.push(`${element.textContent.trim().slice(0, 30)} (${contrast.toFixed(1)})`);
  }
  const missing = [...document.images].filter(i => !i.complete || !i.naturalWidth).map(i => i.getAttribute("src"));
  return {width: document.documentElement.scrollWidth, height: document.documentElement.scrollHeight, missing, pale};
})()
"""


class Browser:
    """A headless Chromium, spoken to through --remote-debugging-pipe: JSON with a NUL behind each message."""

    def __init__(self, binary):
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        to_read, self.to = os.pipe()
        self.answers, from_write = os.pipe()

        def hand_over():
            # The browser reads its orders from 3 and answers on 4.
            read, write = os.dup(to_read), os.dup(from_write)
            os.dup2(read, 3)
            os.dup2(write, 4)

        self.process = subprocess.Popen(
            [binary, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe",
             f"--user-data-dir={self.folder.name}"],
            preexec_fn=hand_over, pass_fds=(3, 4, to_read, from_write), stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(from_write)
        self.left, self.number, self.session = b"", 0, None

    def ask(self, method, **params):
        self.number += 1
        order = {"id": self.number, "method": method, "params": params}
        if self.session:
            order["sessionId"] = self.session
        os.write(self.to, json.dumps(order).encode() + b"\0")
        while True:
            answer = self.next()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]

    def wait_for(self, event):
        while self.next().get("method") != event:
            pass

    def next(self):
        while b"\0" not in self.left:
            part = os.read(self.answers, 1 << 16)
            if not part:
                raise RuntimeError("the browser has gone")
            self.left += part
        message, self.left = self.left.split(b"\0", 1)
        return json.loads(message)

    def open(self):
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.ask("Page.enable")

    def close(self):
        self.process.terminate()
        self.process.wait()


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("pages", type=pathlib.Path)
    args.add_argument("pictures", type=pathlib.Path)
    args.add_argument("--chromium", default="/usr/bin/chromium")
    args = args.parse_args()
    pages = sorted(args.pages.glob("*.html"))
    if not pages:
        sys.exit(f"no .html in {args.pages}")
    args.pictures.mkdir(parents=True, exist_ok=True)
    browser, faults = Browser(args.chromium), 0
    try:
        browser.open()
        for page in pages:
            for width in WIDTHS:
                for theme in THEMES:
                    browser.ask("Emulation.setDeviceMetricsOverride", width=width, height=844, deviceScaleFactor=2,
                                mobile=width < 500)
                    browser.ask("Emulation.setEmulatedMedia",
                                features=[{"name": "prefers-color-scheme", "value": theme}])
                    browser.ask("Page.navigate", url=page.resolve().as_uri())
                    browser.wait_for("Page.loadEventFired")
                    seen = browser.ask("Runtime.evaluate", expression=LOOK, returnByValue=True)["result"]["value"]
                    shot = browser.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True,
                                       clip={"x": 0, "y": 0, "width": width, "height": seen["height"], "scale": 1})
                    name = f"{page.stem}-{width}-{theme}.png"
                    (args.pictures / name).write_bytes(base64.b64decode(shot["data"]))
                    said = [f"{seen['height']} px high"]
                    if seen["width"] > width:
                        said.append(f"REACHES BEYOND: {seen['width']} px wide")
                    said += [f"MISSING {source}" for source in seen["missing"]]
                    said += [f"PALE {text}" for text in seen["pale"][:5]]
                    faults += len(said) - 1
                    print(f"{name}: {'; '.join(said)}")
    finally:
        browser.close()
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
