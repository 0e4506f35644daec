import { describe, expect, it } from "vitest";
import schema from "../../shared/policy/policy.schema.json" with { type: "json" };
import { LOADER_SCRIPT, SUGGEST_SCRIPT } from "../../workers/gateway/console/policy/editor/script.ts";

type Suggest = (
  text: string,
  cursor: number,
  schema: unknown,
  names: unknown,
) => { typed: string; options: { value: string; about: string; insert: string }[] };

// As a browser runs it.
const suggest = new Function(`${SUGGEST_SCRIPT}; return suggest;`)() as Suggest;

const NAMES = {
  keys: { roles: ["viewer", "sales"], tool_limits: ["crm_search"] },
  values: {
    allowed_tools: ["crm_find_contacts", "crm_get_deal", "search"],
    console: ["people", "policy"],
    role: ["viewer", "sales"],
  },
};

/** What is offered where `|` stands in the text. */
function at(text: string) {
  const cursor = text.indexOf("|");
  const { typed, options } = suggest(text.replace("|", ""), cursor, schema, NAMES);
  return { typed, values: options.map(({ value }) => value), options };
}

describe("the policy's editor offers", () => {
  it.each([
    ["the sections, at the beginning", "ro|", ["roles"]],
    ["the sections below others", "default_role: viewer\nret|", ["retention"]],
    ["the roles as keys of their map", "roles:\n  sa|", ["sales"]],
    ["the fields of a role", "roles:\n  viewer:\n    allowed_t|", ["allowed_tools"]],
    [
      "them behind other fields and comments",
      "roles:\n  viewer:\n    # x\n    description: y\n\n    denied_pro|",
      ["denied_prompts"],
    ],
    [
      "tools in a list in brackets",
      "roles:\n  viewer:\n    allowed_tools: [search, crm_f|",
      ["crm_find_contacts"],
    ],
    ["tools in quotes", 'roles:\n  viewer:\n    allowed_tools: ["crm_g|', ["crm_get_deal"]],
    ["tools in a list of lines", "roles:\n  viewer:\n    allowed_tools:\n      - crm_g|", ["crm_get_deal"]],
    [
      "tools where the dash stands below the key",
      "roles:\n  viewer:\n    allowed_tools:\n    - sea|",
      ["search"],
    ],
    ["rights of the console", "roles:\n  viewer:\n    console: [pe|", ["people"]],
    ["values of a choice", "publish: two|", ["two_people"]],
    ["fields of a map in braces", "alerts: { denials_i|", ["denials_in_row"]],
    ["fields behind others in braces", "alerts: { denials: 3, new_c|", ["new_countries"]],
    ["fields of a list's items", "roles:\n  viewer:\n    require_approval:\n      - na|", ["name"]],
    [
      "fields of an item's later lines",
      "roles:\n  viewer:\n    require_approval:\n      - name: x\n        mess|",
      ["message"],
    ],
    [
      "what is nested in lists and maps",
      "sign_in:\n  workloads:\n    forge:\n      rules:\n        - { acc|",
      ["account"],
    ],
    ["a value in a nested map", "sign_in:\n  provisioning:\n    roles: [{ role: vi|", ["viewer"]],
  ])("%s", (_what, text, expected) => {
    expect(at(text).values).toEqual(expected);
  });

  it("a key with its colon and its description, and a value as it is", () => {
    const [option] = at("ret|").options;
    expect(option?.insert).toBe("retention: ");
    expect(option?.about).not.toBe("");
    expect(at("publish: tw|").options[0]?.insert).toBe("two_people");
  });

  it.each([
    ["in a comment", "roles: # allow|"],
    ["behind a closed list", "roles:\n  viewer:\n    allowed_tools: [search]|"],
    ["for what is complete", "publish: two_people|"],
    ["below a key that the schema does not have", "nothing:\n  a|"],
    ["for a number", "alerts:\n  denials: 1|"],
  ])("nothing %s", (_where, text) => {
    expect(at(text).values).toEqual([]);
  });

  it("everything of a place where nothing is typed, and fails on no text", () => {
    expect(at("roles:\n  viewer:\n    |").values).toEqual(expect.arrayContaining(["scopes", "console"]));
    for (const text of ["|", ":|", "- - -|", "{[}]|", "a: {b: [c, {d|", "\t\t|", '"|', "key: |-\n  x|"]) {
      expect(() => at(text)).not.toThrow();
    }
  });
});

describe("what the policy's editor completes with", () => {
  const once = new Function(`${LOADER_SCRIPT}; return once;`)() as <Value>(
    load: () => Promise<Value>,
  ) => () => Promise<Value>;

  it("is loaded once, and again after a load that failed, whichever it was", async () => {
    const answers = [new Error("away"), new Error("still away"), "schema"];
    let asked = 0;
    const load = once(async () => {
      const answer = answers[asked++];
      if (answer instanceof Error) throw answer;
      return answer;
    });
    await expect(load()).rejects.toThrow("away");
    await expect(load()).rejects.toThrow("still away");
    expect(await Promise.all([load(), load()])).toEqual(["schema", "schema"]);
    expect(await load()).toBe("schema");
    expect(asked).toBe(3);
  });
});
