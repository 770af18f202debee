"""The style of a benchmark's page: its colours in light and in dark, and its layout by width."""

STYLE = """
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --panel: #ffffff; --line: #e2e6ec; --ink: #161b26; --muted: #5a6475;
  --grid: #dfe4ea; --ring: #1463c4; --sequential: #d1600a; --parse: #12875d; --embed: #1463c4;
  --write: #8a3fc2; --ceiling: #c02235;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0f1319; --panel: #171c25; --line: #2a3240; --ink: #eef1f6; --muted: #9ba6b7;
    --grid: #2c3442; --ring: #5aa5ff; --sequential: #ff9a52; --parse: #4bcf9b; --embed: #5aa5ff;
    --write: #c793f2; --ceiling: #ff6b78;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 1360px; padding: 2.5rem 2rem 3rem; background: var(--page);
  color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
}
header { max-width: 50rem; margin-bottom: 1.75rem; }
header p { margin: 0.15rem 0; color: var(--muted); }
.eyebrow { font-size: 0.85rem; }
h1 { margin: 0.2rem 0 0.6rem; font-size: 2.1rem; line-height: 1.15; letter-spacing: -0.015em; }
h2 { margin: 0; font-size: 1rem; }
.tiles { display: grid; grid-template-columns: repeat(5, 1fr); gap: 1rem; margin-bottom: 1rem; }
.tile, figure, .card {
  background: var(--panel); border: 1px solid var(--line); border-radius: 10px; margin: 0;
}
.tile { padding: 0.9rem 1.1rem; }
.tile p { margin: 0; }
.label, .under { color: var(--muted); font-size: 0.85rem; }
.under { min-height: 1.5em; }
.value { font-size: 1.6rem; font-weight: 650; line-height: 1.3; white-space: nowrap; }
.plots { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 1rem; }
figure { padding: 1.1rem 1.2rem 0.6rem; }
figure#memory { grid-column: 1 / -1; }
figcaption { color: var(--muted); font-size: 0.85rem; }
.legend {
  display: flex; flex-wrap: wrap; gap: 0.2rem 1.1rem; margin: 0.4rem 0 0; padding: 0;
  list-style: none; font-size: 0.85rem;
}
.key {
  display: inline-block; width: 0.85rem; height: 0.85rem; margin-right: 0.4rem;
  border-radius: 3px; background: var(--key); vertical-align: -0.1rem;
}
.key.ceiling { height: 0; border-radius: 0; border-top: 2px dashed var(--key);
  background: none; vertical-align: 0.2rem; }
.plot { margin-top: 0.4rem; }
.plot svg { display: block; width: 100%; height: auto; overflow: visible; }
.plot text { font-family: inherit !important; font-variant-numeric: tabular-nums; }
.plot.narrow { display: none; }
.card { margin-top: 1rem; padding: 1.1rem 1.2rem; }
.pair { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); column-gap: 1rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; margin-top: 0.6rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.35rem 1.6rem 0.35rem 0; border-top: 1px solid var(--line); text-align: right; }
td { white-space: nowrap; }
th:first-child, table.words th, table.words td { text-align: left; }
table.words td { white-space: normal; }
thead th { border-top: 0; color: var(--muted); font-weight: 400; font-size: 0.85rem; }
tbody th { font-weight: 400; white-space: nowrap; }
pre {
  margin: 0.7rem 0 0; padding: 0.9rem 1rem; overflow-x: auto;
  white-space: pre-wrap; border-radius: 8px;
  background: var(--page); font: 0.85rem/1.6 ui-monospace, "SF Mono", Menlo, Consolas, monospace;
}
.why { color: var(--muted); }
dl {
  display: grid; grid-template-columns: max-content 1fr; gap: 0.4rem 1.5rem; margin: 0.7rem 0 0;
}
dt { color: var(--muted); }
dd { margin: 0; overflow-wrap: anywhere; }
footer { margin-top: 1.5rem; color: var(--muted); font-size: 0.85rem; }
@media (max-width: 1000px) {
  .tiles { grid-template-columns: repeat(auto-fit, minmax(10.5rem, 1fr)); }
  .plots, .pair { grid-template-columns: minmax(0, 1fr); }
}
@media (max-width: 560px) {
  body { padding: 1.25rem 0.9rem 2rem; }
  h1 { font-size: 1.6rem; }
  .tiles { grid-template-columns: 1fr 1fr; gap: 0.6rem; }
  .tile { padding: 0.7rem 0.8rem; }
  .tile:last-child { grid-column: 1 / -1; }
  .value { font-size: 1.25rem; }
  figure, .card { padding: 0.9rem 0.8rem; }
  .plot.wide { display: none; }
  .plot.narrow { display: block; }
  th, td { padding-right: 0.55rem; }
  table { font-size: 0.8rem; }
  thead th { font-size: 0.75rem; }
  tbody th { white-space: normal; }
  table.words { font-size: 1rem; }
  table.words thead { display: none; }
  table.words tr { display: block; padding: 0.4rem 0; border-top: 1px solid var(--line); }
  table.words th, table.words td { display: block; padding: 0; border: 0; }
  table.words td { color: var(--muted); font-size: 0.9rem; }
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: 0.6rem; }
}
@media print { body { background: none; } .tile, figure, .card { break-inside: avoid; } }
"""
