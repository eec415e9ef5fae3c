import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { build } from './build.mjs';

serveStdio(build);
