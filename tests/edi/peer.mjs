// The segments of an X12 file as node-x12 reads them, one line of JSON each; with --time, seconds alone.
import fs from "fs";
import pkg from "node-x12";

const { X12Parser } = pkg;
const [file, timed] = process.argv.slice(2);
const started = performance.now();
const text = fs.readFileSync(file, "utf8");
let found = new X12Parser(false).parse(text);
found = Array.isArray(found) ? found : found.interchanges ?? [found];
let count = 0;
const give = (segment) => {
  count += 1;
  if (!timed) console.log(JSON.stringify([segment.tag, ...segment.elements.map((element) => element.value)]));
};
for (const interchange of found) {
  give(interchange.header);
  for (const group of interchange.functionalGroups) {
    give(group.header);
    for (const set of group.transactions) {
      give(set.header);
      set.segments.forEach(give);
      give(set.trailer);
    }
    give(group.trailer);
  }
  give(interchange.trailer);
}
if (timed) console.log(JSON.stringify({ segments: count, seconds: (performance.now() - started) / 1000 }));
