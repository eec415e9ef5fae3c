#!/usr/bin/env node
/** `npm run bench -- http [options]`: see `bench/http/bench.mjs`. */
const [suite, ...argv] = process.argv.slice(2);

if (suite === 'http') {
  const { benchHttp } = await import('./http/bench.mjs');
  await benchHttp(argv);
} else {
  console.error(
    'usage: npm run bench -- http [--rounds=3] [--seconds=5] [--connections=32] [--only=name] [--json=file]',
  );
  process.exitCode = 2;
}
