/** The console's part of the style sheet: a wide column, navigation, tables, tiles and charts. */
export const CONSOLE_STYLE = `
:root { --failed: #a12622; --denied: #b26a10; --limited: #6b5ca5; --waiting: #7d8a89; }
@media (prefers-color-scheme: dark) { :root { --failed: #f5a09a; --denied: #e0a24e; --limited: #b9a9f0; --waiting: #8d9a9b; } }
body.console header.site, body.console main, body.console footer.site, body.console nav.console { max-width: 74rem; }
nav.console { width: 100%; margin: 0 auto 1.25rem; padding-inline: 1rem; }
nav.console ul { display: flex; flex-wrap: wrap; gap: .25rem .4rem; margin: 0; padding: 0; list-style: none; }
nav.console a { display: inline-block; min-height: 2.25rem; padding: .35rem .8rem; border-radius: .5rem; color: var(--ink); text-decoration: none; }
nav.console a:hover { background: var(--inset); }
nav.console a[aria-current] { background: var(--accent-soft); color: var(--accent); font-weight: 600; }
.skip { position: absolute; left: -100rem; }
.skip:focus { left: 1rem; top: .5rem; padding: .5rem .8rem; background: var(--surface); }
.heading { display: flex; flex-wrap: wrap; align-items: baseline; justify-content: space-between; gap: .25rem 1.5rem; margin-bottom: 1rem; }
.heading h1 { margin: 0; }
.switch { display: inline-flex; flex-wrap: wrap; gap: .25rem; margin: 0; padding: 0; list-style: none; }
.switch a { display: inline-block; min-height: 2rem; padding: .2rem .7rem; border: 1px solid var(--line); border-radius: .5rem; text-decoration: none; }
.switch a[aria-current] { border-color: var(--accent); background: var(--accent-soft); font-weight: 600; }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: .75rem; margin: 0 0 1.25rem; padding: 0; list-style: none; }
.tiles > li { padding: .9rem 1rem; border: 1px solid var(--line); border-radius: .75rem; background: var(--surface); }
.tiles .figure { display: block; font-size: 1.5rem; font-weight: 650; line-height: 1.2; letter-spacing: -.02em; font-variant-numeric: tabular-nums; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 1.25rem; margin-top: 1.25rem; align-items: start; }
.columns.narrow { grid-template-columns: repeat(auto-fit, minmax(min(100%, 17rem), 1fr)); }
.columns.narrow th { overflow-wrap: anywhere; }
.columns > .card { margin-top: 0; }
p + .card { margin-top: 1.25rem; }
.card details[open] > summary { margin-bottom: .4rem; }
.card > table + table, .card > details + table { margin-top: 1.25rem; }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: .9375rem; }
caption { text-align: left; font-weight: 650; padding-bottom: .5rem; }
th, td { padding: .45rem .6rem; border-top: 1px solid var(--line); text-align: left; vertical-align: top; }
thead th { border-top: 0; color: var(--quiet); font-weight: 550; font-size: .875rem; white-space: nowrap; }
tbody th { font-weight: 550; overflow-wrap: break-word; }
th.number, td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
th:first-child, td:first-child { padding-left: 0; }
th:last-child, td:last-child { padding-right: 0; }
@media (max-width: 40rem) {
  .optional { display: none; }
  table.stack, table.stack tbody { display: block; }
  table.stack caption { display: block; }
  table.stack td[data-label] { flex: 1 1 100%; }
  table.stack [data-label]::before { content: attr(data-label) ": "; color: var(--quiet); }
  table.stack thead { position: absolute; left: -100rem; }
  table.stack tr { display: flex; flex-wrap: wrap; gap: .1rem .75rem; padding-block: .6rem; border-top: 1px solid var(--line); }
  table.stack td, table.stack th { border: 0; padding: 0; text-align: left; }
  table.stack th[scope="row"] { flex: 1 1 100%; order: -1; }
}
.card > dl.facts:first-child { margin-top: 0; padding-top: 0; border-top: 0; }
figure { margin: 0; }
figcaption { font-weight: 650; margin-bottom: .5rem; }
.chart { display: grid; grid-template-columns: 3.25rem 1fr; grid-template-rows: 9rem auto; gap: .25rem .5rem; font-size: .8125rem; color: var(--quiet); }
.chart .high { grid-area: 1 / 1; text-align: right; align-self: start; line-height: 1; font-variant-numeric: tabular-nums; }
.chart .low { grid-area: 1 / 1; text-align: right; align-self: end; line-height: 1; }
.chart svg { grid-area: 1 / 2; width: 100%; height: 100%; border-bottom: 1px solid var(--quiet); border-top: 1px dashed var(--line); }
.chart .ends { grid-area: 2 / 2; display: flex; justify-content: space-between; gap: 1rem; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1rem; margin: .6rem 0 0; padding: 0; list-style: none; font-size: .875rem; }
.legend svg { width: .8rem; height: .8rem; margin-right: .4rem; vertical-align: -.05rem; }
.ok { fill: var(--accent); } .failed { fill: var(--failed); } .denied { fill: var(--denied); } .limited { fill: var(--limited); } .waiting, .unknown { fill: var(--waiting); }
polyline { fill: none; stroke-width: 2; vector-effect: non-scaling-stroke; }
polyline.p50, .legend .p50 { stroke: var(--accent); } polyline.p95, .legend .p95 { stroke: var(--denied); } polyline.p99, .legend .p99 { stroke: var(--failed); }
.filters { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 11rem), 1fr)); gap: 0 1rem; align-items: end; }
.filters label.field { margin-bottom: .8rem; font-size: .9375rem; }
@media (min-width: 40rem) { .filters .broad { grid-column: span 2; } }
body.console .actions button { max-width: 20rem; }
.filters .actions { margin: 0 0 .8rem; grid-column: 1 / -1; }
.filters .actions button { flex: 0 0 auto; }
label.pick { display: inline-flex; gap: .6rem; align-items: center; min-height: 2rem; cursor: pointer; }
label.pick input { width: 1.15rem; height: 1.15rem; accent-color: var(--accent); flex: none; }
form > .card { margin: 0 0 1.25rem; }
legend.group { float: left; width: 100%; margin-bottom: .5rem; font-size: 1.0625rem; }
legend.group + * { clear: both; }
fieldset label.pick { margin-right: 1.25rem; }
.bar button { flex: none; }
.difference + .notice, .difference + details, ul.changes + details { margin-top: 1rem; }
.card > details { margin-bottom: 1rem; }
.bar form { display: flex; gap: .75rem; align-items: end; }
#completions { margin: -.75rem 0 1rem; padding: .25rem; max-height: 14rem; overflow-y: auto; border: 1px solid var(--quiet); border-radius: .5rem; background: var(--surface); }
#completions > div { padding: .35rem .5rem; border-radius: .25rem; cursor: pointer; overflow-wrap: anywhere; }
#completions > div[aria-selected="true"] { background: var(--accent); color: var(--accent-ink); }
#completions > div span { font-size: .875rem; }
label.field textarea.code { font: .875rem/1.5 ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, monospace; white-space: pre; overflow-x: auto; tab-size: 2; }
pre.lines { counter-reset: line; overflow-x: auto; }
pre.lines span { display: block; counter-increment: line; }
pre.lines span::before { content: counter(line); display: inline-block; width: 3ch; margin-right: 1.5ch; color: var(--quiet); text-align: right; }
pre.lines span:target { background: var(--accent-soft); }
.difference h3 { margin: 1rem 0 .25rem; font-size: 1rem; }
ul.changes { margin: 0; padding: 0; list-style: none; font: .875rem/1.6 ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, monospace; }
ul.changes li { padding-left: .6rem; border-left: 3px solid var(--line); }
ul.changes .more { border-color: var(--accent); color: var(--accent); }
ul.changes .less { border-color: var(--danger); color: var(--danger); }
.bar { display: flex; flex-wrap: wrap; gap: .75rem; align-items: end; }
.bar label.field { margin: 0; flex: 1 1 14rem; }
.bar p { flex: 1 1 20rem; margin: 0; align-self: center; }
`;
