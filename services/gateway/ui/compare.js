// All models side by side: one photo through every rule that requests of this page reach, and what differs from the first.
import { $, breakable, drop, element, show } from "./elements.js";
import { askRule, bodyOf, headersOf, pathOf, reasonOf, sentence } from "./request.js";
import { loadRules } from "./rules.js";
import { ruleOf, viaNames } from "./route.js";
import { t } from "./text.js";

const most = 24;     // columns
const longest = 360; // pixels of the longer side of a picture of differences
const gained = [30, 136, 229], lost = [230, 81, 0];

// Which pixels of a transparent cut-out are foreground.
async function foregroundOf(blob) {
  const image = await createImageBitmap(blob);
  const { width, height } = image;
  const canvas = Object.assign(element("canvas"), { width, height });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.drawImage(image, 0, 0);
  image.close();
  const { data } = pen.getImageData(0, 0, width, height);
  const pixels = new Uint8Array(width * height);
  for (let i = 0; i < pixels.length; i++) pixels[i] = data[4 * i + 3] > 127 ? 1 : 0;
  return { width, height, pixels };
}

// Counts the pixels that differ and draws them over the pale photo; a pixel of the drawing shows if any below it differs.
function drawDifference(canvas, photo, first, own) {
  const { width, height } = own;
  const scale = Math.min(1, longest / Math.max(width, height));
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.globalAlpha = 0.3;
  pen.drawImage(photo, 0, 0, canvas.width, canvas.height);
  const drawing = pen.getImageData(0, 0, canvas.width, canvas.height);
  const counts = { more: 0, fewer: 0, of: width * height };
  for (let i = 0; i < own.pixels.length; i++) {
    if (own.pixels[i] === first.pixels[i]) continue;
    counts[own.pixels[i] ? "more" : "fewer"]++;
    const x = Math.min(canvas.width - 1, Math.floor((i % width) * scale)), y = Math.min(canvas.height - 1, Math.floor(Math.floor(i / width) * scale));
    drawing.data.set(own.pixels[i] ? gained : lost, 4 * (y * canvas.width + x));
  }
  pen.putImageData(drawing, 0, 0);
  return counts;
}

// Whether the decision is by this rule: by the match that its headers were found for, or by another one of it.
function decides(rule, decision) {
  if (decision.source === `${rule.file}:${rule.line}`) return true;
  const kind = decision.rule && `${decision.rule.kind} ${decision.rule.name}`;
  return !decision.delegate && decision.route_index === rule.route_index && [decision.virtual_service, kind].includes(rule.virtual_service);
}

// A column: what is known of a rule and of its run. Words are kept as keys of text.js, to be shown in either language.
class Column {
  constructor(rule, number) {
    this.rule = rule;
    this.number = number;
    this.parts = {
      title: element("h3"), place: element("p", undefined, "place"), headers: element("p", undefined, "sends"),
      state: element("p", undefined, "state"), pod: element("p", undefined, "pod"), cut: element("img"), difference: element("canvas"),
      cutWords: element("figcaption"), differenceWords: element("figcaption"),
    };
    const { title, place, headers, state, pod, cut, difference, cutWords, differenceWords } = this.parts;
    const figure = (picture, words) => {
      const frame = element("div", undefined, "picture");
      const made = element("figure");
      frame.append(picture);
      made.append(frame, words);
      return made;
    };
    difference.setAttribute("role", "img");
    this.figures = [figure(cut, cutWords), figure(difference, differenceWords)];
    this.item = element("li", undefined, "model");
    this.item.append(title, place, headers, state, pod, ...this.figures);
    this.reset("idle");
  }

  reset(state) {
    Object.assign(this, { state, words: null, explained: null, pods: [], milliseconds: null, foreground: null, counts: null, note: null });
    drop(this.parts.cut);
    this.render();
  }

  fail(...words) {
    this.state = "failed";
    this.words = words;
  }

  render() {
    const { rule, parts, explained } = this;
    const name = `${rule.virtual_service ?? t("default")} #${rule.route_index}`;
    const routeName = explained?.decision.route_name;
    parts.title.replaceChildren(breakable("span", `${this.number}. ${routeName ? `${routeName} (${name})` : name}`));
    parts.place.replaceChildren(breakable("span", `${rule.file}:${rule.line}`));
    parts.headers.replaceChildren(breakable("code", rule.headers.map((pair) => pair.join(": ")).join(", ") || t("noHeader")));
    const words = { idle: "notRun", waiting: "waiting", running: "runs", canceled: "canceled", done: "doneIn", failed: "failed" }[this.state];
    const time = this.milliseconds?.toFixed(0);
    parts.state.replaceChildren(breakable("span", this.words ? t(...this.words) : t(words, time)));
    parts.state.className = `state ${this.state}`;
    parts.pod.replaceChildren(breakable("span", this.pods.length ? t("servedBy", this.pods.join(", ")) : ""));
    for (const figure of this.figures) figure.hidden = !["waiting", "running", "done"].includes(this.state);
    parts.cut.hidden = this.state !== "done";
    parts.cut.alt = this.state === "done" ? t("cutBy", name) : "";
    parts.cutWords.textContent = t("after");
    this.renderDifference();
  }

  renderDifference() {
    const { parts, counts, note } = this;
    parts.difference.hidden = !counts;
    parts.difference.parentElement.hidden = Boolean(note);
    const share = counts && ((100 * (counts.more + counts.fewer)) / counts.of).toFixed(1);
    const words = counts ? t("differs", counts.more + counts.fewer, share, counts.more, counts.fewer) : note ? t(note) : "";
    parts.differenceWords.textContent = words;
    parts.difference.setAttribute("aria-label", words);
  }
}

export class Models {
  #columns = [];
  #running = null; // the AbortController of a run
  #begun = null;   // what the last run was of
  #found = null;   // of the last load: the rules that are reached, and the others
  #key = "";

  // `input` returns {photo, image, name, rect}: the file, the element that shows it, and the frame.
  constructor(input, onRules) {
    this.input = input;
    this.onRules = onRules;
    $("run-all").addEventListener("click", () => this.run());
    $("stop-all").addEventListener("click", () => this.#running?.abort());
  }

  // Asks for the rules again; columns are made anew if they have changed.
  async load() {
    try {
      this.#found = await loadRules();
    } catch (error) {
      $("models-note").textContent = reasonOf(error);
      return false;
    }
    const rules = this.#found.rules.slice(0, most);
    const key = JSON.stringify(rules);
    if (key !== this.#key) {
      this.#key = key;
      for (const column of this.#columns) column.reset("idle");
      this.#columns = rules.map((rule, i) => new Column(rule, i + 1));
      $("columns").replaceChildren(...this.#columns.map((column) => column.item));
      this.#begun = null;
    }
    this.onRules(this.#found.rules);
    this.render();
    return true;
  }

  // Another photo is chosen: results of the last one leave.
  clear() {
    this.#running?.abort();
    this.#begun = null;
    for (const column of this.#columns) column.reset("idle");
    this.render();
  }

  render() {
    for (const column of this.#columns) column.render();
    const ended = this.#columns.filter((column) => !["idle", "waiting", "running"].includes(column.state)).length;
    $("run-all").disabled = !this.input().photo || Boolean(this.#running) || this.#columns.length === 0;
    $("stop-all").hidden = !this.#running;
    $("models-progress").hidden = !this.#begun;
    $("models-progress").max = Math.max(1, this.#columns.length);
    $("models-progress").value = ended;
    $("models-count").textContent = this.#begun ? t("ended", ended, this.#columns.length) : "";
    $("models-of").textContent = this.#begun ? t("runOf", this.#begun.name, this.#begun.rect) : "";
    if (!this.#found) return;
    const { rules, unreached, leftOut } = this.#found;
    $("models-note").textContent = rules.length === 0 && leftOut ? t("tooManyRules", leftOut) : [t("columnsAre", rules.length), rules.length > most && t("mostColumns", most),
      leftOut && t("leftOut", leftOut)].filter(Boolean).join(" ");
    $("unreached").hidden = unreached.length === 0;
    $("unreached-title").textContent = t("unreached", unreached.length);
    $("unreached-rules").replaceChildren(...unreached.map((rule) => breakable("li",
      `${rule.virtual_service ?? t("default")} #${rule.route_index}, ${rule.file}:${rule.line}: ${t({ undecided: "undecided", some: "otherQuery" }[rule.state] ?? "never")}`)));
  }

  async run() {
    if (this.#running || !this.input().photo) return;
    const running = new AbortController();
    this.#running = running;
    $("run-all").disabled = true;
    if (await this.load()) {
      const input = { ...this.input(), signal: running.signal };
      this.#begun = running.signal.aborted ? null : input;
      const ratio = `${input.image.naturalWidth} / ${input.image.naturalHeight}`;
      for (const column of this.#columns) {
        column.reset(running.signal.aborted ? "idle" : "waiting");
        for (const figure of column.figures) figure.firstChild.style.aspectRatio = ratio;
      }
      this.render();
      const waiting = running.signal.aborted ? [] : [...this.#columns];
      const worker = async () => {
        for (let column = waiting.shift(); column; column = waiting.shift()) await this.#fill(column, input);
      };
      await Promise.all(Array.from({ length: Number($("at-once").value) }, worker));
    }
    if (this.#running === running) this.#running = null;
    this.render();
  }

  async #fill(column, input) {
    if (input.signal.aborted) column.state = "canceled";
    else column.state = "running";
    this.render();
    if (column.state === "running") {
      try {
        await this.#ask(column, input);
      } catch (error) {
        if (error.name === "AbortError") column.state = "canceled";
        else column.fail("said", reasonOf(error));
      }
    }
    if (this.#begun === input) this.#compare();
    else column.reset("idle"); // another photo was chosen meanwhile
    this.render();
  }

  async #ask(column, { photo, rect, strokes, signal }) {
    const { body, type } = await bodyOf(photo, strokes);
    const headers = headersOf(column.rule.headers, type), path = pathOf(rect, "rgba");
    column.explained = await askRule(path, headers, signal);
    const { decision } = column.explained;
    if (!decides(column.rule, decision)) {
      column.explained = null;
      return column.fail("otherRule", `${ruleOf(decision) ?? t("noRule")} #${decision.route_index}`);
    }
    const begin = performance.now();
    const answer = await fetch(path, { method: "POST", headers, body, signal });
    const cut = answer.ok ? await answer.blob() : null;
    column.milliseconds = performance.now() - begin;
    column.pods = viaNames(answer.headers.get("via"));
    if (!cut) return column.fail("status", answer.status, await sentence(answer));
    if (!cut.type.startsWith("image/")) return column.fail("notImage", cut.type);
    column.foreground = await foregroundOf(cut).catch(() => null);
    show(column.parts.cut, cut);
    column.state = "done";
  }

  // Compares all results that are not compared yet, as soon as the first one is known.
  #compare() {
    const [first, ...others] = this.#columns;
    if (first.state === "done") first.note = "isFirst";
    for (const column of others) {
      if (column.state !== "done" || column.counts || column.note) continue;
      if (["waiting", "running"].includes(first.state)) continue;
      if (!first.foreground || !column.foreground) column.note = "noFirst";
      else if (first.foreground.width !== column.foreground.width || first.foreground.height !== column.foreground.height) column.note = "otherSize";
      else column.counts = drawDifference(column.parts.difference, this.#begun.image, first.foreground, column.foreground);
      column.foreground = null;
    }
  }
}
