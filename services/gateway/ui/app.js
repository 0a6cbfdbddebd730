import { Frame } from "./frame.js";
import { showRoute } from "./route.js";
import { otherLanguage, showWords, t } from "./text.js";

const $ = (id) => document.getElementById(id);
const kinds = ["image/jpeg", "image/png", "image/webp", "image/bmp"];
const frame = new Frame($("stage"), $("photo"), $("rect"));
let photo = null;   // the Blob that will be sent
let photoName = "";
let shown = null;   // the arguments of showRoute, kept to render the route in another language
let running = null; // the AbortController of the request under way
const addresses = new Map(); // object URLs by the element that shows them

function show(image, blob) {
  if (addresses.has(image)) URL.revokeObjectURL(addresses.get(image));
  addresses.set(image, URL.createObjectURL(blob));
  image[image instanceof HTMLAnchorElement ? "href" : "src"] = addresses.get(image);
}

function complain(sentence) {
  $("error").textContent = sentence;
  $("error").hidden = !sentence;
}

// Scrolls only if a part of the element is outside of the window.
function reveal(element, block) {
  const { top, bottom } = element.getBoundingClientRect();
  if (top >= 0 && bottom <= innerHeight) return;
  element.scrollIntoView({ block, behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
}

// Removes what the previous request left on the page.
function clear() {
  complain("");
  shown = null;
  $("hops").replaceChildren();
  for (const id of ["result", "route"]) $(id).hidden = true;
}

async function readable(blob) {
  const trial = new Image();
  show(trial, blob);
  try {
    await trial.decode();
    return true;
  } catch {
    return false;
  } finally {
    URL.revokeObjectURL(addresses.get(trial));
    addresses.delete(trial);
  }
}

// Takes a photo; the sample is the button that offers it, if it is one of the samples.
async function take(blob, name, sample = null) {
  running?.abort();
  complain("");
  if (!kinds.includes(blob.type)) return complain(t("notPicture"));
  if (!(await readable(blob))) return complain(t("broken"));
  show($("photo"), blob);
  await $("photo").decode();
  photo = blob;
  photoName = name;
  for (const id of ["stage", "rect-help"]) $(id).hidden = false;
  for (const button of $("samples").querySelectorAll("button")) button.setAttribute("aria-pressed", button === sample);
  clear();
  $("send").disabled = false;
  frame.inset();
}

function tellFrame() {
  const words = t("frame", frame.rect);
  $("rect-text").textContent = words;
  $("rect").setAttribute("aria-label", `${t("frameLabel")}. ${words}`);
}

async function sentence(answer) {
  const text = await answer.text();
  try {
    return JSON.parse(text).detail ?? text;
  } catch {
    return text || t("noDetail");
  }
}

function busy(on) {
  $("send").disabled = $("ask").disabled = on;
  $("cancel").hidden = $("working").hidden = !on;
}

// The request that the form describes, or an Error that says why the browser cannot send it.
function described() {
  const header = { name: $("header-name").value.trim(), value: $("header-value").value.trim() };
  const { x, y, width, height } = frame.rect;
  const path = `/predict?${photo ? `rect=${x},${y},${width},${height}&` : ""}output=${$("output").value}`;
  const headers = new Headers({ Accept: "image/png" });
  if (photo) headers.set("Content-Type", photo.type);
  if (header.name && !/^[\w!#$%&'*+.^`|~-]+$/.test(header.name)) throw new Error(t("badName"));
  if (header.name && header.value) {
    if (!/^[\t -~]*$/.test(header.value)) throw new Error(t("badValue"));
    headers.set(header.name, header.value);
    // A Request silently drops the forbidden request headers of the Fetch standard. Chromium keeps User-Agent there, but sends its own.
    const kept = new Request(path, { method: "POST", headers }).headers.has(header.name);
    if (!kept || header.name.toLowerCase() === "user-agent") throw new Error(t("forbidden", header.name));
  }
  return { path, header, headers };
}

// Shows the sentence at the form and returns nothing if the request cannot be sent.
function describedOrTold() {
  try {
    return described();
  } catch (error) {
    complain(error.message);
    reveal($("error"), "nearest");
  }
}

async function showResult(cut) {
  show($("before"), photo);
  show($("after"), cut);
  show($("download"), cut);
  $("download").download = photoName.replace(/\.\w+$/, "") + "-cut.png";
  $("before").alt = t("before");
  $("after").alt = t("after");
  $("slider").value = 50;
  compare();
  $("result").hidden = false;
  await Promise.all([$("before").decode(), $("after").decode()]);
}

async function send() {
  clear();
  const request = describedOrTold();
  if (!request) return;
  const { path, headers } = request;
  running = new AbortController();
  const begin = performance.now();
  const tick = () => { $("elapsed").textContent = t("working", ((performance.now() - begin) / 1000).toFixed(1)); };
  const clock = setInterval(tick, 100);
  tick();
  busy(true);
  reveal($("working"), "nearest");
  try {
    const answer = await fetch(path, { method: "POST", headers, body: photo, signal: running.signal });
    const body = answer.ok ? await answer.blob() : await sentence(answer);
    const taken = { milliseconds: performance.now() - begin, status: answer.status, via: answer.headers.get("via"),
      serverTiming: answer.headers.get("server-timing") };
    if (answer.ok) await showResult(body);
    else complain(t("status", answer.status, body));
    await explain(request, taken);
  } catch (error) {
    tell(error);
    // Without an answer, show at least which rule decides.
    if (error instanceof TypeError) await explain(request, null).catch(() => {});
  } finally {
    clearInterval(clock);
    $("elapsed").textContent = "";
    running = null;
    busy(false);
    // After the last change of the layout: a smooth scroll does not correct its target.
    if ($("error").hidden) reveal($("result"), "start");
    else reveal($("error"), "nearest");
  }
}

function tell(error) {
  const words = error.name === "AbortError" ? t("canceled") : error instanceof TypeError ? t("network") : error.message;
  complain([$("error").textContent, words].filter(Boolean).join(" "));
}

// Shows the route of a request; the answer is null if the request was not sent.
async function explain({ path, header, headers }, answer) {
  const browser = [["user-agent", navigator.userAgent], ["origin", location.origin]];
  const question = { method: "POST", scheme: location.protocol.slice(0, -1), authority: location.host, path, headers: [...headers, ...browser] };
  const reply = await fetch("explain", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(question) });
  if (!reply.ok) throw new Error(t("explainStatus", reply.status, await sentence(reply)));
  const view = { title: $("route-title"), hops: $("hops"), why: $("why"), measured: $("measured"), times: $("times"), rows: $("trace").tBodies[0] };
  shown = [view, await reply.json(), answer, header];
  showRoute(...shown);
  $("route").hidden = false;
}

async function ask() {
  clear();
  const request = describedOrTold();
  if (!request) return;
  try {
    await explain(request, null);
    reveal($("route"), "start");
  } catch (error) {
    tell(error);
    reveal($("error"), "nearest");
  }
}

async function offerSamples() {
  const reply = await fetch("samples");
  if (!reply.ok) return;
  for (const name of await reply.json()) {
    const image = Object.assign(document.createElement("img"), { src: `samples/${encodeURIComponent(name)}`, alt: t("sample", name), loading: "lazy" });
    const button = Object.assign(document.createElement("button"), { type: "button" });
    button.append(image);
    button.setAttribute("aria-pressed", false);
    button.addEventListener("click", async () => take(await (await fetch(image.src)).blob(), name, button));
    const item = document.createElement("li");
    item.append(button);
    $("samples").append(item);
  }
}

function compare() {
  $("after").parentElement.style.setProperty("--cut", `${$("slider").value}%`);
}

const firstFile = (transfer) => [...(transfer?.files ?? [])][0];
const drop = document.body;
for (const kind of ["dragover", "dragleave", "drop"]) {
  drop.addEventListener(kind, (event) => {
    event.preventDefault();
    $("drop").classList.toggle("over", kind === "dragover");
    const file = kind === "drop" && firstFile(event.dataTransfer);
    if (file) take(file, file.name);
  });
}
addEventListener("paste", (event) => {
  const file = firstFile(event.clipboardData);
  if (file) take(file, file.name);
});
$("file").addEventListener("change", (event) => {
  const file = event.target.files[0];
  if (file) take(file, file.name);
});
$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (photo && !running) send();
});
$("cancel").addEventListener("click", () => running?.abort());
$("ask").addEventListener("click", () => {
  if (!running) ask();
});
$("slider").addEventListener("input", compare);
$("language").addEventListener("click", () => {
  otherLanguage();
  if (photo) tellFrame();
  if (shown) showRoute(...shown);
});
frame.addEventListener("change", tellFrame);
showWords();
offerSamples();
