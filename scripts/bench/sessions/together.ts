/** Runs `work` this many times, a few at a time. The first failure rejects. */
export async function together(times: number, atOnce: number, work: () => Promise<void>): Promise<void> {
  let left = times;
  const keepWorking = async () => {
    while (left > 0) {
      left -= 1;
      await work();
    }
  };
  await Promise.all(Array.from({ length: atOnce }, keepWorking));
}
