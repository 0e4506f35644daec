import { describe, expect, it } from "vitest";
import { prepareMysqlQuery } from "../../workers/connections/mysql/prepare-query.ts";

/** 1,500 procedures of the shop, and the parameters of the one that the tests call. */
const NAMES = Array.from({ length: 1_500 }, (_, at) => `p${at}`);
const TAKES = [
  { name: "account", mode: "IN", type: "bigint" },
  { name: "note", mode: "IN", type: "varchar" },
];

/** What is said of a call at a server with these procedures in the database `shop`. */
async function mistakeOf(sql: string, isMaria = false): Promise<string | undefined> {
  const ask = async <Row>(asked: string, [database = "", name]: string[]) => {
    if (asked.includes("SCHEMATA")) return (database === "shop" ? [{ place: "shop" }] : []) as Row[];
    if (asked.includes("PARAMETERS")) return TAKES as Row[];
    const most = Number(/LIMIT (\d+)/.exec(asked)?.[1] ?? NAMES.length);
    const known = ["", "shop"].includes(database) ? NAMES : [];
    const found =
      name === undefined ? known.slice(0, most) : known.filter((one) => one === name.toLowerCase());
    return found.map((one) => ({ place: "shop", name: one })) as Row[];
  };
  const query = { title: "Call", description: "Calls.", sql, effect: "update", parameters: {} } as const;
  return (await prepareMysqlQuery({ ask, isMaria, prepare: async () => 0 }, query)).mistake;
}

describe("a call of a procedure of MySQL", () => {
  it("is found among more procedures than are looked through for a near miss, in any case", async () => {
    expect(await mistakeOf("CALL p1499(1, 'x')")).toBeUndefined();
    expect(await mistakeOf("CALL shop.P1499(1, 'x')")).toBeUndefined();
    expect(await mistakeOf("CALL p99x(1, 'x')")).toMatch(
      /^There is no procedure p99x .* Did you mean "p99\d?"\?$/,
    );
  });

  it("gets no verdict where its qualifier is no database", async () => {
    expect(await mistakeOf("CALL tools.p9999(1)")).toBeUndefined();
    expect(await mistakeOf("CALL shop.p9999(1)")).toMatch(/^There is no procedure p9999 /);
  });

  it("is refused with too few arguments by MySQL, and not by MariaDB, whose parameters may have defaults", async () => {
    const few = "The procedure p1 takes 2 arguments, and the call gives 1.";
    expect(await mistakeOf("CALL p1(1)")).toBe(few);
    expect(await mistakeOf("CALL p1(1)", true)).toBeUndefined();
    const many = "The procedure p1 takes 2 arguments, and the call gives 3.";
    for (const isMaria of [false, true]) expect(await mistakeOf("CALL p1(1, 'x', 2)", isMaria)).toBe(many);
  });

  it("is read after a comment with quotes", async () => {
    expect(await mistakeOf("/* it's 'one' */ CALL p1(1)")).toMatch(/takes 2 arguments/);
  });
});
