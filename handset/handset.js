// A feature phone: what its keys do, a call as a gateway would carry it, and what came of it beside the phone.
"use strict";
const $ = id => document.getElementById(id);
const {prefix, code} = document.body.dataset;
const KEYS = {1: ".,-1", 2: "abc2", 3: "def3", 4: "ghi4", 5: "jkl5", 6: "mno6", 7: "pqrs7", 8: "tuv8", 9: "wxyz9", "*": "*", 0: " 0", "#": "#"};
const AGAIN_MS = 1200, SLOW_MS = 2000;
// The first two are the people of the README; the sandbox's insurer and bank know their NIK and their account.
const PEOPLE = [
  {name: "Siti Rahmawati", number: "+6281234567890", card: "KTP 3599014503850007. Rekening Bank Jatim 1140012345. Desa 35013."},
  {name: "Budi Santoso", number: "+6285700000002", card: "KTP 3599011708900003. Rekening Bank Jatim 1140010014 (kosong). Desa 35013."},
  {name: "Kepala desa Sukamaju Jaya", number: "+6281200000001", card: "SMS: CEK, MENUNGGAK, DAFTAR."},
  {name: "Nomor lain", number: "", card: ""},
].map(one => ({...one, session: "", sent: "", live: false, shown: "", draft: "", turn: 0}));
let me = PEOPLE[0], letters = false, last = {key: "", at: 0, step: 0};
const number = () => me.number || $("number").value.trim();
const hex = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), b => b.toString(16).padStart(2, "0")).join("");
const later = ms => new Promise(done => setTimeout(done, ms));

async function post(path, form) {
  const network = $("network").value;
  if (network === "slow") await later(SLOW_MS);
  if (network === "none") throw new Error("not sent");
  const answer = await fetch(prefix + path, {method: "POST", body: new URLSearchParams(form)});
  const body = await answer.text();
  if (network === "lost") throw new Error("lost");
  return body;
}

function draw() {
  $("screen").textContent = me.shown || "Ketik " + code + "\nlalu Panggil.";
  $("typed").textContent = me.draft;
  $("mode").textContent = letters ? "abc" : "123";
  $("pad").parentElement.querySelector("[data-act=call]").textContent = me.live ? "Kirim" : "Panggil";
}

async function hop(text) {
  const one = me, turn = ++one.turn;
  one.sent = text;
  one.shown = "...";
  draw();
  let shown, live = false;
  try {
    const body = await post("/ussd/africastalking", {phoneNumber: number(), serviceCode: code, text, sessionId: one.session, networkCode: "99999"});
    live = body.startsWith("CON ");
    shown = body.slice(4) + (live ? "" : "\n\n(selesai)");
  } catch { shown = "Tidak ada jaringan. Panggilan putus."; }
  // Who has hung up meanwhile, or called anew, is told nothing of this one.
  if (one.turn !== turn) return;
  one.shown = shown;
  one.live = live;
  draw();
  $("screen").scrollTop = 0;
}

function call() {
  const typed = me.draft;
  last.key = "";
  if (me.live) {
    if (!typed) return;
    me.draft = "";
    hop(me.sent ? me.sent + "*" + typed : typed);
    return;
  }
  const dialled = typed || code, stem = code.slice(0, -1);
  me.draft = "";
  if (dialled !== code && !(dialled.startsWith(stem + "*") && dialled.endsWith("#"))) {
    me.shown = "Nomor itu bukan layanan kami: " + code;
    draw();
    return;
  }
  letters = false;
  me.session = "ATUid_" + hex();
  hop(dialled.slice(stem.length + 1, -1));
}

function end() {
  // Nobody tells the service: a dropped call is one of which no more is heard.
  me.turn++;
  if (me.live || me.shown === "...") me.shown = "Panggilan ditutup.";
  me.live = false;
  me.draft = "";
  last.key = "";
  draw();
}

function clear() {
  me.draft = me.draft.slice(0, -1);
  last.key = "";
  draw();
}

function type(letter) {
  if (me.draft.length < 80) me.draft += letter;
  draw();
}

function press(key) {
  if (key === "#" && me.live) {
    letters = !letters;
    last.key = "";
    draw();
    return;
  }
  if (!letters) { type(key); return; }
  const now = performance.now(), ring = KEYS[key];
  const again = last.key === key && now - last.at < AGAIN_MS;
  last = {key, at: now, step: again ? (last.step + 1) % ring.length : 0};
  if (again) me.draft = me.draft.slice(0, -1);
  type(ring[last.step]);
}

const ACTS = {call, end, clear};
for (const [key, ring] of ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"].map(key => [key, KEYS[key]])) {
  const button = document.createElement("button");
  const under = document.createElement("small");
  under.textContent = key === "#" ? "123/abc" : key === "0" ? "spasi" : ring.slice(0, -1) || "\u00a0";
  button.type = "button";
  button.dataset.key = key;
  button.append(key, under);
  $("pad").append(button);
}
$("phone").onclick = event => {
  const button = event.target.closest("button");
  if (button) button.dataset.key ? press(button.dataset.key) : ACTS[button.dataset.act]();
};
document.onkeydown = event => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("input, select, form")) return;
  const onButton = event.target.closest("button");
  if (event.key === "Enter" && onButton) return;
  const act = {Enter: call, Escape: end, Backspace: clear}[event.key];
  if (act) act();
  else if (/^[0-9*]$/.test(event.key) || (event.key === "#" && !me.live)) type(event.key);
  else if (me.live && /^[a-z' .,-]$/i.test(event.key) && !(event.key === " " && onButton)) type(event.key);
  else return;
  event.preventDefault();
};

PEOPLE.forEach((one, at) => $("villager").append(new Option(one.number ? one.name + " " + one.number : one.name, at)));
$("villager").onchange = () => {
  me = PEOPLE[$("villager").value];
  letters = false;
  last.key = "";
  $("card").textContent = me.card;
  $("other_number").hidden = Boolean(me.number);
  draw();
  look();
};
$("sms").onsubmit = async event => {
  event.preventDefault();
  const form = {date: new Date().toISOString(), from: number(), id: hex(), linkId: "", text: $("words").value, to: "IURAN", cost: "0", networkCode: "99999"};
  try {
    await post("/sms/africastalking/inbound", form);
    $("words").value = "";
  } catch { /* What did not go stays in its field, to be sent again. */ }
};

const made = (name, text) => Object.assign(document.createElement(name), {textContent: text});
function tell(people) {
  const parts = people.flatMap(one => {
    const facts = document.createElement("dl");
    facts.append(...one.facts.flatMap(([what, how]) => [made("dt", what), made("dd", how)]));
    return [made("h3", one.title), facts];
  });
  $("did").replaceChildren(...(parts.length ? parts : [made("p", "Nomor ini belum dikenal.")]));
}
async function look() {
  const asked = number();
  if (!asked) return;
  const of = what => fetch("/sandbox/" + what + "?to=" + encodeURIComponent(asked)).then(answer => answer.json());
  try {
    const [texts, people] = await Promise.all([of("sms"), of("did")]);
    if (asked !== number()) return;
    if (Array.isArray(texts)) $("inbox").replaceChildren(...texts.reverse().map(row => made("li", row.text)));
    if (Array.isArray(people)) tell(people);
  } catch { /* The next round asks again. */ }
}
$("card").textContent = me.card;
draw();
setInterval(look, 1500);
look();
