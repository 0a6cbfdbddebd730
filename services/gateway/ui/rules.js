// The loaded rules: which of them requests of this page reach, and the headers that reach them.
import { $, element } from "./elements.js";
import { patient, sentence } from "./request.js";
import { t } from "./text.js";

// {rules, unreached, leftOut}: one entry a rule, although a rule may have several matches.
export async function loadRules() {
  const reply = await patient(() => fetch("rules"));
  if (!reply.ok) throw new Error(t("rulesStatus", reply.status, await sentence(reply)));
  const answer = await reply.json();
  const all = grouped(answer.rules);
  return { rules: all.filter((rule) => rule.reached), unreached: all.filter((rule) => !rule.reached), leftOut: answer.left_out };
}

// Rules of delegates have the numbers of their own list and the name of the VirtualService that is in force: of entries with the same
// name and number, those with the same match are the same rule in another virtual host if their places are the same, else another rule.
function grouped(matches) {
  const named = new Map(), all = [];
  for (const match of matches) {
    const key = `${match.virtual_service} ${match.route_index} ${match.file}`;
    const same = named.get(key) ?? [];
    const last = same.at(-1);
    const isNew = !last || match.match_index < 0 || last.places.has(-1) || last.places.has(match.match_index);
    let rule = same.find((other) => other.places.get(match.match_index) === match.line) ?? (isNew ? null : last);
    if (!rule) {
      rule = { ...match, places: new Map(), reached: false };
      all.push(rule);
      named.set(key, [...same, rule]);
    }
    rule.places.set(match.match_index, match.line);
    // The page's path has no query but its own.
    if (!rule.reached && match.state === "some" && match.path === "/predict") Object.assign(rule, match, { reached: true });
  }
  return all;
}

// Offers the names and values of the rules' headers while the form is filled in.
export class Suggestions {
  #values = new Map(); // by the name in lower case
  #touched = false;

  constructor() {
    for (const id of ["header-name", "header-value"]) $(id).addEventListener("input", () => { this.#touched = true; this.#offerValues(); });
  }

  take(rules) {
    this.#values.clear();
    const names = new Map();
    for (const [name, value] of rules.flatMap((rule) => rule.headers)) {
      const key = name.toLowerCase();
      if (!names.has(key)) names.set(key, name);
      this.#values.set(key, (this.#values.get(key) ?? new Set()).add(value));
    }
    $("names").replaceChildren(...[...names.values()].map(option));
    const [name, value] = rules.flatMap((rule) => rule.headers)[0] ?? ["", ""];
    if (!this.#touched && !$("header-name").value && !$("header-value").value) {
      $("header-name").value = name;
      $("header-value").value = value;
    }
    this.#offerValues();
  }

  #offerValues() {
    const values = this.#values.get($("header-name").value.trim().toLowerCase()) ?? [];
    $("values").replaceChildren(...[...values].map(option));
  }
}

function option(value) {
  return Object.assign(element("option"), { value });
}
