// Twilio's own client for Node, driven line by line: {"path", "args"} or {"validate"} in, {"value"} or {"error"} out.
"use strict";
const readline = require("node:readline");
const twilio = require("twilio");

const [, , base, account, token] = process.argv;
const client = twilio(account, token);
for (const product of ["api", "verify", "lookups", "messaging", "accounts", "monitor"]) client[product].baseUrl = base;

// "messages(SM…).media" → each name is a property, and a name with brackets is called as well.
function walk(path) {
  let here = client;
  let last;
  for (const step of path) {
    last = here;
    here = here[step.name];
    if (step.called) here = here.apply(last, step.args);
  }
  return [last, here];
}

// {"$date": "2026-…"} → a Date.
function dated(value) {
  if (Array.isArray(value)) return value.map(dated);
  if (value === null || typeof value !== "object") return value;
  if (value.$date) return new Date(value.$date);
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, dated(item)]));
}

function plain(value) {
  if (Array.isArray(value)) return value.map(plain);
  if (value && typeof value.toJSON === "function") return value.toJSON();
  return value === undefined ? null : value;
}

async function answer(asked) {
  if (asked.validate) return twilio.validateRequest(...asked.validate);
  const [owner, method] = walk(asked.path);
  return plain(await method.apply(owner, dated(asked.args)));
}

readline.createInterface({ input: process.stdin }).on("line", async (line) => {
  let out;
  try {
    out = { value: await answer(JSON.parse(line)) };
  } catch (error) {
    out = { error: { name: error.constructor.name, message: error.message, code: error.code, status: error.status } };
  }
  process.stdout.write(JSON.stringify(out) + "\n");
});
