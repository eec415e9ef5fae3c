#!/usr/bin/env node
/**
 * Builds the addon for every platform a package is published for, with zig from PyPI as compiler and linker, into
 * `target/prebuilt/`. `--run` also runs each one in a Node of its platform, where the machine can (see
 * docs/native/platforms.md). Arguments name platforms; without any, all are built.
 */
import './lib/check-node.mjs';

import('./lib/packaging/prebuild-command.mjs').then((lib) =>
  lib.prebuildFromCommandLine(process.argv.slice(2)),
);
