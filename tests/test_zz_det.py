import hashlib, re
from test_report_xps import out
from imgpipe.report import build_report
def test_a(out):
    def h():
        d={str(p.relative_to(out)): hashlib.md5(p.read_bytes()).hexdigest()[:6] for p in sorted(out.rglob('figures/*'))}
        t=(out/'report.html').read_text()
        for i,m in enumerate(re.findall(r'src="(data:[^"]*)"',t)): d[f'img{i}']=hashlib.md5(m.encode()).hexdigest()[:6]
        return d
    a=h()
    for k in range(3):
        build_report(out); b=h()
        print([(k,a[k],b[k]) for k in a if a[k]!=b[k]])
