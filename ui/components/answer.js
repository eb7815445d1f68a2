// An answer with its citations. Text comes from documents and models: textContent, never innerHTML.

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const one = (selector) => parentElement.querySelector(selector);
  const open = (what) => setTriggerValue("open", what);

  const found = data.verdict === "found";
  say(one(".verdict"), VERDICTS[data.verdict] ?? "");
  one(".advice").hidden = data.verdict !== "not_found";
  one(".unproven").hidden = data.verdict !== "unverified";
  say(one(".matching"), data.receipt && data.verdict !== "not_found" ? data.receipt.matching : "");
  one(".text").replaceChildren(...pieces(data).map((piece) => (typeof piece === "string" ? piece : chip(piece, data, open))));
  one(".citations").replaceChildren(...data.citations.map((citation, place) => {
    return item(source(place + 1, citation, `citation ${place}`, data, open));
  }));
  say(one(".unsupported"), data.unsupported.length ? `On none of the cited pages: ${data.unsupported.join("; ")}` : "");
  const nearest = found ? [] : data.nearest;
  one(".nearest").hidden = nearest.length === 0;
  one(".nearest ul").replaceChildren(...nearest.map((page, place) => {
    return item(source(null, page, `page ${place}`, data, open));
  }));
  one(".receipt").hidden = !data.receipt;
  one(".receipt p").textContent = data.receipt ? data.receipt.read : "";
  one(".receipt ul").replaceChildren(...(data.receipt ? data.receipt.failed : []).map((left) => {
    return element("li", "", `Not read: ${left.label}: ${left.problem}`);
  }));
  one(".note").textContent = data.note;
  const copy = one(".copy");
  copy.hidden = !navigator.clipboard; // browsers offer it to secure pages only
  copy.onclick = () => navigator.clipboard.writeText(plain(data)).then(() => confirmCopy(copy));
}

const VERDICTS = { not_found: "Not found in the documents", unverified: "Not verified" };

function say(place, text) {
  place.textContent = text;
  place.hidden = !text;
}

// The text cut at its [1] marks: strings, and for each mark the place of its citation.
function pieces(data) {
  const cut = data.text.split(/\[(\d{1,3})\]/);
  return cut.map((part, index) => {
    const place = Number(part) - 1;
    if (index % 2 === 0) return part;
    return data.citations[place] ? { place } : `[${part}]`;
  });
}

function chip({ place }, data, open) {
  const citation = data.citations[place];
  const button = element("button", "chip", String(place + 1));
  button.type = "button";
  button.classList.toggle("no", !citation.verified);
  button.classList.toggle("on", data.active === `citation ${place}`);
  button.title = `${citation.label}, page ${citation.page}: “${citation.quote}”`;
  button.setAttribute("aria-label", `Citation ${place + 1}: ${citation.label}, page ${citation.page}`);
  button.onclick = () => open(`citation ${place}`);
  return button;
}

function source(number, shown, what, data, open) {
  const button = element("button", number === null ? "source bare" : "source");
  button.type = "button";
  button.classList.toggle("on", data.active === what);
  button.onclick = () => open(what);
  const place = element("span", "place");
  const label = element("span", "label", shown.label);
  label.title = shown.label;
  place.append(label, element("span", "page", `page ${shown.page}`));
  if (shown.quote !== undefined) {
    place.append(element("span", shown.verified ? "state yes" : "state no", shown.verified ? "✓ Verified" : "Not verified"));
  }
  if (number !== null) button.append(element("span", "number", String(number)));
  button.append(place);
  if (shown.quote) button.append(element("span", "said", `“${shown.quote}”`));
  return button;
}

function item(content) {
  const li = document.createElement("li");
  li.append(content);
  return li;
}

function element(tag, className, text = "") {
  return Object.assign(document.createElement(tag), { className, textContent: text });
}

function plain(data) {
  const state = (citation) => (citation.verified ? "verified" : "not verified");
  const sources = data.citations.map((c, n) => `[${n + 1}] ${c.label}, page ${c.page} (${state(c)}): “${c.quote}”`);
  const said = [VERDICTS[data.verdict] && `${VERDICTS[data.verdict]}.`, data.receipt?.matching, data.text];
  const doubts = data.unsupported.length ? [`On none of the cited pages: ${data.unsupported.join("; ")}`] : [];
  const left = (data.receipt?.failed ?? []).map((one) => `Not read: ${one.label}: ${one.problem}`);
  return [...said.filter(Boolean), ...doubts, ...sources, ...(data.receipt ? [data.receipt.read] : []), ...left].join("\n");
}

function confirmCopy(button) {
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = "Copy"), 1500);
}
