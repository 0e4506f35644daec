import { Growth } from "./growth.ts";
import type { Query, Reference } from "./query.ts";
import { forbid, quote, reject } from "./refuse.ts";
import type { StatementRules } from "./statement.ts";

/**
 * One token. `text` of a word is as written, or as the server compares it; of a name or a text in quotes it is what
 * the quotes hold; of a parameter its name.
 */
export interface Token {
  kind: "word" | "name" | "text" | "number" | "symbol" | "parameter" | "end";
  text: string;
  /** Where it starts, counted in UTF-16 units from 0. */
  at: number;
}

/** What a hand-written reader of one dialect brings. */
export interface Language {
  /** Splits a statement; the last token is of the kind `end`. Throws at what servers read in two ways. */
  lex(sql: string): Token[];
  /** Words that a name without quotes may not be, upper case. */
  reserved: ReadonlySet<string>;
  /** Words that a query begins with, upper case. */
  queryWords: readonly string[];
  /** Most levels of parentheses and subqueries. */
  deepest: number;
  /** Whether every word is a name behind a point. */
  takesWordAfterPoint: boolean;
  /** Keywords of clauses that are never allowed, with what a refusal calls them. */
  notRead: Readonly<Record<string, string>>;
  /** The readers that call each other through the cursor, since each one needs the others. */
  readExpression(cursor: Cursor): Reference[];
  readQuery(cursor: Cursor): Query;
}

/** Walks through the tokens of one statement. Every token is read by a rule; one without a rule is refused. */
export class Cursor {
  readonly rules: StatementRules;
  readonly language: Language;
  readonly growth = new Growth();
  /** The parameters that were read, by their names, in sequence. */
  readonly parameters: string[] = [];
  readonly #tokens: readonly Token[];
  readonly #end: Token;
  #at = 0;
  #depth = 0;

  constructor(sql: string, rules: StatementRules, language: Language) {
    this.rules = rules;
    this.language = language;
    this.#tokens = language.lex(sql);
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
    if (token.kind === "parameter") this.parameters.push(token.text);
    return token;
  }

  /** Whether the next tokens are these keywords. */
  isWord(...words: readonly string[]): boolean {
    return words.every((word, offset) => this.keyword(offset) === word);
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
  isQuery(offset = 0): boolean {
    return this.isSymbol("(", offset) && this.language.queryWords.includes(this.keyword(offset + 1));
  }

  /** Reads these keywords if they come next. */
  takeWord(...words: readonly string[]): boolean {
    const isNext = this.isWord(...words);
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

  /** Reads one of these keywords. */
  expectOne(...words: readonly string[]): void {
    if (this.takeOne(...words)) return;
    throw this.unexpected([words.slice(0, -1).join(", "), words.at(-1)].join(" or "));
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
    if (this.#depth >= this.language.deepest) throw reject("The statement is nested too deeply.");
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

  expression(): Reference[] {
    return this.language.readExpression(this);
  }

  /** Expressions with commas between them. */
  expressions(): Reference[] {
    return this.list(() => this.expression()).flat();
  }

  query(): Query {
    return this.language.readQuery(this);
  }

  /** Whether a name comes next that is not a keyword. */
  isName(): boolean {
    const { kind, text } = this.peek();
    if (kind === "name") return true;
    return kind === "word" && !this.language.reserved.has(text.toUpperCase()) && !/^\d+$/.test(text);
  }

  name(isAfterPoint = false): string {
    const isWordName = isAfterPoint && this.language.takesWordAfterPoint && this.peek().kind === "word";
    if (!this.isName() && !isWordName) throw this.unexpected("a name");
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
    const clause = kind === "word" ? this.language.notRead[text.toUpperCase()] : undefined;
    if (clause) return forbid(`The statement uses ${clause}, which is not allowed here.`);
    const found = kind === "end" ? "the end of the statement" : quote(text);
    return reject(`${wanted} was expected at character ${at + 1}, not ${found}.`);
  }
}
