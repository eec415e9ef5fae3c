import { PORT } from '../peers/tools.mjs';
import { announce } from './announce.mjs';
import { define } from './define.mjs';

const front = process.env.FERROMCP_FRONT;
announce(await define().listen({ port: PORT, ...(front === undefined ? {} : { front }) }));
