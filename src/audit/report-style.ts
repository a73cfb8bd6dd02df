/** The report's looks: light and dark, wide and narrow, on paper. */
export const AUDIT_STYLE = `
:root{--ground:#f7f6f3;--card:#fff;--ink:#1d1c1a;--muted:#6b675f;--line:#e3dfd7;--high:#b3261e;--medium:#9a5b00;--low:#4a6078;--good:#1f7a4d;--code:#f1eee8}
@media(prefers-color-scheme:dark){:root{--ground:#161513;--card:#1f1e1b;--ink:#ece9e2;--muted:#a09a8e;--line:#35322c;--high:#ff8a80;--medium:#f0b357;--low:#9db7d4;--good:#6fd3a0;--code:#2a2823}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:60rem;padding:2rem 1.25rem 4rem;background:var(--ground);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
header{display:flex;gap:1.5rem;align-items:center;margin-bottom:1.75rem}
header>div{min-width:0;flex:1}
h1{font-size:1.6rem;line-height:1.2;margin:.1rem 0 .3rem;overflow-wrap:anywhere}
h2{font-size:1.15rem;line-height:1.3;margin:0;display:flex;gap:.75rem;align-items:baseline}
h3{font-size:.8rem;letter-spacing:.04em;text-transform:uppercase;color:var(--muted);margin:1.1rem 0 .4rem}
p{margin:.35rem 0}
.kind{font-size:.8rem;letter-spacing:.08em;text-transform:uppercase;color:var(--muted);margin:0}
.muted{color:var(--muted);font-size:.9rem}
.dial{width:7.5rem;flex:none}
.dial circle{fill:none;stroke:var(--line);stroke-width:8}
.dial .part{stroke-linecap:round}
.dial.good .part{stroke:var(--good)}.dial.fair .part{stroke:var(--medium)}.dial.poor .part{stroke:var(--high)}
.dial text{fill:var(--ink);font-size:30px;font-weight:700;text-anchor:middle}
.dial .of{fill:var(--muted);font-size:11px;font-weight:400}
.tally{list-style:none;display:flex;flex-wrap:wrap;gap:.35rem 1.1rem;margin:.6rem 0 0;padding:0;font-size:.9rem;color:var(--muted)}
.tally b{color:var(--ink);font-variant-numeric:tabular-nums}
.tally .high b{color:var(--high)}.tally .medium b{color:var(--medium)}.tally .low b{color:var(--low)}.tally .passed b{color:var(--good)}
.stopped,.fine{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:.8rem 1rem}
.stopped{border-color:var(--medium)}
article{background:var(--card);border:1px solid var(--line);border-left:4px solid var(--line);border-radius:.6rem;padding:1.1rem 1.25rem;margin:0 0 1rem}
article.high{border-left-color:var(--high)}article.medium{border-left-color:var(--medium)}article.low{border-left-color:var(--low)}
.points{margin-left:auto;font-variant-numeric:tabular-nums;color:var(--muted);font-weight:600}
.high .points{color:var(--high)}.medium .points{color:var(--medium)}.low .points{color:var(--low)}
.finding{margin-top:.9rem;padding-top:.7rem;border-top:1px solid var(--line)}
.target{display:inline-block;max-width:100%}
code,pre{font:.85rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
code{background:var(--code);padding:.1em .35em;border-radius:.3em}
pre{background:var(--code);padding:.75rem;border-radius:.4rem;white-space:pre-wrap;margin:.5rem 0}
.gain b{font-weight:600;margin-right:.35em}
summary{cursor:pointer;color:var(--muted);font-size:.9rem}
dl{margin:.3rem 0}
dl div{display:grid;grid-template-columns:6rem 1fr;gap:.75rem;padding:.25rem 0}
.rest dl div{grid-template-columns:16rem 1fr}
dt{color:var(--muted)}.fixes dt{font-weight:600;color:var(--ink)}
dd{margin:0;overflow-wrap:anywhere}
.rest{margin-top:2rem}.rest h2{margin:1.6rem 0 .5rem}
.chips,.targets{list-style:none;padding:0;margin:.4rem 0;display:flex;flex-wrap:wrap;gap:.4rem}
.targets{flex-direction:column}
.chips li{background:var(--card);border:1px solid var(--line);border-radius:1rem;padding:.15rem .7rem;font-size:.9rem}
.chips li::before{content:"\\2713";color:var(--good);margin-right:.4em}
.chips span{color:var(--muted);font-size:.8rem}
@media(max-width:36rem){body{padding:1.25rem .9rem 3rem}header{gap:1rem;align-items:flex-start}.dial{width:5rem}h1{font-size:1.25rem}dl div,.rest dl div{grid-template-columns:1fr;gap:.1rem;padding:.4rem 0}article{padding:.9rem}}
@media print{body{max-width:none;background:#fff}article{break-inside:avoid}}
`;
