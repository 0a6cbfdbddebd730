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

function hop(title, name, milliseconds) {
  const item = element("li");
  item.append(element("small", title), element("b", name));
  if (milliseconds !== undefined) item.append(element("small", `${milliseconds.toFixed(1)} ms`));
  return item;
}

export function showRoute(view, explained, answer, header) {
  const { decision, trace } = explained;
  const names = viaNames(answer.via).reverse();
  const times = timings(answer.serverTiming);
  const titles = [t("gateway"), t("proxy"), t("predict")];
  const hops = [hop(t("client"), header.name ? `${header.name}: ${header.value || '""'}` : "–", answer.milliseconds)];
  names.forEach((name, i) => {
    hops.push(hop(titles[Math.min(i, 2)], name, times.get(name)));
    if (i === 0 && decision.virtual_service) {
      hops.push(hop(t("matched"), `${decision.virtual_service} #${decision.route_index}`));
      if (decision.destination) hops.push(hop(t("subset"), decision.destination.subset ?? decision.destination.host));
    }
  });
  view.hops.replaceChildren(...hops);
  view.why.textContent = decision.virtual_service
    ? t("because", decision.source ?? "", decision.virtual_service, decision.route_index) : t("noRule");
  view.rows.replaceChildren(...trace.filter((e) => e.kind === "condition" || e.kind === "rule").map(row));
}

function row(event) {
  const made = element("tr");
  const rule = `${event.virtual_service} #${event.route_index}` + (event.match_index >= 0 ? `.${event.match_index}` : "");
  const condition = event.kind === "rule" ? (event.detail || "") : event.field;
  const cells = [rule, condition, event.expected ?? "", event.kind === "rule" ? "" : event.actual ?? t("absent")];
  made.append(...cells.map((text) => element("td", text)), element("td", event.ok ? t("yes") : t("no"), event.ok ? "yes" : "no"));
  return made;
}
