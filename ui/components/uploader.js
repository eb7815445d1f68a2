// Several files or a whole folder, three PUTs at a time. File names are foreign text: textContent, never innerHTML.

const AT_ONCE = 3;
const TELL_EVERY = 2000; // ms; the script is told of arrivals so often, not for each file

// The uploads of this browser tab: they go on when the component is drawn elsewhere, or another screen is looked at.
const NOTHING = { total: 0, done: 0, same: 0, unpacked: 0, passedOver: 0 };
// `failed` can be sent again; `refused` are files inside archives, which cannot.
const batch = { waiting: [], failed: [], refused: [], running: new Set(), told: 0, ...NOTHING };

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const one = (selector) => parentElement.querySelector(selector);
  Object.assign(batch, { data, one, tell: () => setTriggerValue("taken", batch.done) });

  const drop = one(".drop");
  drop.classList.toggle("large", data.large && batch.total === 0);
  one('[data-do="files"]').onclick = () => one(".files").click();
  one('[data-do="folder"]').onclick = () => one(".folder").click();
  one('[data-do="stop"]').onclick = () => stop();
  one('[data-do="again"]').onclick = () => add(batch.failed);
  for (const input of [one(".files"), one(".folder")]) {
    input.onchange = () => {
      add([...input.files].map((file) => ({ file, label: file.webkitRelativePath || file.name })));
      input.value = "";
    };
  }
  drop.ondragover = (event) => {
    event.preventDefault();
    drop.classList.add("over");
  };
  drop.ondragleave = () => drop.classList.remove("over");
  drop.ondrop = async (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    add(await dropped(event.dataTransfer));
  };
  show();
}

async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files].map((file) => ({ file, label: file.name }));
  return (await Promise.all(entries.map(walk))).flat();
}

async function walk(entry) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    return [{ file, label: entry.fullPath.replace(/^\//, "") }];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) { // a reader hands out a folder in portions, an empty one at the end
    const portion = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!portion.length) return found.flat();
    found.push(...(await Promise.all(portion.map(walk))));
  }
}

function add(files) {
  if (!batch.waiting.length && !batch.running.size) Object.assign(batch, NOTHING, { failed: [], refused: [] });
  batch.into = batch.data.collection;
  const meant = files.filter(({ label }) => !label.split("/").pop().startsWith(".")); // .DS_Store and the like
  batch.waiting.push(...meant.map((upload) => ({ collection: batch.data.collection, ...upload })));
  batch.total += meant.length;
  show();
  for (let n = batch.running.size; n < AT_ONCE; n++) next();
}

async function next() {
  const upload = batch.waiting.shift();
  if (!upload) return;
  upload.stop = new AbortController();
  batch.running.add(upload);
  const problem = await send(upload);
  batch.running.delete(upload);
  if (problem) batch.failed.push({ ...upload, problem });
  show();
  tell();
  next();
}

// Returns the problem, or null when the file has arrived.
async function send(upload) {
  const { file, label, collection, stop: { signal } } = upload;
  const most = /\.zip$/i.test(label) ? batch.data.maxArchiveMb : batch.data.maxMb; // the server looks at the content
  if (file.size > most * 2 ** 20) {
    return { message: `The file is larger than ${most} MB.`, hint: "An administrator can raise the limit." };
  }
  try {
    const query = new URLSearchParams({ collection, label });
    const response = await fetch(`/upload?${query}`, { method: "PUT", body: file, signal });
    const said = await response.json();
    if (!response.ok) return said.problem;
    batch.done += 1;
    batch.same += said.archive ? said.archive.duplicates : said.duplicate ? 1 : 0;
    if (said.archive) {
      batch.unpacked += said.archive.taken;
      batch.passedOver += said.archive.passed_over;
      batch.refused.push(...said.archive.problems);
    }
    return null;
  } catch (error) {
    if (signal.aborted) return { message: "Stopped.", hint: "" };
    return { message: "The file did not arrive.", hint: "Check the connection to the server and try again." };
  }
}

function stop() {
  batch.total -= batch.waiting.length;
  batch.waiting = [];
  batch.running.forEach((upload) => upload.stop.abort());
  show();
}

function tell() {
  const over = !batch.waiting.length && !batch.running.size;
  if (over || Date.now() - batch.told > TELL_EVERY) {
    batch.told = Date.now();
    batch.tell();
  }
}

// A name that is written from right to left turns nothing around it (Unicode's first strong isolate).
function apart(name) {
  return `\u2068${name}\u2069`;
}

function show() {
  const { one, total, done, same, failed, refused, unpacked, passedOver, into } = batch;
  const over = !batch.waiting.length && !batch.running.size;
  if (total) one(".drop").classList.remove("large");
  one(".progress").hidden = total === 0;
  const parts = [over ? `${done} of ${total} files uploaded to “${apart(into)}”` : `Uploading ${done + failed.length} of ${total} files`];
  if (unpacked) parts.push(`${unpacked} out of archives`);
  if (passedOver) parts.push(`${passedOver} in archives passed over`);
  if (same) parts.push(`${same} already there`);
  if (failed.length + refused.length) parts.push(`${failed.length + refused.length} not taken`);
  one(".count").textContent = parts.join(" · ");
  one("progress").value = total ? (done + failed.length) / total : 0;
  one('[data-do="stop"]').hidden = over;
  one('[data-do="again"]').hidden = !over || !failed.length;
  one(".problems").replaceChildren(...[...failed, ...refused].map(problemLine));
}

function problemLine({ label, problem }) {
  const line = document.createElement("li");
  const name = document.createElement("b");
  const hint = document.createElement("span");
  name.textContent = label.replace(/\p{C}/gu, "\ufffd"); // control and direction characters
  hint.textContent = ` ${problem?.hint ?? ""}`;
  line.append(name, `: ${problem?.message ?? "The server did not take it."}`, hint);
  return line;
}
