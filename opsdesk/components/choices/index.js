// Buttons one below the other. What they say is text, never markup.
export default function ({ data, parentElement, setTriggerValue }) {
  const list = document.createElement("div");
  list.className = `choices ${data.look === "cards" ? "cards" : "list"}`;
  list.setAttribute("role", "group");
  list.setAttribute("aria-label", data.label);
  for (const item of data.items) {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.id = item.id;
    if (item.id === data.chosen) button.setAttribute("aria-current", "true");
    const text = document.createElement("span");
    text.className = "text";
    text.textContent = item.text;
    button.append(text);
    if (item.note) {
      const note = document.createElement("span");
      note.className = "note";
      note.textContent = item.note;
      button.append(note);
    }
    button.addEventListener("click", () => setTriggerValue("picked", item.id));
    list.append(button);
  }
  const before = parentElement.querySelector(".choices");
  const focused = before?.querySelector("button:focus")?.dataset.id;
  if (before) before.replaceWith(list);
  else parentElement.append(list);
  if (focused) list.querySelector(`[data-id="${CSS.escape(focused)}"]`)?.focus();
}
