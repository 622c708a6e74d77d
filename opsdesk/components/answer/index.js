// An answer, the passages that it cites, and its proof. All text is set as text: no markup of it is ever read.

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

export default function ({ data, parentElement }) {
  const before = parentElement.querySelector(".answer");
  const version = JSON.stringify(data);
  if (before?.version === version) return; // what the reader has opened stays open
  const root = element("div", "answer");
  root.version = version;
  root.append(...blocks(data));
  if (data.claims.length || data.text) root.append(tools(data));
  if (before) before.replaceWith(root);
  else parentElement.append(root);
}

// --- the text: paragraphs, quoted questions, lists, code ---------------------------------------------------

function blocks(data) {
  const made = [];
  let list = null;
  let code = null;
  for (const line of data.text.split("\n")) {
    if (line.startsWith("```")) {
      code = code ? null : element("pre", "code", "");
      if (code) {
        code.tabIndex = 0;
        code.setAttribute("aria-label", "Code");
        code.setAttribute("role", "region");
        made.push(code);
      }
      list = null;
    } else if (code) {
      code.textContent += (code.textContent ? "\n" : "") + line;
    } else {
      const item = /^(?:- |(\d+)\. )(.*)$/.exec(line);
      const tag = item ? (item[1] ? "ol" : "ul") : "";
      if (!item) list = null;
      else if (list?.localName !== tag) {
        list = element(tag);
        if (item[1]) list.start = Number(item[1]);
        made.push(list);
      }
      if (item) list.append(withChips(element("li"), item[2], data));
      else if (line.startsWith("> ")) made.push(withChips(element("blockquote"), line.slice(2), data));
      else if (line.trim()) made.push(withChips(element("p"), line, data));
    }
  }
  return made;
}

function withChips(block, text, data) {
  let place = 0;
  for (const mark of text.matchAll(/ ?\[(\d{1,3})\]/g)) {
    const citation = data.citations.find((one) => one.n === Number(mark[1]));
    if (!citation) continue;
    block.append(...inline(text.slice(place, mark.index)), chip(citation));
    place = mark.index + mark[0].length;
  }
  block.append(...inline(text.slice(place)));
  return block;
}

// `Code` is set apart with its marks left in: what is shown is what was written.
function inline(text) {
  return text
    .split(/(`[^`\n]+`)/)
    .map((piece, place) => (place % 2 ? element("code", "", piece) : document.createTextNode(piece)));
}

function chip(citation) {
  const button = element("button", citation.stale ? "chip stale" : "chip", String(citation.n));
  button.type = "button";
  button.title = `${citation.title} · ${citation.locator}`;
  button.setAttribute("aria-label", `Source ${citation.n}: ${citation.title}`);
  button.setAttribute("aria-expanded", "false");
  button.addEventListener("click", () => toggle(button, () => passage(citation, () => button.click())));
  return button;
}

// What a button opens stands below the paragraph, the list entry or the row that it is in; one at a time.
function toggle(button, make) {
  const root = button.closest(".answer");
  const mine = button.getAttribute("aria-expanded") === "true";
  for (const other of root.querySelectorAll("[aria-expanded=true]")) {
    other.setAttribute("aria-expanded", "false");
    other.panel.remove();
  }
  if (mine) {
    button.focus();
    return;
  }
  button.panel = make();
  button.setAttribute("aria-expanded", "true");
  const block = button.closest("p, li, blockquote, .tools");
  if (block.localName === "li") block.append(button.panel);
  else block.after(button.panel);
}

// --- a passage, with the words that support the answer marked ---------------------------------------------

function passage(citation, close) {
  const panel = element("section", "panel passage");
  panel.setAttribute("aria-label", `Passage ${citation.n}`);
  const head = element("header");
  head.append(element("strong", "", citation.title), element("span", "quiet", citation.locator));
  const shut = element("button", "plain", "Close");
  shut.type = "button";
  shut.addEventListener("click", close);
  head.append(shut);
  panel.append(head);
  const facts = [citation.doc_id, citation.modified && `changed ${citation.modified}`, ...citation.notes].filter(Boolean);
  panel.append(element("div", citation.stale ? "quiet warned" : "quiet", facts.join(" · ")));
  const text = element("div", "text");
  text.tabIndex = 0;
  text.setAttribute("role", "region");
  text.setAttribute("aria-label", "Text of the passage");
  for (const [words, marked] of citation.parts) {
    text.append(marked ? element("mark", "", words) : document.createTextNode(words));
  }
  panel.append(text);
  panel.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
  });
  requestAnimationFrame(() => {
    const mark = text.querySelector("mark");
    if (mark) text.scrollTop = mark.offsetTop - text.offsetTop - 24;
  });
  return panel;
}

// --- the proof, and copying -----------------------------------------------------------------------------

function tools(data) {
  const row = element("div", "tools");
  if (data.claims.length) {
    const proven = data.claims.filter((claim) => claim.supported).length;
    const button = element("button", "plain", `Proof: ${proven} of ${data.claims.length} ${data.claims.length === 1 ? "sentence" : "sentences"}`);
    button.type = "button";
    button.setAttribute("aria-expanded", "false");
    button.addEventListener("click", () => toggle(button, () => proof(data)));
    row.append(button);
  }
  const copy = element("button", "plain", "Copy");
  copy.type = "button";
  copy.addEventListener("click", async () => {
    copy.textContent = (await copied(data.text)) ? "Copied" : "Select the text to copy it";
    setTimeout(() => (copy.textContent = "Copy"), 2000);
  });
  row.append(copy);
  return row;
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // a page that is served without TLS, or a person who has forbidden it
  }
}

function proof(data) {
  const panel = element("section", "panel");
  panel.setAttribute("aria-label", "Proof");
  const list = element("ol", "claims");
  for (const claim of data.claims) {
    const entry = element("li");
    entry.append(element("span", claim.supported ? "verdict yes" : "verdict no", claim.verdict));
    entry.append(element("span", "", claim.text));
    const from = claim.from.join(", ");
    if (from) entry.append(element("span", "quiet", from));
    if (claim.reason) entry.append(element("span", "quiet", claim.reason));
    list.append(entry);
  }
  panel.append(list);
  return panel;
}
