// The route as a diagram: client, rule, subset, proxy, predict, with the milliseconds of Server-Timing; and the rules that were tried.
import { breakable, element } from "./elements.js";
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

function hop(title, name, milliseconds, className) {
  const item = element("li", undefined, className);
  item.append(element("small", title), breakable("b", name));
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
    return [breakable("dt", name), bar, element("dd", `${milliseconds.toFixed(1)} ms`)];
  });
  return [...rows, element("dt", t("whole"), "sum"), element("span"), element("dd", `${whole.toFixed(1)} ms`, "sum")];
}

export const ruleOf = (decision) => decision.virtual_service ?? decision.rule?.name;

// The conditions of the rule that matched, as a clause each.
function reasons(decision, trace) {
  const held = trace.filter((e) => e.kind === "condition" && e.ok && e.route_index === decision.route_index &&
    (decision.match_index === null || e.match_index === decision.match_index) && (e.virtual_service ?? ruleOf(decision)) === ruleOf(decision));
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
  view.why.replaceChildren(breakable("span", ruleOf(decision)
    ? t("because", decision.source ?? "", ruleOf(decision), decision.route_index, reasons(decision, trace)) : t("noRule")));
  view.measured.hidden = !answer;
  if (answer) view.times.replaceChildren(...bars(spent(names, times, answer.milliseconds), answer.milliseconds));
  view.tried.replaceChildren(...tried(trace));
  view.notes.replaceChildren(...notes(explained).map((words) => breakable("li", words)));
}

// The rules in the order in which they were tried, each with its conditions up to the first that fails.
function tried(trace) {
  const items = [];
  let conditions = [];
  for (const event of trace) {
    if (event.kind === "virtual_host") {
      const item = element("li", undefined, event.ok ? "host yes" : "host no");
      item.append(breakable("span", t(event.ok ? "hostHolds" : "hostFails", event.expected ?? "", event.actual ?? "")));
      items.push(item);
    } else if (event.kind === "condition") {
      conditions.push(event);
    } else if (event.kind === "rule") {
      items.push(triedRule(event, conditions));
      conditions = [];
    }
  }
  return items;
}

function triedRule(event, conditions) {
  const item = element("li", undefined, event.ok ? "rule yes" : "rule no");
  const name = `${event.virtual_service ?? t("default")} #${event.route_index}` + (event.match_index >= 0 ? `.${event.match_index}` : "");
  const head = element("p");
  head.append(element("strong", t(event.ok ? "takes" : "passes"), "verdict"), " ",
    breakable("b", event.detail ? `${name} (${event.detail})` : name), " ",
    breakable("small", event.file ? `${event.file}:${event.line}` : ""));
  const list = element("ul");
  list.append(...conditions.map(triedCondition));
  if (conditions.length === 0 && event.ok) list.append(element("li", t("unconditional"), "yes"));
  item.append(head, list);
  return item;
}

function triedCondition(event) {
  const item = element("li", undefined, event.ok ? "yes" : "no");
  item.append(element("strong", t(event.ok ? "yes" : "no")), " ",
    breakable("span", t("compared", event.field, event.expected ?? "", event.actual ?? t("absent"))));
  return item;
}

function notes({ trace, decision, left_out: leftOut }) {
  const omitted = trace.filter((e) => e.kind === "omitted").map((e) => t("unseen", e.virtual_service ?? "", e.detail ?? ""));
  return [...(ruleOf(decision) ? [t("firstWins")] : []), ...(leftOut ? [t("leftOut", leftOut)] : []), ...omitted];
}
