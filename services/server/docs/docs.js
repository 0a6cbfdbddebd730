// Shows openapi.json and sends its calls. Nothing here knows a call by name: all comes from the document.
const $ = (id) => document.getElementById(id);

function make(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

const specification = await (await fetch("openapi.json")).json();
const resolve = (object) => object.$ref
  ? object.$ref.slice(2).split("/").reduce((at, key) => at[key], specification) : object;

function field(parameter) {
  const { schema } = parameter;
  const input = schema.enum
    ? make("select", {}, ...[...(parameter.required ? [] : [""]), ...schema.enum].map((value) => make("option", { value, textContent: value || "(not sent)" })))
    : make("input", { value: parameter.example ?? "", spellcheck: false });
  input.name = parameter.name;
  return { parameter, input, row: make("label", {},
    make("span", { textContent: `${parameter.name} (${parameter.in})` }), input,
    make("small", { textContent: parameter.description ?? "" })) };
}

function bodyFields(body) {
  const types = Object.keys(body.content);
  const type = make("select", { name: "content-type" }, ...types.map((value) => make("option", { value, textContent: value })));
  const text = make("textarea", { name: "body", spellcheck: false, value: JSON.stringify(body.content["application/json"].example, null, 1) });
  const file = make("input", { type: "file", name: "file", accept: "image/*" });
  const label = (words, input) => make("label", {}, make("span", { textContent: words }), input);
  const rows = [label("Body's content type", type), label("Body", text), label("Body", file)];
  const settle = () => {
    rows[1].hidden = type.value !== "application/json";
    rows[2].hidden = !rows[1].hidden;
  };
  const form = () => {
    const data = new FormData();
    if (file.files[0]) data.append("image", file.files[0]);
    return data;
  };
  const forms = { "application/json": () => text.value, "multipart/form-data": form };
  type.addEventListener("change", settle);
  // The file is sent with its own type, except within a form.
  file.addEventListener("change", () => {
    const own = file.files[0]?.type;
    if (type.value !== "multipart/form-data" && types.includes(own)) type.value = own;
  });
  settle();
  return { rows, type: () => type.value, value: () => (forms[type.value] ?? (() => file.files[0] ?? ""))() };
}

async function show(answer, milliseconds, output) {
  const head = [`${answer.status} ${answer.statusText} (${milliseconds.toFixed(0)} ms)`, ...[...answer.headers].map(([n, v]) => `${n}: ${v}`)];
  const type = answer.headers.get("content-type") ?? "";
  const children = [make("pre", { className: "head", textContent: head.join("\n") })];
  if (type.startsWith("image/")) {
    children.push(make("img", { src: URL.createObjectURL(await answer.blob()), alt: "The answer" }));
  } else {
    const text = await answer.text();
    children.push(make("pre", { className: "body", textContent: type.startsWith("application/json") ? JSON.stringify(JSON.parse(text), null, 1) : text }));
  }
  output.replaceChildren(...children);
}

function call(path, method, operation) {
  const fields = (operation.parameters ?? []).map((p) => field(resolve(p)));
  const body = operation.requestBody && bodyFields(resolve(operation.requestBody));
  const answers = Object.entries(operation.responses).map(([status, response]) => [status, resolve(response)]);
  const types = Object.keys(answers[0][1].content ?? {});
  const accept = make("select", { name: "accept" }, ...types.map((value) => make("option", { value, textContent: value })));
  const output = make("output");
  const form = make("form", {}, ...fields.map((f) => f.row), ...(body?.rows ?? []));
  if (types.length > 1) form.append(make("label", {}, make("span", { textContent: "Accept" }), accept));
  form.append(make("button", { textContent: "Send" }));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const headers = { Accept: accept.value };
    const query = new URLSearchParams();
    let place = path.slice(1);
    for (const { parameter, input } of fields) {
      if (input.value === "") continue;
      if (parameter.in === "path") place = place.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
      else if (parameter.in === "header") headers[parameter.name] = input.value;
      else query.set(parameter.name, input.value);
    }
    // The browser adds the boundary of a form itself.
    if (body && body.type() !== "multipart/form-data") headers["Content-Type"] = body.type();
    const address = place + (query.size ? `?${query}` : "");
    const begin = performance.now();
    try {
      await show(await fetch(address || "./", { method: method.toUpperCase(), headers, body: body?.value() }), performance.now() - begin, output);
    } catch (error) {
      output.replaceChildren(make("pre", { textContent: `The server did not answer: ${error.message}` }));
    }
  });
  const table = make("table", {}, make("tbody", {}, ...answers.map(([status, response]) =>
    make("tr", {}, make("td", { textContent: status }), make("td", { textContent: response.description })))));
  return make("details", { id: operation.operationId },
    make("summary", {}, make("b", { textContent: method.toUpperCase() }), `${path} `, make("span", { textContent: operation.summary })),
    form, output, table);
}

$("title").textContent = `${specification.info.title} ${specification.info.version}: HTTP API`;
$("about").textContent = `${specification.info.summary} ${specification.info.description}`;
for (const [path, methods] of Object.entries(specification.paths))
  for (const [method, operation] of Object.entries(methods)) $("calls").append(call(path, method, operation));
for (const [name, schema] of Object.entries(specification.components.schemas))
  $("schemas").append(make("details", {}, make("summary", { textContent: name }), make("pre", { textContent: JSON.stringify(schema, null, 1) })));
document.body.dataset.ready = "yes";
