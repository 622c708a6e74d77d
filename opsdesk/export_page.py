"""What pages of their own share: one document that needs no network, light and dark, and the script that steps."""

from __future__ import annotations

import base64
import hashlib
from html import escape

from opsdesk.display import visible

STYLE = """
:root { color-scheme: light dark; --line: light-dark(#dfe2e8, #2b303c); --soft: light-dark(#f4f5f7, #181b24);
  --ground: light-dark(#fff, #0f1117); --quiet: light-dark(#5a6170, #a4abbb); --now: light-dark(#e4eefb, #1b2940);
  --accent: light-dark(#1463c4, #6fb1ff);
  --router: light-dark(#7a56d6, #a78bf5); --retriever: light-dark(#1480c8, #4fb0ee);
  --writer: light-dark(#179b6c, #3ecb94); --verifier: light-dark(#c27803, #f2b04a);
  --good: light-dark(#0d6e4a, #5fd6a4); --bad: light-dark(#b3261e, #ff8a80); --warn: light-dark(#8a5300, #f2b04a); }
* { box-sizing: border-box; }
body { font: 14px/1.5 Inter, system-ui, sans-serif; margin: 0 auto; padding: 24px; max-width: 1080px;
  background: var(--ground); color: light-dark(#181c25, #e8eaf0); overflow-wrap: anywhere; }
h1 { font-size: 20px; margin: 0 0 4px; } h2 { font-size: 16px; margin: 28px 0 8px; }
h3 { font-size: 15px; margin: 0; } h4, .small { font-size: 13px; margin: 8px 0 4px; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 10px; padding: 0;
  list-style: none; }
.figures li { border: 1px solid var(--line); border-radius: 6px; padding: 8px 12px; }
.figures b { display: block; font-size: 18px; font-weight: 400; }
.quiet { font-size: 12px; color: var(--quiet); }
.steps { border: 1px solid var(--line); border-radius: 8px; overflow: hidden; }
.row { display: grid; grid-template-columns: minmax(0, 270px) minmax(60px, 1fr) 76px 66px 80px; gap: 8px;
  padding: 5px 10px; border-top: 1px solid var(--line); align-items: center; font-variant-numeric: tabular-nums; }
.row.head, .side.head { background: var(--soft); border-top: 0; font-size: 12px; }
.row.child { padding-left: 26px; font-size: 13px; } .row > :nth-child(n + 3) { text-align: right; }
.lane { position: relative; height: 12px; display: block; }
.bar { position: absolute; height: 11px; border-radius: 3px; min-width: 2px; }
.failed { background-image: repeating-linear-gradient(135deg, transparent 0 3px,
  light-dark(#fff9, #0009) 3px 6px) !important; }
.router { background: var(--router); } .retriever { background: var(--retriever); }
.writer { background: var(--writer); } .verifier { background: var(--verifier); }
.dot { display: inline-block; width: 8px; height: 8px; border-radius: 2px; margin-right: 7px; }
.word { display: inline-block; font-size: 11px; line-height: 16px; font-weight: 600; border: 1px solid currentColor;
  border-radius: 4px; padding: 0 4px; white-space: nowrap; }
.good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--warn); } .todo { color: var(--quiet); }
pre, .text { white-space: pre-wrap; margin: 6px 0; background: var(--soft); border-radius: 6px; padding: 8px 10px; }
pre { font: 12.5px/1.5 "JetBrains Mono", ui-monospace, monospace; max-height: 60vh; overflow-y: auto; }
details { border: 1px solid var(--line); border-radius: 6px; padding: 6px 12px; margin: 6px 0; }
summary { cursor: pointer; } mark { background: light-dark(#fdf0b8, #5a4a10); color: inherit; }
ol, ul { padding-left: 22px; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.controls { position: sticky; top: 0; z-index: 1; display: grid; align-items: center; gap: 4px 10px; padding: 8px 0;
  grid-template-columns: auto minmax(80px, 1fr) auto auto auto; background: var(--ground); }
.controls[hidden] { display: none; }
.controls button { font: inherit; color: inherit; background: var(--soft); border: 1px solid var(--line);
  border-radius: 6px; min-width: 40px; height: 32px; cursor: pointer; }
.controls button:disabled { opacity: .45; cursor: default; }
.controls input { accent-color: var(--accent); width: 100%; margin: 0; }
.controls output { font-weight: 600; }
.stepped .row[data-step] { cursor: pointer; } .stepped .row.later { color: var(--quiet); }
.stepped .later .lane { opacity: .3; }
.stepped .row.now { background: var(--now); box-shadow: inset 3px 0 0 var(--accent); }
.step { border: 1px solid var(--line); border-radius: 8px; padding: 12px 14px; margin: 12px 0; }
.step[hidden] { display: none; } .step p { margin: 6px 0; }
.took { display: flex; flex-wrap: wrap; gap: 2px 24px; } .reasons { margin: 6px 0; }
.pair { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 4px 16px; }
.three { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(260px, 100%), 1fr)); gap: 4px 16px; }
.side { display: grid; grid-template-columns: minmax(0, 190px) repeat(2, minmax(0, 1fr)); gap: 4px 16px;
  padding: 6px 10px; border-top: 1px solid var(--line); }
.side .word { white-space: normal; }
.side:not(.same, .head) { box-shadow: inset 3px 0 0 var(--warn); }
.parting { border-left: 3px solid var(--warn); background: var(--soft); padding: 8px 12px; border-radius: 0 6px 6px 0; }
.said { list-style: none; padding: 0; } .said li { display: grid; grid-template-columns: 18px 1fr; padding: 2px 6px;
  border-radius: 4px; } .sign { font-weight: 700; }
.said li:not(.same) { background: var(--soft); }
ins { text-decoration: none; color: var(--good); background: light-dark(#dcf5e9, #123528); }
del { color: var(--bad); background: light-dark(#fde7e5, #3d1a18); }
.said .removed del { text-decoration: none; }
.claim { border-top: 1px solid var(--line); padding-top: 6px; margin: 6px 0; }
@media (max-width: 640px) {
  body { padding: 16px; }
  .row { grid-template-columns: minmax(0, 1fr) 66px 80px; } .pair { grid-template-columns: minmax(0, 1fr); }
  .row > :nth-child(2), .row > :nth-child(4), .controls .quiet { display: none; }
  .figures { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .controls { grid-template-columns: auto minmax(0, 1fr) auto; } .controls output { grid-column: 1 / -1; }
  .side { grid-template-columns: minmax(0, 1fr); } .side.head { display: none; }
  .side > [data-of]::before { content: attr(data-of) "  "; font-weight: 600; color: var(--quiet); } }
@media print { .step[hidden] { display: block; } .controls { display: none; } pre { max-height: none; } }
"""

SCRIPT = """
(() => {
  const steps = [...document.querySelectorAll(".step")];
  const bar = document.querySelector(".controls");
  if (!bar || !steps.length) return;
  const slider = bar.querySelector("input"), told = bar.querySelector("output");
  const [back, on] = bar.querySelectorAll("button"), rows = [...document.querySelectorAll("[data-step]")];
  const last = steps.length - 1;
  let at = 0;
  const show = (n) => {
    at = Math.min(last, Math.max(0, n));
    steps.forEach((step, i) => { step.hidden = i !== at; });
    rows.forEach((row) => {
      row.classList.toggle("now", Number(row.dataset.step) === at + 1);
      row.classList.toggle("later", Number(row.dataset.step) > at + 1);
    });
    const name = `Step ${at + 1} of ${steps.length} · ${steps[at].dataset.name}`;
    slider.value = String(at + 1);
    slider.setAttribute("aria-valuetext", name);
    told.textContent = name;
    back.disabled = at === 0;
    on.disabled = at === last;
  };
  const seen = () => bar.scrollIntoView({ block: "nearest" });
  document.documentElement.classList.add("stepped");
  bar.hidden = false;
  slider.addEventListener("input", () => show(Number(slider.value) - 1));
  back.addEventListener("click", () => show(at - 1));
  on.addEventListener("click", () => show(at + 1));
  rows.forEach((row) => row.addEventListener("click", () => { show(Number(row.dataset.step) - 1); }));
  document.addEventListener("keydown", (key) => {
    if (key.altKey || key.ctrlKey || key.metaKey || key.shiftKey || key.target === slider) return;
    const by = { ArrowLeft: -1, ArrowRight: 1 }[key.key];
    if (!by) return;
    key.preventDefault();
    show(at + by);
    seen();
  });
  const asked = /^#step-(\\d+)$/.exec(location.hash);
  show(asked ? Number(asked[1]) - 1 : 0);
})();
"""
"""Shows one step at a time; without it all of them stand below each other. The page's policy lets no other run."""


def text(untrusted: str) -> str:
    """What comes from people, documents and models, as text of a page."""
    return escape(visible(untrusted))


def document(title: str, parts: list[str], script: str = "") -> str:
    """A whole page. Its policy lets nothing be loaded, and nothing run but `script`, which it knows by its digest."""
    policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    if script:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        policy += f"; script-src 'sha256-{digest}'"
    page = [
        "<!doctype html><html lang=en><head><meta charset=utf-8>",
        f'<meta http-equiv=Content-Security-Policy content="{policy}">',
        '<meta name=viewport content="width=device-width, initial-scale=1">',
        f"<title>{text(title)}</title><style>{STYLE}</style></head><body><main>",
        *parts,
        "</main>",
        f"<script>{script}</script>" if script else "",
        "</body></html>",
    ]
    return "\n".join(part for part in page if part)
