import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readDomain } from "../../workers/crm/identity/read-domain.ts";
import { readEmail } from "../../workers/crm/identity/read-email.ts";
import { isPhone, listPhoneEnds, listPhoneParts, readPhone } from "../../workers/crm/identity/read-phone.ts";

describe("an e-mail address", () => {
  it.each([
    ["Ann@Corp.example ", "ann@corp.example"],
    ["mailto:b@corp.example", "b@corp.example"],
    ["MAILTO:b@corp.example?subject=Hi", "b@corp.example"],
    ["Dee <d@x.example>", "d@x.example"],
    ["<d@x.example>", "d@x.example"],
    ["g@x.example.", "g@x.example"],
    ["\u200bi@x.example\ufeff", "i@x.example"],
    ["ａ＠x.example", "a@x.example"],
    ["e@münchen.example", "e@münchen.example"],
    ["e@xn--mnchen-3ya.example", "e@münchen.example"],
    ["e@MU\u0308NCHEN.example", "e@münchen.example"],
    ["first.last+tag@x.example", "first.last+tag@x.example"],
  ])("in %j is %s", (text, email) => {
    expect(readEmail(text)).toEqual({ value: email });
  });

  it.each([
    "f..g@x.example",
    ".f@x.example",
    "h@x",
    "n/a",
    "-",
    "",
    "a@b@c.example",
    "b@x.example; c@x.example",
    "b@x.example, c@x.example",
    "a b@x.example",
    "a@127.0.0.1",
    "a@x..example",
    "a@-x.example",
  ])("is not read from %j, and the reason is given", (text) => {
    expect(readEmail(text)).toEqual({ problem: expect.stringMatching(/e-mail address/) });
  });

  it("that was normalised is normalised to itself", () => {
    fc.assert(
      fc.property(fc.emailAddress(), (text) => {
        const read = readEmail(text);
        if ("value" in read) expect(readEmail(read.value)).toEqual(read);
      }),
    );
  });
});

describe("a web domain", () => {
  it.each([
    ["https://www.alfa1.example/en?x=1", "alfa1.example"],
    ["HTTP://Beta1.example:8080/", "beta1.example"],
    ["https://www.acme.example:443/", "acme.example"],
    ["gamma1.example.", "gamma1.example"],
    ["gamma1.example:8080", "gamma1.example"],
    ["info@delta1.example", "delta1.example"],
    ["mailto:info@delta1.example", "delta1.example"],
    ["www2.eps1.example", "www2.eps1.example"],
    ["https://user:pw@zeta1.example/", "zeta1.example"],
    ["//eta.example/x", "eta.example"],
    ["münchen1.example", "münchen1.example"],
    ["xn--mnchen1-n2a.example", "münchen1.example"],
    ["www.example", "www.example"],
    ["ａｃｍｅ．ｅｘａｍｐｌｅ", "acme.example"],
    ["acme。example", "acme.example"],
  ])("in %j is %s", (text, domain) => {
    expect(readDomain(text)).toEqual({ value: domain });
  });

  it.each([
    "http:\\\\eta1.example",
    "http:\\x",
    "acme",
    "",
    "javascript:alert(1)",
    "ftp://acme.example",
    "10.0.0.1",
    "http://0x7f000001/",
    "acme..example",
    "-acme.example",
    "a b.example",
    "n/a",
    "http://[::1]/",
  ])("is not read from %j", (text) => {
    expect(readDomain(text)).toEqual({ problem: "Expected a web domain such as acme.example." });
  });
});

describe("a telephone number", () => {
  it.each([
    ["+49 221 555019", null],
    ["+49 (0)221 555019", null],
    ["0049 221 555019", null],
    ["0221 555019", "Germany"],
    ["0221/555019", "germany"],
    ["(0221) 555-019", "DE"],
    ["0221 555019 x12", "Germany"],
    ["+49 221 555019 ext. 12", null],
    ["+４９ ２２１ ５５５０１９", null],
    ["tel:+49221555019", null],
  ])("%s in %s is one number with its other spellings", (text, country) => {
    expect(readPhone(text, country)).toEqual({
      e164: "+49221555019",
      key: "221555019",
      digits: "49221555019",
    });
  });

  it("has one key with its country and without, also where numbers are short", () => {
    expect(readPhone("+47 22 12 34 56", null).key).toBe("22123456");
    expect(readPhone("22 12 34 56", null).key).toBe("22123456");
    expect(readPhone("22 12 34 56", "Norway").e164).toBe("+4722123456");
  });

  it.each(["-----", "( ) . /", "1234", "call me", "+", "x12", "12345x", "٠"])("is not %j", (text) => {
    expect(isPhone(text)).toBe(false);
  });

  it("is found by any part of seven digits or more", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[1-9][0-9]{7,14}$/), fc.nat(), fc.nat(), (digits, from, length) => {
        const start = from % (digits.length - 6);
        const part = digits.slice(start, start + 7 + (length % (digits.length - start - 6)));
        expect(` ${listPhoneEnds(digits)}`).toContain(` ${part}`);
      }),
    );
    expect(listPhoneParts("555 0190")).toEqual(["5550190"]);
    expect(listPhoneParts("0221 5550-190")).toEqual(["2215550190"]);
    expect(listPhoneParts("+49 221 555019 ext. 3")).toEqual(["49221555019", "221555019"]);
    for (const text of ["555019", "-----", "Acme 5550190", "2026-11"])
      expect(listPhoneParts(text), text).toEqual([]);
  });
});
