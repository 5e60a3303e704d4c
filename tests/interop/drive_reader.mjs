// Drives examples/token-reader.mjs: a line "token NOW" or "rejected NOW" in, a line of JSON out.
import { createInterface } from "node:readline";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";

const [example, SecretId] = process.argv.slice(2);
const { TokenReader } = await import(example);
const client = new SecretsManagerClient({ maxAttempts: 1 });
const reads = new Set();
let now;
let token = "";

function read(VersionStage) {
  const sent = client.send(new GetSecretValueCommand({ SecretId, VersionStage }));
  reads.add(sent);
  const done = () => reads.delete(sent);
  sent.then(done, done);
  return sent.then((answer) => answer.SecretString);
}

// What goes on in the background has ended.
async function settle() {
  while (reads.size > 0) {
    await Promise.allSettled(reads);
    await new Promise(setImmediate);
  }
}

const reader = new TokenReader(read, { now: () => now, random: () => 0 });
for await (const line of createInterface({ input: process.stdin })) {
  const [asked, at] = line.split(" ");
  now = Number(at);
  let answer = null;
  try {
    if (asked === "rejected") {
      await reader.invalidate(token);
    } else {
      await reader.token();
      await settle();
      token = await reader.token();
      const { "x-api-key": client_id = "" } = await reader.headers();
      answer = { token, client_id };
    }
  } catch (error) {
    console.error(error.message);
  }
  console.log(JSON.stringify(answer));
}
