import { expect, it } from "vitest";
import { CallQueue } from "../../workers/objects/connections/call-queue.ts";

it("A call that is over gives its answer at once, and its place when what it leaves behind has ended", async () => {
  const queue = new CallQueue(5);
  const [left, failed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let isNext = false;
  const first = queue.execute(async (keepPlace) => {
    keepPlace(left.promise);
    keepPlace(failed.promise);
    return "rows";
  });
  const next = queue.execute(async () => {
    isNext = true;
    return "next";
  });
  expect(await first).toBe("rows");
  expect([queue.running, queue.waiting, isNext]).toEqual([1, 1, false]);
  left.resolve();
  failed.reject(new Error("The statement did not end."));
  expect(await next).toBe("next");
  expect([queue.running, queue.waiting]).toEqual([0, 0]);
});

it("A call that fails gives its failure at once, and keeps its place, too", async () => {
  const queue = new CallQueue(5);
  const left = Promise.withResolvers<void>();
  const first = queue.execute(async (keepPlace) => {
    keepPlace(left.promise);
    throw new Error("too large");
  });
  await expect(first).rejects.toThrow("too large");
  expect(queue.running).toBe(1);
  const next = queue.execute(async () => "next");
  left.resolve();
  expect(await next).toBe("next");
});
