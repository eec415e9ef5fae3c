/** Loaded into a server under test (`--import`, `--expose-gc`): answers `heap` with what is in use after collection. */
process.on('message', (asked) => {
  if (asked !== 'heap') return;
  const { gc } = /** @type {{ gc?: () => void }} */ (globalThis);
  gc?.();
  gc?.();
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  process.send?.({ heapUsed, external, arrayBuffers });
});
// The channel alone does not keep a server alive.
process.channel?.unref();
