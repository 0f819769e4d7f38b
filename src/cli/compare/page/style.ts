/**
 * The page's style sheet. The eight colours are those of Okabe and Ito, which people with any kind of colour vision tell apart
 * (https://jfly.uni-koeln.de/color/), with the paler ones darkened on white and the darker ones lightened on black.
 */
export const STYLE: string = `
:root {
  color-scheme: light dark;
  --paper: #fff; --ink: #1d2126; --soft: #59616b; --line: #dde1e6; --stream: #eef4f9; --datagram: #faf3ea;
  --c0: #0072b2; --c1: #d55e00; --c2: #009e73; --c3: #b4508b; --c4: #b97f00; --c5: #3d9bd6; --c6: #4a4f55; --c7: #988c00;
  --good: #0072b2; --bad: #b03a00;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15181c; --ink: #e7eaee; --soft: #a4acb6; --line: #343a42; --stream: #1a2530; --datagram: #2a231a;
    --c0: #3f9ddb; --c1: #f0803a; --c2: #1fbf94; --c3: #dc95bb; --c4: #e69f00; --c5: #8accf2; --c6: #c3c8ce; --c7: #f0e442;
    --good: #6db9ec; --bad: #ff9a5c;
  }
}
*, ::before, ::after { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem clamp(0.75rem, 3vw, 2.5rem) 4rem; max-width: 90rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; overflow-wrap: break-word; }
h1 { font-size: clamp(1.5rem, 4vw, 2.2rem); line-height: 1.2; margin: 0 0 0.75rem; letter-spacing: -0.01em; }
h2 { font-size: 1.3rem; margin: 3rem 0 0.75rem; }
h3 { font-size: 1rem; margin: 0 0 0.25rem; }
p { margin: 0 0 0.75rem; }
small { display: block; color: var(--soft); font-size: 0.8rem; font-weight: 400; line-height: 1.35; }
a { color: inherit; }
.lead { max-width: 46rem; font-size: 1.05rem; }
.setting { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(12rem, 100%), 1fr)); gap: 0.75rem 2rem; margin: 1.25rem 0 0;
  border-top: 1px solid var(--line); padding-top: 1rem; }
.setting dt { color: var(--soft); font-size: 0.8rem; }
dd { margin: 0; }
.swatch { display: inline-block; width: 0.7em; height: 0.7em; margin-right: 0.4em; border-radius: 2px; background: currentColor; }
.c0 { color: var(--c0); } .c1 { color: var(--c1); } .c2 { color: var(--c2); } .c3 { color: var(--c3); }
.c4 { color: var(--c4); } .c5 { color: var(--c5); } .c6 { color: var(--c6); } .c7 { color: var(--c7); }

.scroll { overflow-x: auto; }
.scroll:focus-visible { outline: 2px solid var(--good); }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.92rem; }
th, td { text-align: left; vertical-align: top; padding: 0.55rem; border-bottom: 1px solid var(--line); font-weight: 400; }
thead th, tbody th { font-weight: 600; }
td p { margin: 0; }
.results { width: 100%; }
.results th[scope=row] { position: sticky; left: 0; background: var(--paper); min-width: 7.5rem; width: 7.5rem; }
.results thead tr:first-child th { border-bottom: 0; }
.results [scope=colgroup] small { display: inline; margin-left: 0.3em; }
.results td:not([rowspan]), .results th[scope=col] { min-width: 10rem; }
.stream { background: var(--stream); } .datagram { background: var(--datagram); }
.stream + .datagram { border-left: 4px solid var(--paper); }
.address { overflow-wrap: anywhere; }
.number { font-size: 1.02rem; }
.delivery, .latency { margin: 0; }
.delivery div { display: grid; grid-template-columns: 4.4rem 1fr 2.8rem; column-gap: 0.3rem; max-width: 14rem; font-size: 0.8rem; }
.latency div { display: grid; grid-template-columns: 2.5rem 1fr; }
.delivery dt, .latency dt { color: var(--soft); }
.delivery dd { text-align: right; white-space: nowrap; }
.facts td { color: var(--soft); }
.facts th { white-space: nowrap; }
.facts td:last-child { min-width: 14rem; }
.agrees td:last-child { color: var(--good); }
.disagrees td { color: var(--ink); }
.disagrees td:last-child { color: var(--bad); font-weight: 600; }
.missing { padding-left: 1.2rem; } .missing li { margin-bottom: 0.5rem; } .missing span { color: var(--soft); }

figure { margin: 0 0 2rem; min-width: 0; }
figcaption { color: var(--soft); font-size: 0.85rem; max-width: 60rem; }
figure > label { font-size: 0.85rem; color: var(--soft); }
.chart { position: relative; overflow-x: clip; width: 100%; height: 340px; margin: 0.5rem 0; }
.switches { position: sticky; top: 0; z-index: 5; display: flex; flex-wrap: wrap; gap: 0.25rem 2rem; padding: 0.5rem 0; margin-bottom: 1.25rem;
  background: var(--paper); border-bottom: 1px solid var(--line); }
fieldset { border: 0; padding: 0; margin: 0; min-width: 0; display: flex; flex-wrap: wrap; gap: 0 1rem; align-items: baseline; }
legend { float: left; color: var(--soft); font-size: 0.85rem; padding: 0; margin-right: 0.75rem; }
label { cursor: pointer; white-space: nowrap; } input { accent-color: var(--good); }
.switches label { padding: 0.2rem 0; }
.tooltip { position: absolute; z-index: 4; pointer-events: none; padding: 0.4rem 0.6rem; border: 1px solid var(--line); border-radius: 4px;
  background: var(--paper); color: var(--ink); font-size: 0.8rem; line-height: 1.4; white-space: nowrap; box-shadow: 0 2px 8px #0003; }
.tooltip[hidden] { display: none; }
.tooltip > :first-child { color: var(--soft); }
.u-select { background: color-mix(in srgb, var(--ink) 12%, transparent); }

.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(30rem, 100%), 1fr)); gap: 1rem 3rem; }
.bars { list-style: none; margin: 0.75rem 0 0; padding: 0; }
.bars li { display: grid; grid-template-columns: 8rem minmax(0, 1fr); gap: 0 0.75rem; align-items: center; margin-bottom: 0.6rem; }
.bars .bar { display: flex; height: 1.1rem; background: color-mix(in srgb, var(--line) 45%, transparent); }
.bars .value { grid-column: 2; color: var(--soft); font-size: 0.85rem; }
.part { display: block; min-width: 2px; }
.key { color: var(--soft); font-size: 0.85rem; }
.key > span { display: inline-block; margin-right: 0.9em; }
.key .part { display: inline-block; width: 1.6em; height: 0.8em; margin-right: 0.4em; }
.in-order, .overhead { background: var(--c0); }
.reordered { background: repeating-linear-gradient(45deg, var(--c2) 0 3px, transparent 3px 5px); }
.lost { background: repeating-linear-gradient(-45deg, var(--c1) 0 2px, transparent 2px 6px); outline: 1px solid var(--c1); outline-offset: -1px; }
.duplicated { background: radial-gradient(var(--c3) 35%, transparent 40%) 0 0 / 5px 5px; outline: 1px solid var(--c3); outline-offset: -1px; }
footer { margin-top: 3rem; color: var(--soft); font-size: 0.85rem; }
@media (max-width: 40rem) { .results th[scope=row] { min-width: 7rem; max-width: 7rem; padding: 0.55rem 0.4rem 0.55rem 0; font-size: 0.8rem; } }
@page { size: landscape; margin: 1cm; }
@media print {
  body { padding: 0; }
  .switches { position: static; }
  .scroll { overflow: visible; }
  .results, .results * { font-size: 0.62rem; }
  .results th, .results td { padding: 0.25rem 0.3rem; min-width: 0 !important; width: auto !important; }
  .results .delivery div { font-size: inherit; grid-template-columns: 5.5em 1fr 3.5em; }
  figure, tr { break-inside: avoid; }
  .chart, .u-wrap { height: auto !important; }
  .uplot, .u-wrap, .chart canvas { width: 100% !important; height: auto !important; }
}
`
