// One page of a document with its boxes. Turning and zooming happen here; the script hears of closing only.
// All text comes from documents: textContent, never innerHTML.

const STEP = 1.25;
const LEGIBLE = 18; // pixels that the first box is high at least, the room around its words included
const MOST = 2.5; // zoom that is chosen for somebody, who still wants to know where on the page it is
const views = new WeakMap(); // parentElement → what this viewer shows; survives reruns of the script

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const parts = find(parentElement);
  const view = views.get(parentElement) ?? { opened: null, page: 1, zoom: 1, chosen: false };
  views.set(parentElement, view);
  view.data = data;

  const act = {
    previous: () => turn(view, parts, view.page - 1),
    next: () => turn(view, parts, view.page + 1),
    first: () => turn(view, parts, 1),
    last: () => turn(view, parts, data.pages),
    smaller: () => choose(view, parts, view.zoom / STEP),
    larger: () => choose(view, parts, view.zoom * STEP),
    whole: () => choose(view, parts, 1),
    close: () => setTriggerValue("close", true),
  };
  parts.root.querySelectorAll("button").forEach((button) => (button.onclick = act[button.dataset.do]));
  parts.root.onkeydown = (event) => press(event, act);

  describe(parts, data);
  const place = `${data.doc} ${data.opened}`;
  if (view.opened !== place) {
    view.opened = place;
    view.page = data.page;
    show(view, parts);
    if (data.types) typeInto(data.types);
  }
}

// Whoever goes from cell to cell with the keyboard types on in the next box. Where something else has the focus it stays
// there; under a finger it would only call up the keyboard. The box may come, and the last one go, a moment later.
function typeInto(selector, tries = 20) {
  const free = document.activeElement === document.body, box = document.querySelector(selector);
  if (!window.matchMedia("(hover: hover)").matches) return;
  if (free && box) box.focus({ preventScroll: true });
  else if (tries) setTimeout(() => typeInto(selector, tries - 1), 50);
}

function find(parent) {
  const one = (selector) => parent.querySelector(selector);
  return {
    root: one(".viewer"), label: one(".label"), caption: one(".caption"), position: one(".position"),
    proof: one(".proof"), value: one(".value"), quote: one("q"), state: one(".state"), note: one(".note"), desk: one(".desk"), sheet: one(".sheet"),
    image: one("img"), boxes: one(".boxes"), missing: one(".missing"),
    previous: one('[data-do="previous"]'), next: one('[data-do="next"]'),
  };
}

function describe(parts, data) {
  parts.root.setAttribute("aria-label", `Page viewer: ${data.label}`);
  parts.label.textContent = data.label;
  parts.label.title = data.label;
  parts.caption.textContent = data.caption;
  parts.proof.hidden = !(data.value || data.quote || data.note);
  parts.value.textContent = data.value;
  parts.quote.textContent = data.quote === data.value ? "" : data.quote;
  parts.note.textContent = data.note;
  const state = data.verified ? `✓ Verified on page ${data.page}` : `Not verified: not found on page ${data.page}`;
  parts.state.textContent = data.quote ? state : "";
  parts.state.className = data.verified ? "state yes" : "state no";
}

function press(event, act) {
  const keys = {
    ArrowLeft: "previous", PageUp: "previous", ArrowRight: "next", PageDown: "next", Home: "first", End: "last",
    "+": "larger", "=": "larger", "-": "smaller", 0: "whole", Escape: "close",
  };
  if (keys[event.key] && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    act[keys[event.key]]();
  }
}

function turn(view, parts, page) {
  if (page < 1 || page > view.data.pages || page === view.page) return;
  view.page = page;
  show(view, parts);
  parts.desk.scrollTo({ top: 0 });
}

function choose(view, parts, factor) {
  view.chosen = true; // from now on the zoom stays as it is
  zoom(view, parts, factor);
}

function zoom(view, parts, factor) {
  view.zoom = Math.min(4, Math.max(0.4, factor));
  parts.sheet.style.width = `${view.zoom * 100}%`;
}

function show(view, parts) {
  const { data, page } = view;
  parts.position.textContent = `${page} / ${data.pages}`;
  parts.previous.disabled = page <= 1;
  parts.next.disabled = page >= data.pages;
  parts.sheet.hidden = false;
  parts.missing.hidden = true;
  parts.boxes.replaceChildren();
  parts.image.onload = () => {
    mark(view, parts);
    for (const near of [page - 1, page + 1]) if (near >= 1 && near <= data.pages) new Image().src = source(data, near);
  };
  parts.image.onerror = () => {
    parts.sheet.hidden = true;
    parts.missing.hidden = false;
  };
  parts.image.alt = `Page ${page} of ${data.label}`;
  parts.image.src = source(data, page);
}

function source(data, page) {
  return `/page/${encodeURIComponent(data.doc)}/${page}?v=${encodeURIComponent(data.version)}`;
}

function mark(view, parts) {
  const boxes = view.page === view.data.page ? view.data.boxes : [];
  parts.boxes.replaceChildren(...boxes.map(([x0, y0, x1, y1]) => {
    const box = document.createElement("div");
    Object.assign(box.style, {
      left: `${x0 * 100}%`, top: `${y0 * 100}%`, width: `${(x1 - x0) * 100}%`, height: `${(y1 - y0) * 100}%`,
    });
    return box;
  }));
  if (boxes.length) {
    const [, y0, , y1] = boxes[0];
    const x0 = Math.min(...boxes.map((box) => box[0])), x1 = Math.max(...boxes.map((box) => box[2]));
    if (!view.chosen) zoom(view, parts, legible(view, parts, x1 - x0, y1 - y0));
    const { sheet, desk } = parts;
    const top = sheet.offsetTop - desk.offsetTop + y0 * sheet.clientHeight;
    const middle = sheet.offsetLeft - desk.offsetLeft + ((x0 + x1) / 2) * sheet.clientWidth;
    desk.scrollTo({
      top: Math.max(0, top - desk.clientHeight / 3), left: Math.max(0, middle - desk.clientWidth / 2),
      behavior: "smooth",
    });
  }
}

// The zoom at which a box can be read and all of them still fit into the width.
function legible(view, parts, width, height) {
  const high = (height * parts.sheet.clientHeight) / view.zoom;
  return Math.max(1, Math.min(MOST, LEGIBLE / high, 0.95 / width));
}
