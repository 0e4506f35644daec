import { Growth } from "../growth.ts";
import type { Query } from "../query.ts";
import { quote, reject } from "../refuse.ts";
import type { StatementRules } from "../statement.ts";
import { RESERVED } from "./functions.ts";
import { lex, type Token } from "./lex.ts";

/** Most levels of parentheses and subqueries. */
const DEEPEST = 60;

/** Walks through the tokens of one statement. Every token is read by a rule; one without a rule is refused. */
export class Cursor {
  readonly rules: StatementRules;
  readonly growth = new Growth();
  /** Numbers of the parameters `{p1:…}` that the statement has. */
  readonly parameters = new Set<number>();
  readonly #tokens: readonly Token[];
  readonly #end: Token;
  #at = 0;
  #depth = 0;

  readonly #readQuery: (cursor: Cursor) => Query;

  /** `readQuery` reads subqueries: expressions and queries hold each other. */
  constructor(sql: string, rules: StatementRules, readQuery: (cursor: Cursor) => Query) {
    this.rules = rules;
    this.#readQuery = readQuery;
    this.#tokens = lex(sql);
    this.#end = this.#tokens.at(-1) ?? { kind: "end", text: "", at: 0 };
  }

  query(): Query {
    return this.#readQuery(this);
  }

  get position(): number {
    return this.#at;
  }

  peek(offset = 0): Token {
    return this.#tokens[this.#at + offset] ?? this.#end;
  }

  next(): Token {
    const token = this.peek();
    this.#at += 1;
    if (token.kind === "parameter") this.parameters.add(Number(token.text));
    return token;
  }

  /** The keyword that comes next, upper case, or an empty text. */
  keyword(offset = 0): string {
    const token = this.peek(offset);
    return token.kind === "word" ? token.text.toUpperCase() : "";
  }

  isSymbol(text: string, offset = 0): boolean {
    const token = this.peek(offset);
    return token.kind === "symbol" && token.text === text;
  }

  /** Whether a query in parentheses comes next. */
  isQuery(): boolean {
    return this.isSymbol("(") && ["SELECT", "WITH"].includes(this.keyword(1));
  }

  takeWord(...words: readonly string[]): boolean {
    const isNext = words.every((word, offset) => this.keyword(offset) === word);
    if (isNext) this.#at += words.length;
    return isNext;
  }

  /** Reads one of these keywords if it comes next. */
  takeOne(...words: readonly string[]): boolean {
    return words.some((word) => this.takeWord(word));
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

  /** Reads between brackets, one level deeper. */
  within<T>(read: () => T, open = "(", close = ")"): T {
    this.expectSymbol(open);
    const value = this.enter(read);
    this.expectSymbol(close);
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

  isName(): boolean {
    const { kind, text } = this.peek();
    return kind === "name" || (kind === "word" && !RESERVED.has(text.toUpperCase()));
  }

  name(): string {
    if (!this.isName()) throw this.unexpected("a name");
    return this.next().text;
  }

  /** The names of `a.b.c`. */
  path(): string[] {
    const names = [this.name()];
    while (this.isSymbol(".") && !this.isSymbol("*", 1)) {
      this.expectSymbol(".");
      names.push(this.name());
    }
    return names;
  }

  unexpected(wanted: string): Error {
    const { kind, text, at } = this.peek();
    const found = kind === "end" ? "the end of the statement" : quote(text);
    return reject(`${wanted} was expected at character ${at + 1}, not ${found}.`);
  }
}
