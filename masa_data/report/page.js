"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const JOINTS = 49;
const MISSING = 255;
const STEPS = 254;
const COLORS = { body: "#f0f0f0", left: "#e69f00", right: "#56b4e9" };
const MOST_RESULTS = 12;

// Skeletons. Only visible ones are drawn; all use the same time, which the button stops.

const colorOf = (joint) => (joint < 7 ? COLORS.body : joint < 28 ? COLORS.left : COLORS.right);
const decoded = new Map();
const inView = new Set();

function pointsOf(number) {
  if (!decoded.has(number)) {
    const text = atob(data.moving[number].points);
    decoded.set(number, Uint8Array.from(text, (character) => character.charCodeAt(0)));
  }
  return decoded.get(number);
}

// Between two frames, a joint is interpolated; if it is missing in the second frame, it does not move.
function jointAt(points, frames, place, joint) {
  const first = Math.floor(place);
  const second = Math.min(first + 1, frames - 1);
  const a = 2 * (first * JOINTS + joint);
  const b = 2 * (second * JOINTS + joint);
  const share = place - first;
  if (points[a] === MISSING) return null;
  if (points[b] === MISSING) return [points[a], points[a + 1]];
  return [0, 1].map((axis) => points[a + axis] * (1 - share) + points[b + axis] * share);
}

function draw(canvas, seconds) {
  const moving = data.moving[canvas.dataset.clip];
  const points = pointsOf(canvas.dataset.clip);
  const share = seconds === null ? 0.5 : (seconds / moving.seconds) % 1;
  const place = share * (moving.frames - 1);
  const scale = canvas.width / STEPS;
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.lineWidth = 2;
  context.lineCap = "round";
  const joints = [];
  for (let joint = 0; joint < JOINTS; joint += 1) {
    const found = jointAt(points, moving.frames, place, joint);
    joints.push(found && [found[0] * scale, found[1] * scale]);
  }
  for (const [first, second] of data.limbs) {
    if (joints[first] && joints[second]) {
      context.strokeStyle = colorOf(second);
      context.beginPath();
      context.moveTo(...joints[first]);
      context.lineTo(...joints[second]);
      context.stroke();
    }
  }
  joints.forEach((joint, number) => {
    if (joint) {
      context.fillStyle = colorOf(number);
      context.beginPath();
      context.arc(...joint, 2, 0, 2 * Math.PI);
      context.fill();
    }
  });
}

const motionButton = document.getElementById("motion");
const lessMotion = matchMedia("(prefers-reduced-motion: reduce)");
let moves = !lessMotion.matches;
let waiting = 0;

function tick(milliseconds) {
  inView.forEach((canvas) => draw(canvas, moves ? milliseconds / 1000 : null));
  waiting = moves && inView.size ? requestAnimationFrame(tick) : 0;
}

function wake() {
  if (!waiting) waiting = requestAnimationFrame(tick);
}

function setMotion(wanted) {
  moves = wanted;
  motionButton.setAttribute("aria-pressed", String(moves));
  wake();
}

const watcher = new IntersectionObserver((changes) => {
  for (const change of changes) {
    if (change.isIntersecting) inView.add(change.target);
    else inView.delete(change.target);
  }
  wake();
});

motionButton.addEventListener("click", () => setMotion(!moves));
lessMotion.addEventListener("change", () => setMotion(!lessMotion.matches));
setMotion(moves);
document.querySelectorAll("canvas").forEach((canvas) => watcher.observe(canvas));

// The theme is the system's until the user presses the button.

const themeButton = document.getElementById("theme");
const darkSystem = matchMedia("(prefers-color-scheme: dark)");

function showTheme() {
  const chosen = document.documentElement.dataset.theme;
  const dark = chosen ? chosen === "dark" : darkSystem.matches;
  themeButton.setAttribute("aria-pressed", String(dark));
  return dark;
}

themeButton.addEventListener("click", () => {
  document.documentElement.dataset.theme = showTheme() ? "light" : "dark";
  showTheme();
});
darkSystem.addEventListener("change", showTheme);
showTheme();

// The search. Glosses come from untrusted files, so they are only set as text.

const query = document.getElementById("query");
const results = document.getElementById("results");
const found = document.getElementById("found");

const plain = (text) => text.normalize("NFKD").replace(/\p{Mn}/gu, "").toLowerCase();
const keys = data.glosses.map((entry) => plain(entry.gloss));

function element(name, text) {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  return made;
}

function card(entry) {
  const made = element("li");
  made.className = "card";
  made.append(element("h3", entry.gloss || "(no gloss)"));
  if (entry.clip !== null) {
    const canvas = element("canvas");
    canvas.width = canvas.height = 240;
    canvas.dataset.clip = entry.clip;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `Moving skeleton of a clip of ${entry.gloss}`);
    made.append(canvas);
    watcher.observe(canvas);
  }
  const counts = data.splits.map((split, place) => [split, entry.counts[place]]).filter(([, count]) => count);
  const clips = entry.counts.reduce((sum, count) => sum + count, 0);
  made.append(element("p", `${entry.corpus}: ${counts.map(([split, count]) => `${split} ${count}`).join(", ")}`));
  const more = clips > entry.ids.length ? `, and ${clips - entry.ids.length} more` : "";
  made.append(element("p", entry.ids.join(", ") + more));
  return made;
}

// Glosses that begin with the typed text come first, then those that contain it.
function search() {
  const wanted = plain(query.value.trim());
  results.querySelectorAll("canvas").forEach((canvas) => {
    watcher.unobserve(canvas);
    inView.delete(canvas);
  });
  if (!wanted) {
    results.replaceChildren();
    found.textContent = "";
    return;
  }
  const begin = [];
  const contain = [];
  keys.forEach((key, place) => {
    const at = key.indexOf(wanted);
    if (at === 0) begin.push(place);
    else if (at > 0) contain.push(place);
  });
  const places = [...begin, ...contain];
  results.replaceChildren(...places.slice(0, MOST_RESULTS).map((place) => card(data.glosses[place])));
  const shown = places.length > MOST_RESULTS ? `, the first ${MOST_RESULTS} are shown` : "";
  found.textContent =
    places.length === 1 ? "1 gloss found" : `${places.length || "No"} glosses found${shown}`;
}

let typing = 0;
query.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(search, 120); // so that a screen reader hears results, not keystrokes
});
query.form.addEventListener("submit", (event) => {
  event.preventDefault();
  search();
});
