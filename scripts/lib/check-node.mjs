/**
 * Stops with a clear message on a Node.js that is too old. Imported first by every script, and written in syntax that
 * old versions can read; whatever needs more is imported dynamically afterwards.
 */
if (Number(process.versions.node.split('.')[0]) < 20) {
  console.error(
    'ferromcp: Node.js 20 or newer is needed, this is ' +
      process.version +
      ' at ' +
      process.execPath +
      '. Install a newer one from your package manager or nodejs.org.',
  );
  process.exit(1);
}
