// The loaded rules: which of them requests of this page reach, and the headers that reach them.
import { $, element } from "./elements.js";
import { sentence } from "./request.js";
import { t } from "./text.js";

// {rules, unreached, leftOut}: one entry a rule, although a rule may have several matches.
export async function loadRules() {
  const reply = await fetch("rules");
  if (!reply.ok) throw new Error(t("rulesStatus", reply.status, await sentence(reply)));
  const answer = await reply.json();
  const rules = new Map();
  for (const match of answer.rules) {
    const key = `${match.virtual_service} ${match.route_index} ${match.virtual_service ? "" : match.line}`;
    // Brackets of a query are not what the page sends: its path has its own query.
    const reached = match.state === "some" && match.path === "/predict";
    const known = rules.get(key);
    if (!known || (reached && !known.reached)) rules.set(key, { ...match, key, reached });
  }
  const all = [...rules.values()];
  return { rules: all.filter((rule) => rule.reached), unreached: all.filter((rule) => !rule.reached), leftOut: answer.left_out };
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
