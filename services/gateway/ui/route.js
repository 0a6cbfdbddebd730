// The route as a diagram: client, rule, subset, proxy, predict, with the milliseconds of Server-Timing.
import { t } from "./text.js";

// `Via: 1.1 a, 1.1 b` names the hops in the order in which they handled the answer: nearest to the
// model first. RFC 9110, section 7.6.3.
export const viaNames = (via) => (via ?? "").split(",").map((hop) => hop.trim().split(/\s+/)[1]).filter(Boolean);

// `Server-Timing: name;dur=1.5, ...` as a map of milliseconds.
export function timings(text) {
  const found = new Map();
  for (const metric of (text ?? "").split(",")) {
    const [name, ...parameters] = metric.split(";").map((part) => part.trim());
    const duration = parameters.map((p) => p.match(/^dur=([\d.]+)$/)).find(Boolean);
    if (name && duration) found.set(name, Number(duration[1]));
  }
  return found;
}

function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function hop(title, name, milliseconds, className) {
  const item = element("li", undefined, className);
  item.append(element("small", title), element("b", name));
  if (milliseconds !== undefined) item.append(element("small", `${milliseconds.toFixed(1)} ms`));
  return item;
}

// Where the milliseconds went: what each hop kept to itself, and the steps of predict.
function spent(names, times, whole) {
  const steps = ["queue", "decode", "segment", "encode"].filter((step) => times.has(step));
  const inner = steps.reduce((sum, step) => sum + times.get(step), 0);
  const below = (i) => (i + 1 < names.length ? times.get(names[i + 1]) ?? 0 : inner);
  return [
    [t("outside"), whole - (times.get(names[0]) ?? whole)],
    ...names.filter((name) => times.has(name)).map((name) => [name, times.get(name) - below(names.indexOf(name))]),
    ...steps.map((step) => [t(step), times.get(step)]),
  ].map(([name, milliseconds]) => [name, Math.max(0, milliseconds)]);
}

function bars(parts, whole) {
  const rows = parts.flatMap(([name, milliseconds]) => {
    const bar = element("i");
    bar.style.setProperty("--share", `${Math.min(100, (100 * milliseconds) / whole)}%`);
    return [element("dt", name), bar, element("dd", `${milliseconds.toFixed(1)} ms`)];
  });
  return [...rows, element("dt", t("whole"), "sum"), element("span"), element("dd", `${whole.toFixed(1)} ms`, "sum")];
}

const ruleOf = (decision) => decision.virtual_service ?? decision.rule?.name;

// The conditions of the rule that matched, as a clause each.
function reasons(decision, trace) {
  const held = trace.filter((e) => e.kind === "condition" && e.ok && e.route_index === decision.route_index &&
    e.match_index === decision.match_index && (e.virtual_service ?? ruleOf(decision)) === ruleOf(decision));
  return held.length ? held.map((e) => t("held", e.field, e.expected ?? "", e.actual ?? t("absent"))).join("; ") : t("unconditional");
}

// The rule that decides, and the subset or host that it chooses.
function chosen(decision) {
  if (!ruleOf(decision)) return [];
  const hops = [hop(t("matched"), `${ruleOf(decision)} #${decision.route_index}`, undefined, "chosen")];
  if (decision.destination) hops.push(hop(t("subset"), decision.destination.subset ?? decision.destination.host, undefined, "chosen"));
  return hops;
}

// Shows what explain answered. The answer has what was measured; it is null if the request was not sent.
export function showRoute(view, explained, answer, header) {
  const { decision, trace } = explained;
  const names = viaNames(answer?.via).reverse();
  const times = timings(answer?.serverTiming);
  const titles = [t("gateway"), t("proxy"), t("predict")];
  const hops = [hop(t("client"), header.name && header.value ? `${header.name}: ${header.value}` : t("noHeader"))];
  const passed = names.map((name, i) => hop(titles[Math.min(i, 2)], name, times.get(name)));
  hops.push(...passed.slice(0, 1), ...chosen(decision), ...passed.slice(1));
  const failed = answer && answer.status >= 400;
  if (failed) hops.push(hop(t("answer"), String(answer.status), undefined, "failed"));
  view.title.textContent = t(answer ? "route" : "wouldTake");
  view.hops.replaceChildren(...hops);
  view.why.textContent = ruleOf(decision)
    ? t("because", decision.source ?? "", ruleOf(decision), decision.route_index, reasons(decision, trace)) : t("noRule");
  view.measured.hidden = !answer;
  if (answer) view.times.replaceChildren(...bars(spent(names, times, answer.milliseconds), answer.milliseconds));
  view.rows.replaceChildren(...trace.filter((e) => e.kind === "condition" || e.kind === "rule").map(row));
}

function row(event) {
  const made = element("tr");
  const rule = `${event.virtual_service} #${event.route_index}` + (event.match_index >= 0 ? `.${event.match_index}` : "");
  const condition = event.kind === "rule" ? (event.detail || "") : event.field;
  const cells = [rule, condition, event.expected ?? "", event.kind === "rule" ? "" : event.actual ?? t("absent")];
  made.append(...cells.map((text) => element("td", text)), element("td", event.ok ? t("yes") : t("no"), event.ok ? "yes" : "no"));
  // In a narrow column each row is a list of lines, each with the name of its table column.
  ["rule", "condition", "expected", "actual", "verdict"].forEach((name, i) => { made.cells[i].dataset.name = t(name); });
  return made;
}
