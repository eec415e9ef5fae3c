import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { build } from './build.mjs';

await build().connect(new StdioServerTransport());
