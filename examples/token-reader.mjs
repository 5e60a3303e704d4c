// Reads rotator's token secret in Node 20 or newer. It needs an AWS SDK, and nothing of rotator:
//
//   import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
//   import { TokenReader } from "./token-reader.mjs";
//
//   const client = new SecretsManagerClient({});
//   const reader = new TokenReader(async (VersionStage, abortSignal) => {
//     const answer = await client.send(
//       new GetSecretValueCommand({ SecretId: "adobe/token", VersionStage }),
//       { abortSignal },
//     );
//     return answer.SecretString;
//   });
//   await fetch(url, { headers: await reader.headers() });
//
// One reader serves a whole process. After a 401: `if (await reader.invalidate(token))` repeat the
// request, once.

const READ_TIMEOUT_S = 10;
const FAILURE_PAUSE_S = 60;
const REJECTION_PAUSE_S = 30;

export class TokenReader {
  #read;
  #now;
  #random;
  #timeoutMs;
  #cached = null;
  #lookAt = 0;
  #rejectedAt = -Infinity;
  #reading = null;
  #rereading = null;

  // `read(stage, signal)` returns the SecretString of that version. A read that takes longer than
  // `timeoutS` is aborted by the signal and has failed, even if it ignores that, because the SDK
  // has no time limit of its own. `now` is in seconds since 1970.
  constructor(
    read,
    { now = () => Date.now() / 1000, random = Math.random, timeoutS = READ_TIMEOUT_S } = {},
  ) {
    this.#read = read;
    this.#now = now;
    this.#random = random;
    this.#timeoutMs = timeoutS * 1000;
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
    if (this.#cached?.token === rejected) {
      if (this.#now() >= this.#rejectedAt + REJECTION_PAUSE_S) {
        this.#rejectedAt = this.#now();
        this.#rereading = this.#reread(rejected);
      }
      await this.#rereading; // one for all requests that were refused
    }
    return this.#isGood() && this.#cached.token !== rejected;
  }

  // A read that began before the refusal may have seen the refused token, so it takes another one.
  async #reread(rejected) {
    await this.#reading?.catch(() => {});
    if (this.#cached?.token === rejected) await this.#refresh().catch(() => {});
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
    const signal = AbortSignal.timeout(this.#timeoutMs); // keeps no process alive
    try {
      const found =
        (await this.#readVersion("AWSCURRENT", signal)) ?? (await this.#previous(signal));
      if (found === null) throw new Error("token secret: holds no token that is good");
      this.#cached = found;
      this.#lookAt = this.#nextLook(found);
    } catch (error) {
      this.#lookAt = this.#now() + FAILURE_PAUSE_S;
      if (!this.#isGood()) throw error;
    }
  }

  // The version before is for those who have nothing better.
  async #previous(signal) {
    return this.#isGood() ? null : await this.#readVersion("AWSPREVIOUS", signal);
  }

  // null: there is no such version, or what it holds is no good token.
  async #readVersion(stage, signal) {
    let text;
    try {
      text = await Promise.race([this.#read(stage, signal), aborted(signal)]);
    } catch (error) {
      if (error?.name === "ResourceNotFoundException") return null;
      throw error;
    }
    const found = parse(text, this.#now(), this.#cached);
    return found !== null && this.#now() < found.expiresAt ? found : null;
  }

  // For 24 hours, due an hour before the end: 1 to 3 minutes after that, then every 7.5 to 12.
  #nextLook({ dueAt, expiresAt }) {
    const share = (expiresAt - dueAt) / 60;
    const first = dueAt + share * (1 + 2 * this.#random());
    return first > this.#now() ? first : this.#now() + share * (7.5 + 4.5 * this.#random());
  }
}

function aborted(signal) {
  return new Promise((_, reject) => {
    const fail = () => reject(new Error("token secret: the read was not answered in time"));
    if (signal.aborted) fail();
    else signal.addEventListener("abort", fail, { once: true });
  });
}

// null for a value that holds no usable token. The earlier of two ends counts; without a usable
// next_rotation_at the token is due in the last 24th of its life. If a token was issued after its
// first read, its issuer's clock is ahead, and it ends that much earlier, at later reads too.
function parse(text, now, cached) {
  let fields;
  try {
    fields = JSON.parse(text.replace(/^\uFEFF/, "")) ?? {};
  } catch {
    return null;
  }
  const { access_token: token, token_type: type, client_id: clientId } = fields;
  if (!isText(token, /^[!-~]+$/) || !isText(type ?? "bearer", /^bearer$/i)) return null;
  if (!isText(clientId ?? "", /^([!-~]([ -~]*[!-~])?)?$/)) return null; // no header can carry it
  const ends = [];
  if ((fields.expires_at_epoch ?? null) !== null) ends.push(wholeNumber(fields.expires_at_epoch));
  if ((fields.expires_at ?? null) !== null) ends.push(instant(fields.expires_at));
  if (ends.length === 0 || ends.includes(null)) return null;
  const expiresAt = Math.min(...ends);
  const due = instant(fields.next_rotation_at);
  const issuedAt = instant(fields.issued_at) ?? now;
  const isDueBefore = due !== null && due < expiresAt;
  const dueAt = isDueBefore ? due : expiresAt - (expiresAt - Math.min(issuedAt, now)) / 24;
  const isCached = cached?.token === token && cached.issuedAt === issuedAt;
  const ahead = issuedAt < expiresAt ? Math.max(issuedAt - now, 0) : 0;
  const early = isCached ? cached.early : ahead;
  return { token, clientId, issuedAt, early, expiresAt: expiresAt - early, dueAt: dueAt - early };
}

function isText(value, pattern) {
  return typeof value === "string" && pattern.test(value);
}

// Values that the console has turned into strings are read, too.
function wholeNumber(value) {
  const isDigits = isText(value, /^[ \t\r\n]*\d+(\.\d+)?[ \t\r\n]*$/);
  const number = isDigits ? Number(value) : value;
  return Number.isInteger(number) ? plausible(number) : null;
}

const RFC_3339 =
  /^(\d{4}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\d)(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/;

// An RFC 3339 instant in seconds since 1970.
function instant(text) {
  const match = isText(text, RFC_3339) ? RFC_3339.exec(text) : null;
  // `Date` would make a day that the month does not have one of the next month.
  if (match === null || isOtherDay(match[1])) return null;
  return plausible(Date.parse(text) / 1000);
}

function isOtherDay(written) {
  const at = new Date(`${written}Z`);
  return Number.isNaN(at.getTime()) || !at.toISOString().startsWith(written);
}

// After 1970 and before the year 10000; a larger number counts milliseconds.
function plausible(epoch) {
  return 0 < epoch && epoch < 253_402_300_800 ? epoch : null;
}
