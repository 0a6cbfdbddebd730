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

async function take(blob, name) {
  complain("");
  if (!kinds.includes(blob.type)) return complain(t("notPicture"));
  show($("photo"), blob);
  try {
    await $("photo").decode();
  } catch {
    return complain(t("broken"));
  }
  photo = blob;
  photoName = name;
  for (const id of ["stage", "rect-help"]) $(id).hidden = false;
  for (const id of ["result", "route"]) $(id).hidden = true;
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
  $("send").disabled = on;
  $("cancel").hidden = $("working").hidden = !on;
}

async function send() {
  const header = { name: $("header-name").value.trim(), value: $("header-value").value };
  const { x, y, width, height } = frame.rect;
  const path = `/predict?rect=${x},${y},${width},${height}&output=${$("output").value}`;
  const headers = { "Content-Type": photo.type, Accept: "image/png" };
  if (header.name && header.value) headers[header.name] = header.value;
  running = new AbortController();
  const begin = performance.now();
  const clock = setInterval(() => {
    $("elapsed").textContent = t("working", ((performance.now() - begin) / 1000).toFixed(1));
  }, 100);
  busy(true);
  complain("");
  try {
    const answer = await fetch(path, { method: "POST", headers, body: photo, signal: running.signal });
    if (!answer.ok) throw new Error(t("status", answer.status, await sentence(answer)));
    const cut = await answer.blob();
    const milliseconds = performance.now() - begin;
    show($("before"), photo);
    show($("after"), cut);
    show($("download"), cut);
    $("download").download = photoName.replace(/\.\w+$/, "") + "-cut.png";
    $("before").alt = t("before");
    $("after").alt = t("after");
    $("result").hidden = false;
    await explain(path, header, { milliseconds, via: answer.headers.get("via"), serverTiming: answer.headers.get("server-timing") });
  } catch (error) {
    complain(error.name === "AbortError" ? t("canceled") : error instanceof TypeError ? t("network") : error.message);
  } finally {
    clearInterval(clock);
    $("elapsed").textContent = "";
    running = null;
    busy(false);
  }
}

async function explain(path, header, answer) {
  const request = { method: "POST", scheme: location.protocol.slice(0, -1), authority: location.host, path, headers: [["content-type", photo.type]] };
  if (header.name && header.value) request.headers.push([header.name, header.value]);
  const reply = await fetch("explain", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(request) });
  if (!reply.ok) throw new Error(t("status", reply.status, await sentence(reply)));
  shown = [{ hops: $("hops"), why: $("why"), times: $("times"), rows: $("trace").tBodies[0] }, await reply.json(), answer, header];
  showRoute(...shown);
  $("route").hidden = false;
}

async function offerSamples() {
  const reply = await fetch("samples");
  if (!reply.ok) return;
  for (const name of await reply.json()) {
    const image = Object.assign(document.createElement("img"), { src: `samples/${encodeURIComponent(name)}`, alt: t("sample", name), loading: "lazy" });
    const button = Object.assign(document.createElement("button"), { type: "button" });
    button.append(image);
    button.addEventListener("click", async () => take(await (await fetch(image.src)).blob(), name));
    const item = document.createElement("li");
    item.append(button);
    $("samples").append(item);
  }
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
$("slider").addEventListener("input", (event) => $("after").parentElement.style.setProperty("--cut", `${event.target.value}%`));
$("language").addEventListener("click", () => {
  otherLanguage();
  if (photo) tellFrame();
  if (shown) showRoute(...shown);
});
frame.addEventListener("change", tellFrame);
showWords();
offerSamples();
