/**
 * The style sheet of every page, served as `/style.css`. System fonts, no script, light and dark by the
 * browser's setting. Every pair of text and background colours has at least 4.5:1 contrast (WCAG 2.2, 1.4.3);
 * a test measures it on the real page.
 */
export const STYLE = `
:root {
  color-scheme: light dark;
  --ground: #f5f4f0;
  --surface: #ffffff;
  --inset: #f3f2ed;
  --line: #dddad1;
  --ink: #1b1f23;
  --quiet: #59605f;
  --accent: #0c5a5c;
  --accent-ink: #ffffff;
  --accent-soft: #e3efee;
  --caution: #8a4a06;
  --caution-soft: #fdf3e1;
  --caution-line: #e3b468;
  --danger: #a12622;
  --danger-soft: #fcecea;
  --shadow: 0 1px 2px rgb(27 31 35 / 6%), 0 12px 32px -16px rgb(27 31 35 / 18%);
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #121517;
    --surface: #1a1f22;
    --inset: #22282c;
    --line: #343c41;
    --ink: #e9ecec;
    --quiet: #a5afb0;
    --accent: #7ccdc6;
    --accent-ink: #0b2324;
    --accent-soft: #1d3435;
    --caution: #f0bd72;
    --caution-soft: #33291a;
    --caution-line: #7d5d2b;
    --danger: #f5a09a;
    --danger-soft: #3a2322;
    --shadow: none;
  }
}
*, *::before, *::after { box-sizing: border-box; }
body {
  margin: 0;
  background: var(--ground);
  color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
  overflow-wrap: anywhere;
}
time, code.whole { white-space: nowrap; }
header.site, main, footer.site { width: 100%; max-width: 34rem; margin-inline: auto; padding-inline: 1rem; }
body.wide header.site, body.wide main, body.wide footer.site { max-width: 46rem; }
header.site { display: flex; align-items: center; justify-content: space-between; gap: 1rem; padding-block: 1.75rem 1.25rem; }
footer.site { padding-block: 1.25rem 3rem; color: var(--quiet); font-size: .875rem; }
.wordmark { display: inline-flex; align-items: center; gap: .6rem; color: var(--ink); font-weight: 650; letter-spacing: -.01em; text-decoration: none; }
.wordmark svg { width: 1.6rem; height: 1.6rem; color: var(--accent); }
.card { background: var(--surface); border: 1px solid var(--line); border-radius: .875rem; box-shadow: var(--shadow); padding: clamp(1.25rem, 5vw, 2rem); }
.card + .card, .notice + .card, h1 + .card { margin-top: 1.25rem; }
.card + p { margin-top: 1.25rem; }
main > :last-child { margin-bottom: 0; }
h1 { font-size: 1.5rem; line-height: 1.25; letter-spacing: -.015em; margin: 0 0 .5rem; text-wrap: balance; }
h1 + .notice { margin-top: 1rem; }
h2 { font-size: 1.0625rem; line-height: 1.35; margin: 2rem 0 .75rem; }
.card > h2:first-child { margin-top: 0; }
p { margin: 0 0 1rem; }
.card > :last-child { margin-bottom: 0; }
.quiet { color: var(--quiet); }
.small { font-size: .875rem; }
a { color: var(--accent); text-underline-offset: .15em; }
code, pre { font: .875em/1.5 ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, monospace; }
p:has(+ pre) { margin-bottom: .4rem; }
pre { margin: 0 0 1rem; padding: .75rem .875rem; border: 1px solid var(--line); border-radius: .5rem; background: var(--inset); white-space: pre-wrap; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: .25rem; }

label.field { display: block; font-weight: 550; margin-bottom: 1.1rem; }
label.field input { display: block; width: 100%; margin-top: .35rem; padding: .65rem .75rem; border: 1px solid var(--quiet); border-radius: .5rem; background: var(--surface); color: var(--ink); font: inherit; font-weight: 400; }
button { font: inherit; font-weight: 600; cursor: pointer; min-height: 2.75rem; padding: .55rem 1.25rem; border-radius: .5rem; border: 1px solid var(--quiet); background: var(--surface); color: var(--ink); }
a.button { display: inline-block; min-height: 2.75rem; padding: .6rem 1.25rem; border-radius: .5rem; border: 1px solid var(--quiet); font-weight: 600; text-decoration: none; }
a.button.primary { border-color: var(--accent); background: var(--accent); color: var(--accent-ink); }
button:hover { background: var(--inset); }
button.primary { border-color: var(--accent); background: var(--accent); color: var(--accent-ink); }
button.primary:hover { filter: brightness(1.08); }
button:disabled { cursor: not-allowed; border-color: var(--line); background: var(--inset); color: var(--quiet); }
button.danger { border-color: var(--danger); color: var(--danger); }
button.link { min-height: 1.5rem; padding: 0; border: 0; background: none; color: var(--accent); font-weight: inherit; text-decoration: underline; text-underline-offset: .15em; }
form.inline { display: inline; }
.actions { display: flex; flex-wrap: wrap; align-items: center; gap: .75rem; margin-top: 1.5rem; }
.actions button { flex: 1 1 9rem; }
form[method=get] .actions { margin-top: 0; }
form[method=get] .actions button { flex: 0 0 auto; }

.notice { margin: 0 0 1.25rem; padding: .75rem 1rem; border-radius: .5rem; border: 1px solid var(--line); background: var(--inset); }
.notice.caution { border-color: var(--caution-line); background: var(--caution-soft); color: var(--caution); }
.notice.danger { border-color: var(--danger); background: var(--danger-soft); color: var(--danger); }
.notice.good { border-color: var(--accent); background: var(--accent-soft); color: var(--accent); }
.notice > :last-child { margin-bottom: 0; }
.badge { display: inline-block; padding: .05rem .5rem; border-radius: 1rem; border: 1px solid var(--line); color: var(--quiet); font-size: .8125rem; font-weight: 550; white-space: nowrap; }
.badge.good { border-color: var(--accent); color: var(--accent); }
.badge.danger { border-color: var(--danger); color: var(--danger); }
.badge.caution { border-color: var(--caution-line); color: var(--caution); }

dl.facts { display: grid; grid-template-columns: minmax(6.5rem, auto) 1fr; gap: .55rem 1rem; margin: 1.25rem 0; padding: 1rem 0; border-block: 1px solid var(--line); }
dl.facts dt { color: var(--quiet); }
dl.facts dd { margin: 0; }
@media (max-width: 26rem) { dl.facts { grid-template-columns: 1fr; gap: 0; } dl.facts dd { margin-bottom: .65rem; } dl.facts dd:last-child { margin-bottom: 0; } }

fieldset { margin: 0 0 1.25rem; padding: 0; border: 0; min-width: 0; }
legend { padding: 0; font-weight: 650; }
fieldset > p { margin: .1rem 0 .6rem; }
label.scope { display: grid; grid-template-columns: auto 1fr; gap: .25rem .75rem; align-items: start; padding: .7rem .85rem; border: 1px solid var(--line); border-left-width: 4px; border-radius: .5rem; cursor: pointer; }
label.scope + label.scope { margin-top: .5rem; }
label.scope.changes { border-left-color: var(--caution-line); background: var(--caution-soft); }
label.scope.reads { border-left-color: var(--accent); }
label.scope input { width: 1.15rem; height: 1.15rem; margin: .2rem 0 0; accent-color: var(--accent); }
label.scope .meta { display: flex; flex-wrap: wrap; gap: .25rem .6rem; align-items: center; color: var(--quiet); font-size: .8125rem; margin-top: .15rem; }

dl.arguments { margin: 0 0 1.25rem; }
dl.arguments dt { display: flex; flex-wrap: wrap; gap: .25rem .6rem; align-items: center; margin-bottom: .3rem; }
dl.arguments dd { margin: 0 0 .9rem; }
dl.arguments pre { margin: 0; }
dl.arguments .differs pre { border-left: 4px solid var(--caution-line); }
label.field select { display: block; width: 100%; min-height: 2.75rem; margin-top: .35rem; padding: .55rem .75rem; border: 1px solid var(--quiet); border-radius: .5rem; background: var(--surface); color: var(--ink); font: inherit; font-weight: 400; }
.card form + p { margin-top: 1rem; }
summary { cursor: pointer; min-height: 1.5rem; }
summary + p { margin-top: .5rem; }
details pre { margin: .5rem 0 0; }
label.field textarea { display: block; width: 100%; margin-top: .35rem; padding: .65rem .75rem; border: 1px solid var(--quiet); border-radius: .5rem; background: var(--surface); color: var(--ink); font: inherit; font-weight: 400; resize: vertical; }

svg.qr { display: block; width: min(100%, 15rem); height: auto; margin: 0 0 1rem; border: 1px solid var(--line); border-radius: .5rem; }
pre.secret { font-size: 1rem; letter-spacing: .04em; }
label.field input.code { font: 1.125rem/1.5 ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, monospace; letter-spacing: .12em; }
ul.codes { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); gap: .4rem 1rem; margin: 0 0 1.25rem; padding: .875rem; list-style: none; border: 1px solid var(--line); border-radius: .5rem; background: var(--inset); }
ul.codes code { font-size: 1rem; }

ul.plain { list-style: none; margin: 0; padding: 0; }
ul.plain > li { padding-block: 1.1rem; border-top: 1px solid var(--line); }
ul.plain > li:first-child { padding-top: 0; border-top: 0; }
ul.plain > li:last-child { padding-bottom: 0; }
ul.plain > li > :last-child { margin-bottom: 0; }
ul.plain + p { margin: 1.1rem 0 0; }
form + ul.plain { margin-top: 1.5rem; }
ul.plain + details, ul.plain + p + details { margin-top: 1.1rem; }
ul.plain h3 { margin: 0 0 .25rem; font-size: 1rem; }
ul.ways { display: grid; gap: .6rem; margin: 0 0 1.25rem; padding: 0; list-style: none; }
ul.ways a.button { display: block; text-align: center; }
ul.grants { margin: .35rem 0 .85rem; padding-left: 1.1rem; list-style: disc; }
.endpoints { display: grid; gap: .75rem; margin: 0; }
.endpoints dt { font-weight: 600; }
.endpoints dd { margin: .1rem 0 0; }
@media (prefers-reduced-motion: no-preference) { button { transition: background-color .12s, filter .12s; } }
`;
