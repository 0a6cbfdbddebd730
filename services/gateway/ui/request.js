// The requests that the page sends to models, and the question which rule takes one.
import { t } from "./text.js";

// The path of a request to a model; without a frame the server chooses the rect.
export const pathOf = (rect, output) =>
  `/predict?${rect ? `rect=${rect.x},${rect.y},${rect.width},${rect.height}&` : ""}output=${output}`;

// Throws a sentence if no request can have a header of this name.
export function checkName(name) {
  if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) throw new Error(t("badName"));
}

// Headers of a request for a PNG file. Throws a sentence if a web page cannot send one of the pairs.
export function headersOf(pairs, type) {
  const headers = new Headers({ Accept: "image/png" });
  if (type) headers.set("Content-Type", type);
  for (const [name, value] of pairs) {
    checkName(name);
    if (!/^[\t -~]*$/.test(value)) throw new Error(t("badValue"));
    headers.set(name, value);
    // A Request silently drops the forbidden request headers of the Fetch standard. Chromium keeps User-Agent there, but sends its own.
    const kept = new Request("/predict", { method: "POST", headers }).headers.has(name);
    if (!kept || name.toLowerCase() === "user-agent") throw new Error(t("forbidden", name));
  }
  return headers;
}

// A photo, with brush strokes if there are any, as the body of a request, and its type.
export async function bodyOf(photo, strokes) {
  if (!photo || strokes.length === 0) return { body: photo, type: photo?.type };
  return { body: JSON.stringify({ image: await base64Of(photo), strokes }), type: "application/json" };
}

let encoded = {}; // the last photo and its base64

async function base64Of(photo) {
  if (encoded.photo === photo) return encoded.text;
  const reader = new FileReader();
  await new Promise((resolve, reject) => {
    reader.onload = resolve;
    reader.onerror = () => reject(new Error(t("broken")));
    reader.readAsDataURL(photo);
  });
  encoded = { photo, text: reader.result.slice(reader.result.indexOf(",") + 1) };
  return encoded.text;
}

// The sentence of an answer that is a failure.
export async function sentence(answer) {
  const text = await answer.text();
  try {
    const { detail, error } = JSON.parse(text);
    return detail ?? error ?? text;
  } catch {
    return text || t("noDetail");
  }
}

// Asks again while the gateway is busy with answers for others.
export async function patient(ask) {
  for (let attempt = 0; ; attempt++) {
    const reply = await ask();
    if (reply.status !== 503 || attempt === 4) return reply;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

// What the gateway would do with a request: {decision, trace}.
export async function askRule(path, headers, signal) {
  const browser = [["user-agent", navigator.userAgent], ["origin", location.origin]];
  const question = { method: "POST", scheme: location.protocol.slice(0, -1), authority: location.host, path, headers: [...headers, ...browser] };
  const reply = await patient(() => fetch("explain",
    { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(question), signal }));
  if (!reply.ok) throw new Error(t("explainStatus", reply.status, await sentence(reply)));
  return reply.json();
}

// What a failed fetch says to a person.
export const reasonOf = (error) =>
  error.name === "AbortError" ? t("canceled") : error instanceof TypeError ? t("network") : error.message;
