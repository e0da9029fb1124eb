import argparse
from collections import Counter
from pathlib import Path
from company import Company
from polluted import Pollock, kind_of
import time
p=argparse.ArgumentParser(); p.add_argument("--binary"); p.add_argument("--work"); p.add_argument("--pollock"); a=p.parse_args()
t=time.time()
po=Pollock(Path(a.pollock)); c=Company(Path(a.binary), Path(a.work)); po.lay_down(c); print("laid", time.time()-t); c.night(); print("night", time.time()-t)
for feed in("declared","undeclared"):
    s,seen=po.ours(c,feed)
    print(feed, round(s.simple(),4), "weighted", round(s.weighted,4), "wrong files", len(s.wrong_files), "q", sum(1 for x in seen if x.quarantined))
    for k,v in sorted(s.by_kind.items()):
        w={n:c for n,c in s.wrong_files.items() if kind_of(n)==k}
        print("   %-32s %5d %.4f wrong in %d files %s"%(k,len(v),sum(v)/len(v),len(w),list(w.items())[:4]))
    for f,x in zip(po.files,seen):
        if x.quarantined: print("     Q",f.name,x.quarantined[:150])
    print("   reasons", Counter(r["reason"] for x in seen for r in x.refused))
