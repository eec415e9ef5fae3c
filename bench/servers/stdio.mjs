import { define } from './define.mjs';

await define().serveStdio();
