import { createCipheriv, createDecipheriv, createHash, pbkdf2Sync, randomBytes } from "node:crypto";
import type { Socket } from "node:net";

/** What the double answers to a statement: rows of texts and whole numbers, an error, or nothing at all. */
export type WireAnswer =
  | readonly Readonly<Record<string, string | number | null>>[]
  | { error: string }
  | "hang";

/** The account that may sign in, and what its statements are answered. */
export interface OracleDatabase {
  user: string;
  password: string;
  answer(sql: string): WireAnswer;
}

/** What a session was sent: the bytes of each call as text. */
export interface OracleTraffic {
  calls: string[];
  /** Told of each statement as it arrives. */
  onStatement(sql: string): void;
}

const TYPES = { data: 6, marker: 12 } as const;
const MESSAGES = {
  protocol: 1,
  dataTypes: 2,
  error: 4,
  rowHeader: 6,
  row: 7,
  parameters: 8,
  status: 9,
  describe: 16,
};
const [COMMIT, ROLLBACK, LOGOFF] = [14, 15, 9];
/** Errors of a key that was not found, and of a statement that was stopped. */
const [NO_MORE_ROWS, STOPPED] = [1403, 1013];
const FIELD_VERSION_19 = 12;
const VERIFIER_12C = 0x4815;
const ROUNDS = 64;

const hex = (bytes: Buffer) => bytes.toString("hex").toUpperCase();
const encrypt = (key: Buffer, text: Buffer) =>
  cipher(createCipheriv("aes-256-cbc", key, Buffer.alloc(16)), text);
const decrypt = (key: Buffer, text: Buffer) =>
  cipher(createDecipheriv("aes-256-cbc", key, Buffer.alloc(16)), text);

function cipher(
  machine: ReturnType<typeof createCipheriv> | ReturnType<typeof createDecipheriv>,
  text: Buffer,
): Buffer {
  machine.setAutoPadding(false);
  return Buffer.concat([machine.update(text), machine.final()]);
}

/**
 * Serves one client of Oracle's protocol as far as the driver of this project uses it: it signs in with a verifier of
 * Oracle 12, runs no SQL, and answers statements from a list. Written from what the driver sends and reads; no server
 * of Oracle was looked at.
 */
export function serveOracle(
  socket: Socket,
  database: OracleDatabase,
  traffic: OracleTraffic,
): (chunk: Buffer) => void {
  const signIn = new SignIn(database);
  const send = (body: Buffer, type: number = TYPES.data) => {
    const head = Buffer.alloc(8);
    head.writeUInt32BE(body.length + 8, 0);
    head.writeUInt8(type, 4);
    socket.write(Buffer.concat([head, body]));
  };
  const answer = (...parts: Buffer[]) => send(Buffer.concat([Buffer.alloc(2), ...parts]));
  let waiting = Buffer.alloc(0);
  return (chunk) => {
    waiting = Buffer.concat([waiting, chunk]);
    while (waiting.length >= 8 && waiting.length >= waiting.readUInt32BE(0)) {
      const packet = waiting.subarray(0, waiting.readUInt32BE(0));
      waiting = waiting.subarray(packet.length);
      if (packet[4] === TYPES.marker) {
        // A break is answered by one, and its reset by one and the error of what was stopped.
        const isReset = packet[10] === 2;
        send(Buffer.from([1, 0, isReset ? 2 : 1]), TYPES.marker);
        if (isReset) answer(writeEnd(STOPPED, "ORA-01013: user requested cancel of current operation"));
        continue;
      }
      const message = packet.subarray(10);
      const text = message.toString("latin1");
      traffic.calls.push(text);
      if (message[0] === MESSAGES.protocol) answer(describeServer());
      else if (message[0] === MESSAGES.dataTypes) answer(Buffer.from([MESSAGES.dataTypes, 0, 0]));
      else if (text.includes("AUTH_TERMINAL")) answer(signIn.begin(), writeStatus());
      else if (text.includes("AUTH_PASSWORD")) answer(signIn.finish(text));
      else if ([COMMIT, ROLLBACK, LOGOFF].includes(message.at(-2) ?? 0)) answer(writeStatus());
      else {
        const [sql = ""] =
          /(?:SELECT|ALTER SESSION|SET TRANSACTION|BEGIN|EXPLAIN|INSERT)[\x20-\x7e\n]*/.exec(text) ?? [];
        // The driver asks for it when it signs in.
        const isZone = sql.includes("DBTIMEZONE");
        if (!isZone) traffic.onStatement(sql);
        const found = isZone ? [{ ZONE: "+00:00" }] : database.answer(sql);
        if (found === "hang") continue;
        if ("error" in found) answer(writeEnd(Number(/ORA-(\d+)/.exec(found.error)?.[1]), found.error));
        else if (/^(SELECT|WITH)/.test(sql.trim())) answer(...writeRows(found));
        else answer(writeEnd(0, ""));
      }
    }
  };
}

/** The server's side of a sign-in (O5LOGON with PBKDF2). */
class SignIn {
  readonly #database: OracleDatabase;
  readonly #salt = randomBytes(16);
  readonly #keySalt = randomBytes(16);
  readonly #ours = randomBytes(32);

  constructor(database: OracleDatabase) {
    this.#database = database;
  }

  begin(): Buffer {
    return writeParameters([
      ["AUTH_SESSKEY", hex(encrypt(this.#passwordHash(), this.#ours)), 0],
      ["AUTH_VFR_DATA", hex(this.#salt), VERIFIER_12C],
      ["AUTH_PBKDF2_CSK_SALT", hex(this.#keySalt), 0],
      ["AUTH_PBKDF2_VGEN_COUNT", String(ROUNDS), 0],
      ["AUTH_PBKDF2_SDER_COUNT", String(ROUNDS), 0],
    ]);
  }

  finish(text: string): Buffer {
    const readSent = (name: string) =>
      Buffer.from(new RegExp(`${name}[^0-9A-F]*([0-9A-F]{32,})`).exec(text)?.[1] ?? "", "hex");
    const theirs = decrypt(this.#passwordHash(), readSent("AUTH_SESSKEY")).subarray(0, 32);
    const both = hex(Buffer.concat([theirs, this.#ours]));
    const key = pbkdf2Sync(both, this.#keySalt, ROUNDS, 32, "sha512");
    const password = decrypt(key, readSent("AUTH_PASSWORD")).subarray(16);
    const { length } = this.#database.password;
    const isRight =
      password.subarray(0, length).toString() === this.#database.password &&
      password[length] === 16 - (length % 16);
    if (!isRight || !text.includes(this.#database.user))
      return writeEnd(1017, "ORA-01017: invalid username/password; logon denied");
    const response = encrypt(key, Buffer.concat([randomBytes(16), Buffer.from("SERVER_TO_CLIENT")]));
    const version = 19 * 2 ** 24 + 3 * 2 ** 16;
    return Buffer.concat([
      writeParameters([
        ["AUTH_SVR_RESPONSE", hex(response), 0],
        ["AUTH_VERSION_NO", String(version), 0],
      ]),
      writeStatus(),
    ]);
  }

  #passwordHash(): Buffer {
    const salt = Buffer.concat([this.#salt, Buffer.from("AUTH_PBKDF2_SPEEDY_KEY")]);
    const key = pbkdf2Sync(this.#database.password, salt, ROUNDS, 64, "sha512");
    return createHash("sha512").update(key).update(this.#salt).digest().subarray(0, 32);
  }
}

function describeServer(): Buffer {
  const compileCaps = Buffer.alloc(60);
  compileCaps[7] = FIELD_VERSION_19;
  const fdo = Buffer.alloc(11);
  fdo.writeUInt16BE(2000, 9);
  const head = Buffer.from([
    MESSAGES.protocol,
    6,
    0,
    ...Buffer.from("double\0"),
    0x69,
    0x03,
    0,
    0,
    0,
    0,
    fdo.length,
  ]);
  return Buffer.concat([head, fdo, writeText(compileCaps), writeText(Buffer.alloc(11))]);
}

/** A number of the protocol: how many bytes it has, and those bytes. */
function number(value: number): Buffer {
  if (value === 0) return Buffer.from([0]);
  const bytes = Buffer.from(
    value.toString(16).padStart(Math.ceil(value.toString(16).length / 2) * 2, "0"),
    "hex",
  );
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}

/** Numbers of the protocol that are 0. */
const zeros = (count: number) => Buffer.alloc(count);

function writeText(text: string | Buffer): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}

const withSize = (text: string) =>
  text === "" ? number(0) : Buffer.concat([number(Buffer.byteLength(text)), writeText(text)]);

function writeParameters(pairs: readonly (readonly [string, string, number])[]): Buffer {
  const written = pairs.flatMap(([name, value, flag]) => [withSize(name), withSize(value), number(flag)]);
  return Buffer.concat([Buffer.from([MESSAGES.parameters]), number(pairs.length), ...written]);
}

function writeStatus(): Buffer {
  return Buffer.from([MESSAGES.status, 0, 0]);
}

/** The end of a call, with its error. */
function writeEnd(error: number, message: string, cursor = 0): Buffer {
  return Buffer.concat([
    Buffer.from([MESSAGES.error]),
    // Status, sequence, row, error, two of arrays; the cursor; the position; six single bytes.
    zeros(6),
    number(cursor),
    zeros(1 + 6),
    // A row's address, the error of the system, two single bytes, padding, iterations, a logical address.
    zeros(5 + 1 + 2 + 3),
    // Errors of a batch: codes, places, messages.
    zeros(3),
    number(error),
    number(0),
    error === 0 ? Buffer.alloc(0) : writeText(`${message}\n`),
  ]);
}

function writeRows(rows: readonly Readonly<Record<string, string | number | null>>[]): Buffer[] {
  const names = Object.keys(rows[0] ?? { NOTHING: "" });
  const isNumber = (name: string) => typeof rows.find((row) => row[name] !== null)?.[name] === "number";
  const columns = names.map((name) =>
    Buffer.concat([
      // VARCHAR2 or NUMBER, flags, precision, scale.
      Buffer.from([isNumber(name) ? 2 : 1, 0, 0, 0]),
      number(200),
      zeros(5),
      Buffer.from([1]),
      number(200),
      zeros(1),
      Buffer.from([1, name.length]),
      withSize(name),
      zeros(4),
    ]),
  );
  const describe = Buffer.concat([
    Buffer.from([MESSAGES.describe, 0]),
    number(200),
    number(names.length),
    zeros(1),
    ...columns,
    zeros(6),
  ]);
  const header = Buffer.concat([Buffer.from([MESSAGES.rowHeader]), zeros(7)]);
  const written = rows.map((row) =>
    Buffer.concat([Buffer.from([MESSAGES.row]), ...names.map((name) => writeValue(row[name] ?? null))]),
  );
  return [
    describe,
    ...(rows.length > 0 ? [header] : []),
    ...written,
    writeEnd(NO_MORE_ROWS, "ORA-01403: no data found", 1),
  ];
}

function writeValue(value: string | number | null): Buffer {
  if (value === null) return Buffer.from([0]);
  return typeof value === "string" ? writeText(value) : writeText(writeNumber(value));
}

/** A whole number that is not negative, as Oracle stores it: an exponent, and digits of base 100 plus 1. */
function writeNumber(value: number): Buffer {
  if (value === 0) return Buffer.from([0x80]);
  const digits: number[] = [];
  for (let rest = value; rest > 0; rest = Math.floor(rest / 100)) digits.unshift(rest % 100);
  return Buffer.from([0xc0 + digits.length, ...digits.map((digit) => digit + 1)]);
}
