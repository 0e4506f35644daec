import { describe, expect, it } from "vitest";
import { z } from "zod";
import { ToolError } from "../../shared/call/tool-error.ts";
import { bundledPolicy } from "../../shared/policy/bundled.ts";
import { masksOf } from "../../shared/policy/masks.ts";
import { maskError } from "../../shared/redact/mask-error.ts";

const conflict = new ToolError("conflict", "Contact con_1 was changed by sam@house.example.", {
  suggestedAction: "Ask sam@house.example.",
  retryAfter: 3,
  current: {
    schema: z.object({ first_name: z.string().meta({ classification: "pii" }), title: z.string() }),
    values: { first_name: "Jorinde", title: "Head of Sales" },
  },
});

describe("an error that quotes current values", () => {
  it("quotes them in full to roles that may see them", () => {
    expect(maskError(conflict, masksOf(bundledPolicy(), "sales")).message).toBe(
      'Contact con_1 was changed by sam@house.example. Current values: {"first_name":"Jorinde","title":"Head of Sales"}.',
    );
  });

  it("masks them, its own text and its advice for other roles", () => {
    expect(maskError(conflict, masksOf(bundledPolicy(), "viewer")).toBody()).toEqual({
      error: {
        code: "conflict",
        message:
          'Contact con_1 was changed by s•••@house.example. Current values: {"first_name":"J•••","title":"Head of Sales"}.',
        retry_after: 3,
        suggested_action: "Ask s•••@house.example.",
      },
    });
  });

  it("quotes nothing without a masked form", () => {
    expect(JSON.stringify(conflict.toBody())).not.toContain("Jorinde");
  });
});
