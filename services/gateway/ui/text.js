// The page's words, in English and Japanese.
const words = {
  en: {
    tagline: "Choose a model by a request header",
    photo: "Photo", dropHere: "Drop or paste a photo here, or", choose: "choose a file",
    rectHelp: "Drag the frame around what is to stay. Keys: arrows move, Shift + arrows resize, Alt for single pixels.",
    frame: (r) => `Frame: x ${r.x}, y ${r.y}, ${r.width} × ${r.height} pixels`,
    frameLabel: "Frame around the foreground", sample: (name) => `Sample ${name}`,
    request: "Request", headerName: "Header", headerValue: "Value", output: "Answer as",
    cutout: "Cut-out on black", rgba: "Cut-out, transparent", mask: "Mask",
    send: "Cut out", ask: "Which rule?", cancel: "Cancel", working: (s) => `working, ${s} s`,
    result: "Result", compare: "Before and after", download: "Download PNG", before: "Photo", after: "Cut-out",
    route: "Route taken", wouldTake: "Route that the request would take", answer: "Answer", rules: "Every rule that was tried", rule: "Rule", condition: "Condition",
    expected: "Expected", actual: "Request has", verdict: "Verdict", absent: "(absent)",
    yes: "holds", no: "fails", unconditional: "no condition: always matches",
    client: "Client", matched: "Rule", subset: "Subset", gateway: "Gateway", proxy: "Proxy", predict: "Predict",
    because: (place, vs, n, why) => `Rule ${n} of ${vs} (${place}) matched first: ${why}.`,
    held: (field, expected, actual) => `${field} should be ${expected} and is ${actual}`,
    noHeader: "(no header)", times: "Where the milliseconds went", outside: "network and browser", queue: "waiting for a worker",
    decode: "reading the picture", segment: "segmentation", encode: "writing the PNG", whole: "in all",
    noRule: "No rule matched.",
    notPicture: "That is not a JPEG, PNG, WebP or BMP picture.",
    broken: "This picture cannot be shown: the file seems to be damaged.",
    network: "The gateway did not answer. Is it still running?",
    canceled: "Canceled.", status: (code, detail) => `The answer was ${code}: ${detail}`,
    explainStatus: (code, detail) => `The route cannot be shown, the answer was ${code}: ${detail}`,
    badName: "This header name is not valid. Use ASCII letters, digits and hyphens, without spaces.",
    badValue: "This header value is not valid. Browsers and servers accept only printable ASCII characters here.",
    forbidden: (name) => `A web page cannot set the header ${name}: the browser reserves it. Choose another header, or send this one with curl.`,
    noDetail: "no further words", otherLanguage: "日本語",
  },
  ja: {
    tagline: "リクエストヘッダーでモデルを選ぶ",
    photo: "写真", dropHere: "ここに写真をドロップするか貼り付けてください。または", choose: "ファイルを選択",
    rectHelp: "残したいものを枠で囲んでください。キー操作: 矢印で移動、Shift+矢印で大きさ変更、Alt で 1 ピクセル単位。",
    frame: (r) => `枠: x ${r.x}、y ${r.y}、${r.width} × ${r.height} ピクセル`,
    frameLabel: "前景を囲む枠", sample: (name) => `サンプル ${name}`,
    request: "リクエスト", headerName: "ヘッダー", headerValue: "値", output: "出力",
    cutout: "切り抜き(背景は黒)", rgba: "切り抜き(透過)", mask: "マスク",
    send: "切り抜く", ask: "どのルール?", cancel: "中止", working: (s) => `処理中 ${s} 秒`,
    result: "結果", compare: "前と後", download: "PNG を保存", before: "写真", after: "切り抜き",
    route: "通った経路", wouldTake: "送信した場合の経路", answer: "応答", rules: "試したすべてのルール", rule: "ルール", condition: "条件",
    expected: "期待値", actual: "リクエストの値", verdict: "判定", absent: "(なし)",
    yes: "成立", no: "不成立", unconditional: "条件なし: 常に一致",
    client: "クライアント", matched: "ルール", subset: "サブセット", gateway: "ゲートウェイ", proxy: "プロキシ", predict: "推論",
    because: (place, vs, n, why) => `${vs} のルール ${n}(${place})が最初に一致しました: ${why}。`,
    held: (field, expected, actual) => `${field} の期待値は ${expected}、実際は ${actual}`,
    noHeader: "(ヘッダーなし)", times: "時間の内訳", outside: "通信とブラウザー", queue: "順番待ち",
    decode: "画像の読み込み", segment: "領域分割", encode: "PNG の書き出し", whole: "合計",
    noRule: "一致するルールはありません。",
    notPicture: "JPEG、PNG、WebP、BMP の画像ではありません。",
    broken: "この画像は表示できません。ファイルが壊れているようです。",
    network: "ゲートウェイが応答しません。動いていますか?",
    canceled: "中止しました。", status: (code, detail) => `応答は ${code} でした: ${detail}`,
    explainStatus: (code, detail) => `経路を表示できません。応答は ${code} でした: ${detail}`,
    badName: "ヘッダー名が正しくありません。空白を含まない ASCII の英数字とハイフンを使ってください。",
    badValue: "ヘッダーの値が正しくありません。表示可能な ASCII 文字だけが使えます。",
    forbidden: (name) => `ヘッダー ${name} はブラウザーが管理するため、ページからは設定できません。別のヘッダーを選ぶか、curl で送信してください。`,
    noDetail: "詳しい説明はありません", otherLanguage: "English",
  },
};

let language = navigator.language.startsWith("ja") ? "ja" : "en";

export const t = (key, ...values) => {
  const word = words[language][key];
  return typeof word === "function" ? word(...values) : word;
};

export function showWords() {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-i18n]")) element.textContent = t(element.dataset.i18n);
  document.getElementById("language").textContent = t("otherLanguage");
}

export function otherLanguage() {
  language = language === "en" ? "ja" : "en";
  showWords();
}
