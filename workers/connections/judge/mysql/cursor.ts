import { Growth } from "../growth.ts";
import type { Query, Reference } from "../query.ts";
import { forbid, quote, reject } from "../refuse.ts";
import type { StatementRules } from "../statement.ts";
import { lex, type Token } from "./lex.ts";
import { RESERVED } from "./words.ts";

/** Most levels of parentheses and subqueries. */
const DEEPEST = 100;

const NOT_READ: Readonly<Record<string, string>> = {
  INTO: "INTO",
  FOR: "FOR UPDATE, FOR SHARE and FOR SYSTEM_TIME",
  LOCK: "LOCK IN SHARE MODE",
  PROCEDURE: "PROCEDURE",
  USE: "an index hint",
  FORCE: "an index hint",
  IGNORE: "an index hint",
  PARTITION: "PARTITION",
};

/** The readers that call each other through the cursor, since each one needs the others. */
export interface Grammar {
  readExpression(cursor: Cursor): Reference[];
  readQuery(cursor: Cursor): Query;
}

/** Walks through the tokens of one statement. Every token is read by a rule; one without a rule is refused. */
export class Cursor {
  readonly rules: StatementRules;
  readonly grammar: Grammar;
  readonly growth = new Growth();
  parameters = 0;
  readonly #tokens: readonly Token[];
  readonly #end: Token;
  #at = 0;
  #depth = 0;

  constructor(sql: string, rules: StatementRules, grammar: Grammar) {
    this.rules = rules;
    this.grammar = grammar;
    this.#tokens = lex(sql);
    this.#end = this.#tokens.at(-1) ?? { kind: "end", text: "", at: 0 };
  }

  /** How many tokens are read. */
  get position(): number {
    return this.#at;
  }

  peek(offset = 0): Token {
    return this.#tokens[this.#at + offset] ?? this.#end;
  }

  next(): Token {
    const token = this.peek();
    this.#at += 1;
    if (token.kind === "parameter") this.parameters += 1;
    return token;
  }

  /** Whether the next tokens are these keywords. */
  isWord(...words: readonly string[]): boolean {
    return words.every((word, offset) => {
      const token = this.peek(offset);
      return token.kind === "word" && token.text.toUpperCase() === word;
    });
  }

  isSymbol(text: string, offset = 0): boolean {
    const token = this.peek(offset);
    return token.kind === "symbol" && token.text === text;
  }

  /** The keyword that comes next, upper case, or an empty text. */
  keyword(offset = 0): string {
    const token = this.peek(offset);
    return token.kind === "word" ? token.text.toUpperCase() : "";
  }

  /** Whether a query in parentheses comes next. */
  isQuery(): boolean {
    return this.isSymbol("(") && ["SELECT", "WITH", "VALUES"].includes(this.keyword(1));
  }

  /** Reads these keywords if they come next. */
  takeWord(...words: readonly string[]): boolean {
    const isNext = this.isWord(...words);
    if (isNext) this.#at += words.length;
    return isNext;
  }

  takeSymbol(text: string): boolean {
    const isNext = this.isSymbol(text);
    if (isNext) this.#at += 1;
    return isNext;
  }

  expectWord(...words: readonly string[]): void {
    if (!this.takeWord(...words)) throw this.unexpected(words.join(" "));
  }

  expectSymbol(text: string): void {
    if (!this.takeSymbol(text)) throw this.unexpected(text);
  }

  /** Reads between parentheses, one level deeper. */
  within<T>(read: () => T): T {
    this.expectSymbol("(");
    const value = this.enter(read);
    this.expectSymbol(")");
    return value;
  }

  enter<T>(read: () => T): T {
    if (this.#depth >= DEEPEST) throw reject("The statement is nested too deeply.");
    this.#depth += 1;
    try {
      return read();
    } finally {
      this.#depth -= 1;
    }
  }

  /** Members with commas between them. */
  list<T>(read: () => T): T[] {
    const members = [read()];
    while (this.takeSymbol(",")) members.push(read());
    return members;
  }

  /** Whether a name comes next that is not a keyword. */
  isName(): boolean {
    const { kind, text } = this.peek();
    return kind === "name" || (kind === "word" && !RESERVED.has(text.toUpperCase()) && !/^\d+$/.test(text));
  }

  /** A name; after a point every word is one. */
  name(isAfterPoint = false): string {
    if (!this.isName() && !(isAfterPoint && this.peek().kind === "word")) throw this.unexpected("a name");
    return this.next().text;
  }

  /** The names of `a.b.c`. */
  path(): string[] {
    const names = [this.name()];
    while (this.isSymbol(".") && !this.isSymbol("*", 1)) {
      this.expectSymbol(".");
      names.push(this.name(true));
    }
    return names;
  }

  unexpected(wanted: string): Error {
    const { kind, text, at } = this.peek();
    const word = kind === "word" ? NOT_READ[text.toUpperCase()] : undefined;
    if (word) return forbid(`The statement uses ${word}, which is not allowed here.`);
    const found = kind === "end" ? "the end of the statement" : quote(text);
    return reject(`${wanted} was expected at character ${at + 1}, not ${found}.`);
  }
}
