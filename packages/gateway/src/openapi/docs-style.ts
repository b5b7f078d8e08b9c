/** Of the page of the API. */
export const docsStyle = `
:root { color-scheme: light dark; --line: #d8dee4; --soft: #57606a; --ground: #fff; --raised: #f6f8fa; --ink: #1f2328; }
@media (prefers-color-scheme: dark) {
  :root { --line: #30363d; --soft: #9198a1; --ground: #0d1117; --raised: #161b22; --ink: #e6edf3; }
}
* { box-sizing: border-box; }
body { margin: 0; font: 15px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--ground); display: flex; }
nav { position: sticky; top: 0; flex: 0 0 19rem; height: 100vh; overflow-y: auto; padding: 1.5rem 1rem; background: var(--raised);
  border-right: 1px solid var(--line); }
nav .name { margin: 0 0 1rem; font-size: 1.2rem; font-weight: 600; }
nav h2 { margin: 1.2rem 0 .3rem; font-size: .75rem; letter-spacing: .06em; text-transform: uppercase; color: var(--soft); }
nav ul { margin: 0; padding: 0; list-style: none; }
nav a { display: block; padding: .15rem 0; color: inherit; text-decoration: none; font-size: .85rem; overflow-wrap: anywhere; }
nav a:hover { text-decoration: underline; }
main { flex: 1; min-width: 0; max-width: 62rem; padding: 1.5rem 2.5rem 6rem; }
section { padding-top: 1.5rem; margin-top: 2rem; border-top: 1px solid var(--line); }
section h2 { font-size: 1.15rem; margin: 0 0 .3rem; }
section h3 { font-size: .85rem; margin: 1.4rem 0 .4rem; color: var(--soft); }
code, pre { font: .88em/1.45 ui-monospace, monospace; }
pre { overflow-x: auto; padding: 1rem; background: var(--raised); border-radius: 6px; }
table { width: 100%; border-collapse: collapse; }
td { padding: .4rem .75rem .4rem 0; border-top: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; }
td:first-child { width: 30%; } td:nth-child(2) { width: 28%; color: var(--soft); }
.errors td:first-child { width: 5rem; } .errors td:nth-child(2) { color: inherit; width: auto; }
.errors code { margin-right: .6rem; white-space: nowrap; }
b.get, b.post, b.delete { display: inline-block; min-width: 3.4rem; font: 600 .7rem/1.6 ui-monospace, monospace; text-align: center;
  border-radius: 4px; color: #fff; }
b.get { background: #0a7d4b; } b.post { background: #1f6feb; } b.delete { background: #b3261e; }
.mark { font-size: .7rem; padding: .05rem .4rem; border: 1px solid currentColor; border-radius: 99px; white-space: nowrap; }
.required { color: #b35900; } .neutral { color: var(--soft); } .refused { color: #b3261e; }
summary { cursor: pointer; font: .85rem ui-monospace, monospace; }
@media (max-width: 50rem) {
  body { display: block; } nav { position: static; height: auto; } main { padding: 1rem; }
  td, td:first-child, td:nth-child(2) { display: block; width: auto; } td + td { border: 0; padding-top: 0; }
}
`;
