import { Brush } from "./brush.js";
import { Models } from "./compare.js";
import { $, drop, element, reveal, show } from "./elements.js";
import { Frame } from "./frame.js";
import { askRule, bodyOf, checkName, headersOf, pathOf, reasonOf, sentence } from "./request.js";
import { showRoute } from "./route.js";
import { Suggestions } from "./rules.js";
import { otherLanguage, showWords, t } from "./text.js";
import { Zoom } from "./zoom.js";

const kinds = ["image/jpeg", "image/png", "image/webp", "image/bmp"];
const frame = new Frame($("stage"), $("photo"), $("rect"));
const brush = new Brush($("stage"), $("photo"), $("strokes"), $("pen"));
const zoom = new Zoom($("viewport"), $("photo"));
const suggestions = new Suggestions();
const models = new Models(
  () => ({ photo, image: $("photo"), name: photoName, rect: frame.rect, strokes: [...brush.strokes] }), (rules) => suggestions.take(rules));
let photo = null;      // the Blob that will be sent
let photoName = "";
let shown = null;      // the arguments of showRoute, kept to render the route in another language
let running = null;    // the AbortController of the request under way
let previewing = null; // the AbortController of the preview under way
let previewWords = null;

function complain(sentence) {
  $("error").textContent = sentence;
  $("error").hidden = !sentence;
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
    drop(trial);
  }
}

let taking = 0;

// Takes a photo; the sample is the button that offers it, if it is one of the samples.
async function take(blob, name, sample = null) {
  const own = ++taking;
  running?.abort();
  complain("");
  if (!kinds.includes(blob.type)) return complain(t("notPicture"));
  const fine = await readable(blob);
  if (own !== taking) return; // another photo was chosen meanwhile
  if (!fine) return complain(t("broken"));
  show($("photo"), blob);
  await $("photo").decode();
  if (own !== taking) return;
  photo = blob;
  photoName = name;
  for (const id of ["viewport", "tools", "rect-help"]) $(id).hidden = false;
  for (const button of $("samples").querySelectorAll("button")) button.setAttribute("aria-pressed", button === sample);
  clear();
  endPreview();
  brush.begin();
  zoom.to(0);
  $("radius").max = Math.min(500, Math.max(10, 4 * brush.radius));
  $("radius").value = brush.radius;
  chooseTool("frame");
  frame.inset();
  $("send").disabled = false;
  models.clear();
}

// ---- the tools over the photo ----

function chooseTool(tool) {
  $("tools").querySelector(`[value=${tool}]`).checked = true;
  frame.active = tool === "frame";
  $("viewport").dataset.mode = tool;
  $("rect").tabIndex = frame.active ? 0 : -1;
  brush.choose(["foreground", "background"].includes(tool) ? tool : null);
  tellTool();
}

function tellTool() {
  const tool = $("viewport").dataset.mode;
  $("rect-help").textContent = t({ frame: "rectHelp", move: "moveHelp" }[tool] ?? "brushHelp");
  tellFrame();
  $("undo").disabled = $("clear").disabled = brush.strokes.length === 0;
  $("stroke-count").textContent = t("strokeCount", brush.strokes.length);
  $("zoom-text").textContent = `${zoom.factor * 100} %`;
  $("zoom-out").disabled = zoom.ends.least;
  $("zoom-in").disabled = zoom.ends.most;
}

function tellFrame() {
  const words = t("frame", frame.rect);
  $("rect-text").textContent = brush.label ? t("brushAt", brush.place, brush.radius) : words;
  $("rect").setAttribute("aria-label", `${t("frameLabel")}. ${words}`);
  $("pen").setAttribute("aria-label", `${t("penLabel")}. ${t("brushAt", brush.place, brush.radius)}`);
}

// ---- preview ----

function tellPreview(...words) {
  previewWords = words.length ? words : null;
  $("preview-note").textContent = previewWords ? t(...previewWords) : "";
}

function endPreview() {
  previewing?.abort();
  previewing = null;
  $("preview").hidden = true;
  drop($("preview"));
  $("stage").classList.remove("previewed");
  tellPreview();
}

// Cuts out with the strokes so far, by the model of the form, and shows what would stay. The last stroke wins.
async function preview() {
  previewing?.abort();
  if (brush.strokes.length === 0) return endPreview();
  const own = previewing = new AbortController();
  const begin = performance.now();
  tellPreview("previewing");
  try {
    const { headers, body, path } = await described("rgba");
    const answer = await fetch(path, { method: "POST", headers, body, signal: own.signal });
    const cut = answer.ok ? await answer.blob() : null;
    const words = cut ? null : await sentence(answer);
    if (own !== previewing) return;
    if (!cut) return failPreview(t("status", answer.status, words));
    show($("preview"), cut);
    await $("preview").decode();
    if (own !== previewing) return;
    $("preview").hidden = false;
    $("stage").classList.add("previewed");
    tellPreview("previewed", (performance.now() - begin).toFixed(0));
  } catch (error) {
    if (own === previewing) failPreview(reasonOf(error));
  }
}

function failPreview(why) {
  endPreview();
  tellPreview("noPreview", why);
}

// ---- requests ----

function busy(on) {
  $("send").disabled = on || !photo;
  $("ask").disabled = on;
  $("cancel").hidden = $("working").hidden = !on;
}

// The request that the form describes, or an Error that says why the browser cannot send it.
async function described(output = $("output").value) {
  const header = { name: $("header-name").value.trim(), value: $("header-value").value.trim() };
  const { body, type } = await bodyOf(photo, brush.strokes);
  if (header.name) checkName(header.name);
  const pairs = header.name && header.value ? [[header.name, header.value]] : [];
  return { path: pathOf(photo && frame.rect, output), header, headers: headersOf(pairs, type), body };
}

// Shows the sentence at the form and returns nothing if the request cannot be sent.
async function describedOrTold() {
  try {
    return await described();
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
  const sending = new AbortController();
  running = sending;
  const begin = performance.now();
  const tick = () => { $("elapsed").textContent = t("working", ((performance.now() - begin) / 1000).toFixed(1)); };
  const clock = setInterval(tick, 100);
  tick();
  busy(true);
  try {
    const request = await describedOrTold();
    if (request) await exchange(request, begin, sending.signal);
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

async function exchange(request, begin, signal) {
  const { path, headers, body } = request;
  reveal($("working"), "nearest");
  try {
    const answer = await fetch(path, { method: "POST", headers, body, signal });
    const content = answer.ok ? await answer.blob() : await sentence(answer);
    const taken = { milliseconds: performance.now() - begin, status: answer.status, via: answer.headers.get("via"),
      serverTiming: answer.headers.get("server-timing") };
    if (!answer.ok) complain(t("status", answer.status, content));
    else if (content.type.startsWith("image/")) await showResult(content);
    else complain(t("notImage", content.type));
    await explain(request, taken);
  } catch (error) {
    tell(error);
    // Without an answer, show at least which rule decides.
    if (error instanceof TypeError) await explain(request, null).catch(() => {});
  }
}

function tell(error) {
  complain([$("error").textContent, reasonOf(error)].filter(Boolean).join(" "));
}

// Shows the route of a request; the answer is null if the request was not sent.
async function explain({ path, header, headers }, answer) {
  const view = { title: $("route-title"), hops: $("hops"), why: $("why"), measured: $("measured"), times: $("times"), tried: $("tried"), notes: $("notes") };
  shown = [view, await askRule(path, headers), answer, header];
  showRoute(...shown);
  $("rules").open = !answer || answer.status >= 400 || matchMedia("(min-width: 56rem)").matches; // beside the times there is room
  $("route").hidden = false;
}

async function ask() {
  clear();
  const request = await describedOrTold();
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
    const image = Object.assign(element("img"), { src: `samples/${encodeURIComponent(name)}`, alt: t("sample", name), loading: "lazy" });
    const button = Object.assign(element("button"), { type: "button" });
    button.append(image);
    button.setAttribute("aria-pressed", false);
    button.addEventListener("click", async () => {
      const sample = await fetch(image.src).catch(() => null);
      if (sample?.ok) take(await sample.blob(), name, button);
      else complain(t("network"));
    });
    const item = element("li");
    item.append(button);
    $("samples").append(item);
  }
}

// ---- before and after ----

function compare() {
  $("after").parentElement.style.setProperty("--cut", `${$("slider").value}%`);
}

// The border follows a finger or a mouse that is moved over the picture.
function slide(event) {
  if (event.type === "pointerdown" ? event.button !== 0 : !event.buttons) return;
  const area = $("after").getBoundingClientRect();
  $("slider").value = (100 * (event.clientX - area.left)) / area.width;
  compare();
}

const pair = $("after").parentElement;
pair.addEventListener("pointerdown", (event) => {
  event.preventDefault();
  pair.setPointerCapture(event.pointerId);
  slide(event);
});
pair.addEventListener("pointermove", slide);
$("slider").addEventListener("input", compare);

// ---- what a person does ----

const firstFile = (transfer) => [...(transfer?.files ?? [])][0];
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.body.addEventListener(kind, (event) => {
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
  event.target.value = ""; // the same file may be chosen again
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
$("tools").addEventListener("change", (event) => {
  if (event.target.name === "tool") chooseTool(event.target.value);
});
$("radius").addEventListener("input", () => brush.setRadius(Number($("radius").value)));
$("undo").addEventListener("click", () => brush.undo());
$("clear").addEventListener("click", () => brush.clear());
$("zoom-in").addEventListener("click", () => zoom.by(1));
$("zoom-out").addEventListener("click", () => zoom.by(-1));
addEventListener("keydown", (event) => {
  if (!photo || !(event.ctrlKey || event.metaKey) || event.key !== "z" || event.target.matches("input:not([type=range], [type=radio]), textarea")) return;
  event.preventDefault();
  brush.undo();
});
$("language").addEventListener("click", () => {
  otherLanguage();
  if (photo) tellTool();
  if (shown) showRoute(...shown);
  if (previewWords) tellPreview(...previewWords);
  models.render();
});
let later = 0;
frame.addEventListener("change", () => {
  tellFrame();
  if (brush.strokes.length === 0) return;
  clearTimeout(later);
  later = setTimeout(preview, 400);
});
brush.addEventListener("change", () => {
  tellTool();
  preview();
});
brush.addEventListener("move", tellFrame);
brush.addEventListener("full", () => tellPreview("tooManyStrokes"));
zoom.addEventListener("change", tellTool);
showWords();
// Samples and rules change the layout: they come before the first look at the page, unless they take long.
const loaded = Promise.allSettled([offerSamples(), models.load()]);
await Promise.race([loaded, new Promise((resolve) => setTimeout(resolve, 1500))]);
document.body.dataset.shown = "yes";
await loaded;
document.body.dataset.ready = "yes";
