// The steps of a run on a time lane: an ARIA treegrid. Python says which row is selected; this tells what was picked.

const shut = new Map(); // run -> row -> whether it is open, as the reader has left it
const untold = new Map(); // run -> the row that was picked and that Python has not drawn as selected yet

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

export default function ({ data, parentElement, setTriggerValue }) {
  if (!shut.has(data.run)) shut.set(data.run, new Map());
  const open = shut.get(data.run);
  const isOpen = (row) => open.get(row.id) ?? row.open;
  const before = parentElement.querySelector(".waterfall");
  const hadFocus = Boolean(before?.querySelector("[role=row]:focus"));
  const grid = element("div", "waterfall");
  grid.setAttribute("role", "treegrid");
  grid.setAttribute("aria-label", "Steps of this run");
  grid.setAttribute("aria-rowcount", String(data.rows.length + 1));
  let telling = 0;

  const byId = new Map(data.rows.map((row) => [row.id, row]));
  if (untold.get(data.run) === data.selected || !byId.has(untold.get(data.run))) untold.delete(data.run);
  let current = untold.get(data.run) ?? data.selected;
  const visible = () => data.rows.filter((row) => !row.parent || !byId.has(row.parent) || isOpen(byId.get(row.parent)));

  const tell = () => {
    clearTimeout(telling);
    untold.set(data.run, current);
    telling = setTimeout(() => setTriggerValue("picked", current), 90);
  };

  const select = (id, focus) => {
    current = id;
    for (const line of grid.querySelectorAll("[role=row][data-id]")) {
      const mine = line.dataset.id === id;
      line.tabIndex = mine ? 0 : -1;
      line.setAttribute("aria-selected", String(mine));
      if (mine && focus) {
        line.focus({ preventScroll: true });
        line.scrollIntoView({ block: "nearest" });
      }
    }
    tell();
  };

  const setOpen = (row, value) => {
    open.set(row.id, value);
    draw();
    select(row.id, true);
  };

  const draw = () => {
    grid.replaceChildren(head(data), ...visible().map((row) => line(row)));
    const lines = [...grid.querySelectorAll("[role=row][data-id]")];
    if (lines.length && !lines.some((one) => one.tabIndex === 0)) lines[0].tabIndex = 0;
  };

  const line = (row) => {
    const made = element("div", row.parent ? "row child" : "row");
    const level = data.rows.filter((other) => other.parent === row.parent);
    made.setAttribute("role", "row");
    made.setAttribute("aria-rowindex", String(data.rows.indexOf(row) + 2));
    made.setAttribute("aria-posinset", String(level.indexOf(row) + 1));
    made.setAttribute("aria-setsize", String(level.length));
    made.dataset.id = row.id;
    made.tabIndex = row.id === current ? 0 : -1;
    made.setAttribute("aria-selected", String(row.id === current));
    made.setAttribute("aria-level", row.parent ? "2" : "1");
    if (row.has_children) made.setAttribute("aria-expanded", String(isOpen(row)));
    made.append(name(row), lane(row, data), figure(row.latency), figure(row.tokens), figure(row.cost));
    made.addEventListener("click", (event) => {
      if (row.has_children && event.target.closest(".twist")) setOpen(row, !isOpen(row));
      else select(row.id, true);
    });
    return made;
  };

  grid.addEventListener("keydown", (event) => {
    const rows = visible();
    const place = rows.findIndex((row) => row.id === current);
    const row = rows[place];
    const go = (to) => rows[to] && select(rows[to].id, true);
    const keys = {
      ArrowDown: () => go(place + 1),
      ArrowUp: () => go(place - 1),
      Home: () => go(0),
      End: () => go(rows.length - 1),
      ArrowRight: () => {
        if (row?.has_children && !isOpen(row)) setOpen(row, true);
        else if (row?.has_children) go(place + 1);
      },
      ArrowLeft: () => {
        if (row?.has_children && isOpen(row)) setOpen(row, false);
        else if (row?.parent) select(row.parent, true);
      },
      Enter: () => {
        if (row?.has_children) setOpen(row, !isOpen(row));
        else if (row) select(row.id, true);
      },
      " ": () => row && select(row.id, true),
    };
    if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    keys[event.key]();
  });

  draw();
  if (untold.has(data.run)) tell(); // drawn anew before what was picked could be told
  if (before) before.replaceWith(grid);
  else parentElement.append(grid);
  if (hadFocus) grid.querySelector(`[data-id="${CSS.escape(current)}"]`)?.focus({ preventScroll: true });
  return () => clearTimeout(telling);
}

function head(data) {
  const row = element("div", "row head");
  row.setAttribute("role", "row");
  const lane = element("div", "lane");
  lane.setAttribute("role", "columnheader");
  lane.setAttribute("aria-label", "Time");
  for (const tick of data.ticks) {
    const label = element("span", "tick", tick.label);
    label.style.left = `${tick.at}%`;
    lane.append(label);
  }
  const title = (text, className) => {
    const cell = element("div", className, text);
    cell.setAttribute("role", "columnheader");
    return cell;
  };
  row.append(title("Step", "name"), lane, title("Latency", "figure"), title("Tokens", "figure"), title("Cost", "figure"));
  return row;
}

function name(row) {
  const cell = element("div", "name");
  cell.setAttribute("role", "rowheader");
  const twist = element("span", row.has_children ? "twist" : "twist none");
  twist.setAttribute("aria-hidden", "true");
  const dot = element("span", `dot ${row.agent}`);
  dot.setAttribute("aria-hidden", "true");
  const label = element("span", "label", row.label);
  label.title = row.title || row.label;
  cell.append(twist, dot, label);
  for (const badge of row.badges) cell.append(element("span", `badge ${badge.kind}`, badge.word));
  const who = element("span", "unseen", `, ${row.agent}`);
  cell.append(who);
  return cell;
}

function lane(row, data) {
  const cell = element("div", "lane");
  cell.setAttribute("role", "gridcell");
  for (const tick of data.ticks) {
    const mark = element("span", "mark");
    mark.style.left = `${tick.at}%`;
    cell.append(mark);
  }
  if (row.left !== null && row.width !== null) {
    const bar = element("span", `bar ${row.agent}${row.failed ? " failed" : ""}`);
    bar.style.left = `${Math.min(row.left, 99.6)}%`;
    bar.style.width = `max(2px, ${Math.min(row.width, 100 - row.left)}%)`;
    cell.append(bar);
  }
  return cell;
}

function figure(text) {
  const cell = element("div", "figure", text);
  cell.setAttribute("role", "gridcell");
  return cell;
}
