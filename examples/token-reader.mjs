// Reads rotator's token secret in Node 20 or newer. It needs an AWS SDK, and nothing of rotator:
//
//   import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
//   import { TokenReader } from "./token-reader.mjs";
//
//   const client = new SecretsManagerClient({});
//   const reader = new TokenReader(async (VersionStage) => {
//     const answer = await client.send(
//       new GetSecretValueCommand({ SecretId: "adobe/token", VersionStage }),
//     );
//     return answer.SecretString;
//   });
//   await fetch(url, { headers: await reader.headers() });
//
// One reader serves a whole process. After a 401: `if (await reader.invalidate(token))` repeat the
// request, once.

const FAILURE_PAUSE_S = 60;
const REJECTION_PAUSE_S = 30;

export class TokenReader {
  #read;
  #now;
  #random;
  #cached = null;
  #lookAt = 0;
  #rejectedAt = -Infinity;
  #reading = null;

  // `read(stage)` returns the SecretString of that version; `now` is in seconds since 1970.
  constructor(read, { now = () => Date.now() / 1000, random = Math.random } = {}) {
    this.#read = read;
    this.#now = now;
    this.#random = random;
  }

  async token() {
    return (await this.#current()).token;
  }

  async headers() {
    const { token, clientId } = await this.#current();
    return { Authorization: `Bearer ${token}`, ...(clientId && { "x-api-key": clientId }) };
  }

  // Call it with the token that was answered with 401; true if there is another one now.
  async invalidate(rejected) {
    if (this.#cached?.token === rejected && this.#now() >= this.#rejectedAt + REJECTION_PAUSE_S) {
      this.#rejectedAt = this.#now();
      await this.#refresh();
    }
    return this.#isGood() && this.#cached.token !== rejected;
  }

  #isGood() {
    return this.#cached !== null && this.#now() < this.#cached.expiresAt;
  }

  async #current() {
    if (!this.#isGood()) await this.#refresh();
    // Nobody waits for a good token; whoever asks after its end gets the error.
    else if (this.#now() >= this.#lookAt) this.#refresh().catch(() => {});
    if (!this.#isGood()) throw new Error("token secret: no token to read");
    return this.#cached;
  }

  // One read for all who ask meanwhile. It never throws while there is a good token.
  #refresh() {
    this.#reading ??= this.#look().finally(() => {
      this.#reading = null;
    });
    return this.#reading;
  }

  async #look() {
    try {
      const found = (await this.#readVersion("AWSCURRENT")) ?? (await this.#previous());
      if (found === null) throw new Error("token secret: holds no token that is good");
      this.#cached = found;
      this.#lookAt = this.#nextLook(found);
    } catch (error) {
      this.#lookAt = this.#now() + FAILURE_PAUSE_S;
      if (!this.#isGood()) throw error;
    }
  }

  // The version before is for those who have nothing better.
  async #previous() {
    return this.#isGood() ? null : await this.#readVersion("AWSPREVIOUS");
  }

  // null: there is no such version, or what it holds is no good token.
  async #readVersion(stage) {
    let text;
    try {
      text = await this.#read(stage);
    } catch (error) {
      if (error.name === "ResourceNotFoundException") return null;
      throw error;
    }
    const found = parse(text);
    return found !== null && this.#now() < found.expiresAt ? found : null;
  }

  // For 24 hours, due an hour before the end: 1 to 3 minutes after that, then every 7.5 to 12.
  #nextLook({ dueAt, expiresAt }) {
    const share = (expiresAt - dueAt) / 60;
    const first = dueAt + share * (1 + 2 * this.#random());
    return first > this.#now() ? first : this.#now() + share * (7.5 + 4.5 * this.#random());
  }
}

// Values that the console has turned into strings are read, too; the earlier instant counts.
function parse(text) {
  let fields;
  try {
    fields = JSON.parse(text) ?? {};
  } catch {
    return null;
  }
  const ends = [Number(fields.expires_at_epoch), seconds(fields.expires_at)].filter(Number.isFinite);
  const expiresAt = Math.min(...ends);
  const token = fields.access_token;
  if (ends.length === 0 || typeof token !== "string" || !/^[!-~]+$/.test(token)) return null;
  const type = fields.token_type ?? "bearer";
  if (typeof type !== "string" || type.toLowerCase() !== "bearer") return null;
  const due = seconds(fields.next_rotation_at);
  const lastShare = (expiresAt - seconds(fields.issued_at)) / 24;
  const dueAt = Number.isFinite(due) ? due : expiresAt - (lastShare || 0);
  return { token, clientId: fields.client_id, expiresAt, dueAt };
}

function seconds(instant) {
  return Date.parse(instant ?? "") / 1000;
}
