"use strict";
// The local page of a gateway: docs/spec/page.md says what it asks for. Text goes into the page as text, never as HTML.

const $ = (id) => document.getElementById(id);
const STEPS = { CHECK: 0, FETCH: 1, HANDOVER: 2, ACTIVATE: 3, TRIAL: 4, CONFIRMED: 5 };
const MARKS = { ok: "M5 12.5l4.5 4.5L19 7.5", warn: "M12 6v7.5M12 18h.01", bad: "M7 7l10 10M17 7L7 17", work: "M12 4v13m-5.5-5.5L12 17l5.5-5.5M6 21h12", wait: "M12 7v5.5l3.5 2" };
const SLOT_STATES = {
  empty: ["Empty", ""], receiving: ["Receiving", ""], pending: ["Ready", ""], trial: ["On trial", "warn"],
  confirmed: ["Confirmed", "ok"], rejected: ["Rejected", "bad"], "last-resort": ["Last resort", "warn"],
};
const POLL_MS = { busy: 1000, idle: 4000, lost: 3000 };
const SILENCE_MS = 25000; // the stream says something every 10 s

let token = sessionStorage.getItem("fota-token") || "";
let state = null;
let events = [];
let shownEvent = "";
let skew = 0; // seconds: clock of the gateway minus clock of this browser
let waitUntil = 0;
let announced = "";

// --- words -----------------------------------------------------------------------------------------

const place = (slot) => (slot === "loader" ? "sector 1" : slot ? `slot\u00a0${slot.toUpperCase()}` : "the target");
const kilobytes = (n) => `${Math.round(n / 1024)} KB`;

function duration(s) {
  if (s < 90) return `${Math.max(1, Math.round(s))}\u00a0s`;
  if (s < 5400) return `${Math.round(s / 60)}\u00a0min`;
  return s < 129600 ? `${Math.round(s / 3600)}\u00a0h` : `${Math.round(s / 86400)}\u00a0days`;
}

function ago(time) {
  const s = Date.now() / 1000 + skew - time;
  return s < 10 ? "just now" : `${duration(s)} ago`;
}

// What happened, how it is shown. Reasons come in words from the gateway.
function sentence(e) {
  const v = e.version || "The release";
  const failedIn = { POLL: "The channel could not be read", CHECK: "The download was interrupted", FETCH: "The installation was interrupted",
    BOOT: "The target could not be asked", DECIDE: "The target could not be asked", TRIAL: "The trial could not be followed" };
  switch (e.kind) {
    case "nothing": return e.reason ? ["", `${v} is not installed now`] : ["ok", `${v} runs already: nothing to install`];
    case "offer": return ["", `${v} is new and goes into ${place(e.slot)}`];
    case "checked": return ["", `${v} passed the checks: hash, signature, slot and hardware`];
    case "verified": return ["", `The target verified ${place(e.slot)}`];
    case "activated": return ["", `The target restarts into ${v}, on trial`];
    case "confirmed": return ["ok", `${v} is confirmed in ${place(e.slot)}`];
    case "rolled-back": return ["warn", `${v} was rolled back, the earlier image runs again`];
    case "refused": return ["bad", `${v} was refused`];
    case "failed": return ["warn", failedIn[e.state] || "The update was interrupted"];
    case "retry": return ["", `The publisher lets ${v} be tried again`];
    case "loader": return ["ok", `Loader ${e.version} is in place`];
    case "loader-left": return ["", "The new loader is not installed"];
    case "ladder": return e.reason ? ["warn", "The target was silent after a try to wake it"] : ["", "The target was silent and answers again"];
    case "store": return ["bad", "The gateway cannot write its state or its images"];
    case "damaged": return ["warn", "What came is not what was signed, it is fetched again"];
    case "held": return ["", "The restart into the new release waits"];
    case "stale": return ["warn", "The channel expired and was not renewed"];
    case "fresh": return ["ok", "The channel was renewed"];
    case "rebuild": return e.reason ? ["bad", "The board could not be rebuilt"] : ["ok", "The board was rebuilt through ST's ROM"];
    default: return ["", e.kind];
  }
}

// Headline, line below it, tone.
function summary(s) {
  const v = s.version;
  const from = s.bundle ? "from the file" : "from the channel";
  const work = {
    BOOT: ["Looking at the target", ""],
    POLL: [s.bundle ? "Reading the file" : "Looking for updates", ""], VERIFY: ["Verifying the signatures", ""], DECIDE: ["Asking the target", ""],
    LOADER: ["Reading the loader's statement", ""],
    CHECK: [`Getting ${v}`, `It is read ${from} and checked. Nothing is erased yet.`],
    FETCH: [`Installing ${v} into ${place(s.slot)}`, "The board keeps running what it runs."],
    HANDOVER: [`Verifying ${v}`, "The target checks its own flash."],
    ACTIVATE: [`${v || "The release"} is ready`, "It waits until the target may restart."],
    TRIAL: [`${v || "The release"} is on trial`, "If it does not confirm itself, the earlier image comes back."],
    CONFIRMED: [`${v} is confirmed`, ""], ROLLED_BACK: ["The earlier image runs again", ""], REPORT: ["Nearly done", ""],
  };
  if (s.state !== "WAIT") return [...(work[s.state] || ["At work", ""]), "work"];
  const last = events.find((e) => ["nothing", "confirmed", "rolled-back", "refused", "failed", "held", "loader"].includes(e.kind));
  const running = s.target.running ? s.target.slots[s.target.running === "a" ? 0 : 1].version : "";
  const runs = running ? `${running} runs in ${place(s.target.running)}.` : "";
  if (s.failures > 0 && last) return [sentence(last)[1], `${sentenceOf(last.why)} ${runs}`, "warn"];
  if (!last || !s.target.known) return ["Waiting for the first check", runs, "wait"];
  if (last.kind === "refused") return [sentence(last)[1], `${sentenceOf(last.why)} ${runs}`, "bad"];
  if (last.kind === "rolled-back") return [`${last.version} was rolled back`, `${sentenceOf(last.why)} ${runs}`, "warn"];
  if (last.kind === "held") return ["The new release is ready", `${sentenceOf(last.why)} ${runs}`, "wait"];
  if (last.kind === "nothing" && last.reason) return [sentence(last)[1], `${sentenceOf(last.why)} ${runs}`, "wait"];
  if (s.stale) return ["The channel expired", `It was not renewed by its publisher. ${runs}`, "warn"];
  return ["Up to date", runs, "ok"];
}

// "image: SHA-256 does not match" -> "SHA-256 does not match."
function sentenceOf(why) {
  const text = (why || "").replace(/^[a-z0-9 ]+: /, "");
  return text ? `${text[0].toUpperCase()}${text.slice(1)}.` : "";
}

// --- showing ---------------------------------------------------------------------------------------

function node(name, className, text) {
  const n = document.createElement(name);
  if (className) n.className = className;
  if (text !== undefined) n.textContent = text;
  return n;
}

// Only what differs is written, so that a screen reader does not read the same again.
function put(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text;
}

function showWork(s) {
  const step = STEPS[s.state];
  const isMeasured = s.total > 0 && (s.state === "CHECK" || s.state === "FETCH");
  const percent = isMeasured ? Math.floor((s.done / s.total) * 100) : 0;
  $("work").hidden = step === undefined;
  if (step === undefined) return percent;
  put("percent", isMeasured ? `${percent} %` : step > 4 ? "Done" : "One moment");
  put("amount", isMeasured ? `${kilobytes(s.done)} of ${kilobytes(s.total)}` : "");
  if (isMeasured || step > 4) $("bar").value = step > 4 ? 100 : percent;
  else $("bar").removeAttribute("value");
  [...$("steps").children].forEach((li, i) => {
    li.dataset.at = i < step ? "done" : "";
    if (i === step) li.setAttribute("aria-current", "step");
    else li.removeAttribute("aria-current");
  });
  return percent;
}

function showSlots(s) {
  ["a", "b"].forEach((name, i) => {
    const slot = s.target.slots[i];
    const card = $(`slot-${name}`);
    const runs = s.target.running === name;
    let [text, tone] = SLOT_STATES[slot.state] || [slot.state, ""];
    if (slot.state === "trial") text = `On trial, ${s.target.tries}\u00a0${s.target.tries === 1 ? "run" : "runs"} left`;
    if (!s.target.known) [text, tone] = ["Not known yet", ""];
    const key = `${slot.version} ${text} ${runs}`;
    if (card.dataset.key === key) return;
    card.dataset.key = key;
    card.classList.toggle("runs", runs);
    card.querySelector(".version").textContent = slot.version || "\u2013";
    const chips = [];
    if (runs) chips.push(["Running", "run"]);
    chips.push([text, tone]);
    card.querySelector(".chips").replaceChildren(...chips.map(([t, kind]) => {
      const chip = node("span", "chip", t);
      chip.dataset.tone = kind;
      return chip;
    }));
  });
}

function showFacts(s) {
  const rows = [["State", s.state], ["Statement of the channel", s.sequence ? `number ${s.sequence}` : "none yet"],
    ["Channel", s.stale ? "expired" : "fresh"], ["Failures in a row", String(s.failures)], ["Loader", s.target.loader || "\u2013"], ["Root", s.target.root || "\u2013"]];
  const key = JSON.stringify(rows);
  if ($("facts").dataset.key === key) return;
  $("facts").dataset.key = key;
  $("facts").replaceChildren(...rows.flatMap(([name, value]) => [node("dt", "", name), node("dd", "", value)]));
}

// Lines that change with the time alone.
function showTimes() {
  if (!state) return;
  const parts = [];
  const [, sub] = summary(state);
  if (sub.trim()) parts.push(sub.trim());
  if (state.state === "WAIT") {
    if (state.polled) parts.push(`Checked ${ago(state.polled)}.`);
    const left = (waitUntil - Date.now()) / 1000;
    if (waitUntil && left > 0) parts.push(`${state.failures ? "Next try" : "Next check"} in ${duration(left)}.`);
  }
  put("subline", parts.join(" "));
  document.querySelectorAll("time").forEach((t) => { t.textContent = ago(Number(t.dataset.at)); });
}

function show() {
  const s = state;
  const [headline, , tone] = summary(s);
  const isBusy = s.state !== "WAIT" || s.bundle;
  document.title = `${s.device} \u2013 ${headline}`;
  put("device", s.device);
  put("identity", `${s.product} on ${s.hw}, channel ${s.channel}`);
  put("headline", headline);
  $("status").dataset.tone = tone;
  $("mark").setAttribute("d", MARKS[tone]);
  const percent = showWork(s);
  showSlots(s);
  showFacts(s);
  showTimes();
  $("install").hidden = !s.upload;
  ["check", "send"].forEach((id) => $(id).setAttribute("aria-disabled", String(isBusy || $(id).dataset.sending === "1")));
  // While there is work it is in the way, unless somebody has just used it: a focus is never taken away.
  $("check").hidden = isBusy && document.activeElement !== $("check");
  const spoken = s.state === "CHECK" || s.state === "FETCH" ? `${headline}, ${Math.floor(percent / 10) * 10} percent` : headline;
  if (spoken !== announced) {
    announced = spoken;
    put("announce", spoken);
  }
}

function showEvents() {
  $("no-events").hidden = events.length > 0;
  $("events").replaceChildren(...events.map((e) => {
    const [tone, text] = sentence(e);
    const li = node("li");
    li.dataset.tone = tone;
    li.append(node("p", "", text));
    if (e.reason) {
      const why = node("p", "why", `${sentenceOf(e.why)} `);
      why.append(node("code", "", e.reason));
      li.append(why);
    }
    const when = node("p", "when");
    if (e.time) {
      const time = node("time", "", ago(e.time));
      time.dataset.at = e.time;
      time.dateTime = new Date(e.time * 1000).toISOString();
      time.title = new Date(e.time * 1000).toLocaleString();
      when.append(time);
    }
    if (e.count > 1) when.append(`${e.time ? ", " : ""}${e.count} times`);
    li.append(when);
    return li;
  }));
}

function showLink(tone, text) {
  $("link").dataset.tone = tone;
  put("link-text", text);
}

function reply(id, tone, text) {
  $(id).dataset.tone = tone;
  put(id, text);
}

// --- asking ----------------------------------------------------------------------------------------

const headers = (more) => ({ ...(token ? { Authorization: `Bearer ${token}` } : {}), ...more });
const sleep = (ms) => new Promise((done) => { setTimeout(done, ms); });

class Locked extends Error {}

async function ask(path, options = {}) {
  const r = await fetch(path, { ...options, headers: headers(options.headers), cache: "no-store" });
  if (r.status !== 401) return r;
  const { text } = await r.json();
  throw new Locked(text);
}

async function take(s) {
  state = s;
  if (s.now) skew = s.now - Date.now() / 1000;
  waitUntil = s.wait ? Date.now() + s.wait * 1000 : 0;
  const newest = `${s.event}/${s.count}`;
  if (newest !== shownEvent) {
    const list = await (await ask("api/events")).json();
    events = list.events;
    shownEvent = newest;
    showEvents();
  }
  $("unlock").hidden = true;
  $("content").hidden = false;
  show();
}

async function refresh() {
  const r = await ask("api/state");
  if (!r.ok) throw new Error(r.status);
  await take(await r.json());
}

// The state as it changes. Returns when the gateway has no stream, or no room for one more.
async function follow(stop) {
  const r = await ask("api/stream", { signal: stop.signal });
  if (!r.ok) return false;
  showLink("ok", "Live");
  const reader = r.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const timer = setTimeout(() => stop.abort(), SILENCE_MS);
    const { value, done } = await reader.read().finally(() => clearTimeout(timer));
    if (done) return true;
    text += value;
    const parts = text.split("\n\n");
    text = parts.pop();
    const last = parts.pop();
    if (last) await take(JSON.parse(last.replace(/^data: /, "")));
  }
}

// For ever: a stream where there is one, else a question every few seconds; nothing while nobody looks.
async function watch() {
  for (;;) {
    if (document.hidden) {
      await new Promise((done) => { document.addEventListener("visibilitychange", done, { once: true }); });
      continue;
    }
    const stop = new AbortController();
    const leave = () => document.hidden && stop.abort();
    document.addEventListener("visibilitychange", leave);
    try {
      await refresh();
      const isStreamed = state.stream && await follow(stop);
      if (!isStreamed) {
        showLink("ok", "Connected");
        await sleep(state.state === "WAIT" ? POLL_MS.idle : POLL_MS.busy);
      }
    } catch (e) {
      if (e instanceof Locked) return lock(e.message);
      if (!stop.signal.aborted) {
        showLink("bad", "No connection");
        await sleep(POLL_MS.lost);
      }
    } finally {
      document.removeEventListener("visibilitychange", leave);
    }
  }
}

function lock(words) {
  showLink("wait", "Locked");
  $("content").hidden = true;
  $("unlock").hidden = false;
  reply("unlock-reply", "bad", token ? words : "");
  token = "";
  sessionStorage.removeItem("fota-token");
  $("token").focus();
}

$("unlock").addEventListener("submit", (event) => {
  event.preventDefault();
  token = $("token").value.trim();
  sessionStorage.setItem("fota-token", token);
  $("token").value = "";
  reply("unlock-reply", "", "");
  watch();
});

// --- actions ---------------------------------------------------------------------------------------

// A button that is not to be used keeps the focus; a click on it does nothing.
const isOff = (id) => $(id).getAttribute("aria-disabled") === "true";

$("check").addEventListener("click", async () => {
  if (isOff("check")) return;
  try {
    const r = await ask("api/check", { method: "POST", headers: { "Fota-Page": "1" } });
    const { ok, text } = await r.json();
    reply("check-reply", ok ? "" : "bad", ok ? "" : text);
  } catch (e) {
    if (e instanceof Locked) lock(e.message);
    else reply("check-reply", "bad", "The gateway does not answer; try again.");
  }
});

// XMLHttpRequest, because fetch does not tell how far an upload is.
function upload(file) {
  return new Promise((done) => {
    const x = new XMLHttpRequest();
    x.open("POST", "api/install");
    Object.entries(headers({ "Fota-Page": "1", "Content-Type": "application/x-tar" })).forEach(([k, v]) => x.setRequestHeader(k, v));
    x.upload.addEventListener("progress", (e) => { $("upload").value = e.total ? (e.loaded / e.total) * 100 : 0; });
    x.addEventListener("loadend", () => {
      let answer = { ok: false, text: "The gateway does not answer; try again." };
      try { answer = JSON.parse(x.responseText); } catch { /* it stays as it is */ }
      done({ ...answer, status: x.status });
    });
    x.send(file);
  });
}

$("install").addEventListener("submit", async (event) => {
  event.preventDefault();
  const file = $("file").files[0];
  if (isOff("send")) return;
  if (!file) return reply("install-reply", "bad", "Choose a file first.");
  if (file.size > state.upload) return reply("install-reply", "bad", `${file.name} is too large for a bundle: ${kilobytes(file.size)}, at most ${kilobytes(state.upload)}.`);
  $("send").dataset.sending = "1";
  $("send").setAttribute("aria-disabled", "true");
  $("upload").hidden = false;
  const { ok, text, status } = await upload(file);
  $("send").dataset.sending = "";
  $("upload").hidden = true;
  if (status === 401) return lock(text);
  reply("install-reply", ok ? "ok" : "bad", text);
  if (ok) $("file").value = "";
  show();
});

setInterval(showTimes, 1000);
watch();
