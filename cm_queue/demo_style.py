"""How the demonstration network looks: its own sheet, so that nobody takes it for the desk."""

from __future__ import annotations

STYLE = """\
:root {
  color-scheme: light dark; --paper: light-dark(#f3f6f5, #101514);
  --sheet: light-dark(#fff, #181e1d); --ink: light-dark(#16201e, #e8efed);
  --ink-2: light-dark(#4d5b58, #a9b8b4); --rule: light-dark(#dbe3e1, #2b3432);
  --sea: light-dark(#0b6259, #7ad6c8); --wash: light-dark(#e2f1ee, #17302c);
}
* { box-sizing: border-box }
body {
  margin: 0; background: var(--paper); color: var(--ink); line-height: 1.5;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", Ubuntu, Cantarell, sans-serif;
}
a { color: var(--sea); text-underline-offset: .15em }
a:focus-visible, summary:focus-visible { outline: 3px solid var(--sea); outline-offset: 2px }
.skip { position: absolute; left: -999rem }
.skip:focus { left: 1rem; top: .5rem; background: var(--sheet); padding: .5rem 1rem; z-index: 1 }
.notice { background: var(--wash); border-bottom: 1px solid var(--rule); font-size: .9rem }
.notice p { max-width: 40rem; margin: 0 auto; padding: .7rem 1rem }
.notice strong { color: var(--sea); margin-inline-end: .5em }
main { max-width: 40rem; margin: 0 auto; padding: 0 0 4rem }
.head {
  display: flex; flex-wrap: wrap; gap: .25rem 1rem; align-items: baseline;
  justify-content: space-between; padding: 1.5rem 1rem .75rem;
}
h1 {
  font-size: 1.45rem; line-height: 1.2; margin: 0; letter-spacing: -.01em; overflow-wrap: anywhere;
}
.back { display: inline-block; padding: .4rem 0 }
.post {
  display: grid; grid-template-columns: 3rem minmax(0, 1fr); gap: .1rem .9rem;
  background: var(--sheet); border-block: 1px solid var(--rule); padding: 1rem; margin-bottom: -1px;
}
.post>* { grid-column: 2 }
.post>.face { grid-column: 1; grid-row: 1/span 2 }
.face {
  display: grid; place-items: center; width: 3rem; height: 3rem; border-radius: 50%; color: #fff;
  font-weight: 650; text-decoration: none;
}
.hue0 { background: #0f6b62 }
.hue1 { background: #7a3e8e }
.hue2 { background: #a04016 }
.hue3 { background: #2b54b4 }
.hue4 { background: #8a2a4b }
.hue5 { background: #55641a }
.who { font-weight: 650; color: inherit; text-decoration: none }
.who:hover { text-decoration: underline }
.handle, footer { color: var(--ink-2); font-size: .9rem }
footer { margin-top: .5rem }
footer a { color: inherit }
.said { overflow-wrap: anywhere }
.said p { margin: .25rem 0 .6rem }
.said p:last-child { margin-bottom: .25rem }
.tag { color: var(--sea); font-weight: 550 }
.alone .said { font-size: 1.2rem; line-height: 1.45 }
.covered>summary {
  cursor: pointer; background: var(--wash); border-radius: 8px; padding: .6rem .8rem;
  margin: .3rem 0;
}
.covered em { color: var(--sea) }
.pictures { display: grid; gap: .6rem; margin-top: .4rem }
.n2, .n3, .n4 { grid-template-columns: 1fr 1fr }
.n3 figure:first-child { grid-column: span 2 }
figure { margin: 0 }
figure img {
  display: block; width: 100%; max-height: 32rem; object-fit: cover; border-radius: 10px;
  border: 1px solid var(--rule); background: var(--paper);
}
figcaption { font-size: .9rem; color: var(--ink-2); padding: .35rem .1rem 0 }
abbr {
  font-size: .75rem; font-weight: 700; letter-spacing: .04em; background: var(--wash);
  color: var(--sea); border-radius: 4px; padding: .1rem .35rem; text-decoration: none;
}
.empty {
  background: var(--sheet); border-block: 1px solid var(--rule); padding: 3rem 1.5rem;
  text-align: center; margin: 0; color: var(--ink-2);
}
.empty strong { color: var(--ink); font-size: 1.1rem }
@media (min-width: 42rem) {
  main { padding-inline: 1rem }
  .head { padding-inline: .25rem }
  .post, .empty { border-inline: 1px solid var(--rule) }
  .post:first-of-type { border-radius: 12px 12px 0 0 }
  .post:last-of-type { border-radius: 0 0 12px 12px }
  .post:only-of-type, .empty { border-radius: 12px }
  .post { padding: 1.25rem }
}
"""

ICON = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
<rect width="32" height="32" rx="8" fill="#0f6b62"/>
<path d="M8 10h16M8 16h16M8 22h10" stroke="#fff" stroke-width="3" stroke-linecap="round"/>
</svg>
"""
