// What pasted rules would change, against what the gateway has loaded.
const words = {
  en: {
    title: "What would a change do?",
    help: "Paste resources as YAML. Those of the same kind, namespace and name as loaded ones replace them, others are added. Nothing is loaded.",
    label: "Candidate, as YAML", compare: "Compare", cancel: "Cancel", working: "comparing …",
    same: (view) => `No request changes (${view}). That is proven for all requests.`,
    changes: (n, all, view) => `${n} of ${all} regions of requests change (${view}).`,
    unclear: (view) => `No change was found (${view}), but not everything could be decided.`,
    replaced: (names) => `Replaced: ${names}.`, added: (names) => `Added: ${names}.`,
    before: "before", after: "after", example: "for example", undecided: "not decided",
    leftOut: (n) => `${n} more are not shown.`, network: "The gateway did not answer. Is it still running?",
    canceled: "Canceled.", status: (code, detail) => `The answer was ${code}: ${detail}`,
  },
  ja: {
    title: "変更すると何が変わる?",
    help: "リソースを YAML で貼り付けてください。種類、名前空間、名前が同じものは置き換え、それ以外は追加として比較します。読み込みはしません。",
    label: "候補の YAML", compare: "比較", cancel: "中止", working: "比較中…",
    same: (view) => `変わるリクエストはありません(${view})。すべてのリクエストについて証明済みです。`,
    changes: (n, all, view) => `リクエストの ${all} 領域のうち ${n} 領域が変わります(${view})。`,
    unclear: (view) => `変化は見つかりませんが、判定できない部分があります(${view})。`,
    replaced: (names) => `置き換え: ${names}`, added: (names) => `追加: ${names}`,
    before: "変更前", after: "変更後", example: "例", undecided: "判定できず",
    leftOut: (n) => `ほか ${n} 件は省略。`, network: "ゲートウェイが応答しません。動いていますか?",
    canceled: "中止しました。", status: (code, detail) => `応答は ${code} でした: ${detail}`,
  },
};

const $ = (id) => document.getElementById(id);
const d = (key, ...values) => {
  const word = words[document.documentElement.lang === "ja" ? "ja" : "en"][key];
  return typeof word === "function" ? word(...values) : word;
};
let running = null; // the AbortController of the comparison under way
let shown = null;   // what shows the last result, again in another language

function made(tag, text, className) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (className) element.className = className;
  return element;
}

function side(name, text, place) {
  const value = made("dd", text);
  if (place) value.append(" ", made("small", place));
  return [made("dt", name), value];
}

function regionItem(region) {
  const item = made("li"), sides = made("dl");
  const example = made("dd");
  example.append(made("code", region.curl), region.draws ? ` (${region.draws})` : "");
  sides.append(...side(d("before"), region.before, region.before_place), ...side(d("after"), region.after + region.details, region.after_place),
    made("dt", d("example")), example);
  item.append(made("p", region.where), sides);
  return item;
}

function undecidedItem(part) {
  const item = made("li", `${d("undecided")}: ${part.reason} `);
  item.append(made("small", [part.before_place, part.after_place].filter(Boolean).join(" → ")));
  return item;
}

const findingItem = (f) => made("li", `${f.line ? `${f.file}:${f.line}:${f.column}: ` : ""}${f.field ? `${f.field}: ` : ""}${f.message}`,
  f.severity === "error" ? "bad" : "");

function summary({ view, complete, regions, regions_compared: all, left_out: more }) {
  if (regions.length) return d("changes", regions.length + more, all, view);
  return complete ? d("same", view) : d("unclear", view);
}

function showReport(report) {
  const names = [report.replaced.length && d("replaced", report.replaced.join(", ")), report.added.length && d("added", report.added.join(", "))];
  const more = report.left_out + report.undecided_left_out;
  $("diff-error").hidden = true;
  $("diff-summary").textContent = [summary(report), ...names].filter(Boolean).join(" ");
  $("diff-regions").replaceChildren(...report.regions.map(regionItem));
  $("diff-rest").replaceChildren(...report.undecided.map(undecidedItem), ...(more ? [made("li", d("leftOut", more))] : []),
    ...report.findings.map(findingItem));
}

function showError(sentence, findings = []) {
  $("diff-summary").textContent = "";
  $("diff-regions").replaceChildren();
  $("diff-error").textContent = sentence;
  $("diff-error").hidden = false;
  $("diff-rest").replaceChildren(...findings.map(findingItem));
}

function show(render) {
  shown = render;
  render();
}

async function failure(answer) {
  const text = await answer.text();
  try {
    const { error, detail, findings } = JSON.parse(text);
    return [error ?? detail ?? text, findings];
  } catch {
    return [text, []];
  }
}

function working(on) {
  $("diff-send").disabled = on;
  $("diff-cancel").hidden = !on;
  if (on) show(() => { $("diff-summary").textContent = d("working"); });
}

async function compare() {
  running = new AbortController();
  showError("");
  $("diff-error").hidden = true;
  working(true);
  try {
    const answer = await fetch("diff", { method: "POST", headers: { "Content-Type": "application/yaml" }, body: $("diff-text").value,
      signal: running.signal });
    if (answer.ok) {
      const report = await answer.json();
      show(() => showReport(report));
    } else {
      const [detail, findings] = await failure(answer);
      show(() => showError(d("status", answer.status, detail), findings));
    }
  } catch (error) {
    show(() => showError(error.name === "AbortError" ? d("canceled") : d("network")));
  } finally {
    running = null;
    working(false);
  }
}

function showDiffWords() {
  for (const element of document.querySelectorAll("[data-diff]")) element.textContent = d(element.dataset.diff);
  shown?.();
}

$("diff-form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!running) compare();
});
$("diff-cancel").addEventListener("click", () => running?.abort());
new MutationObserver(showDiffWords).observe(document.documentElement, { attributeFilter: ["lang"] });
showDiffWords();
