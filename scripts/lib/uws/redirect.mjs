/** Puts the adapter in the place of the front on node:http, in this process and in those it starts (NODE_OPTIONS). */
import { register } from 'node:module';

const adapter = new URL('./adapter.mjs', import.meta.url).href;

const hooks = `
export async function resolve(specifier, context, next) {
  if (specifier.endsWith('/transports/http/node-front.js')) return { url: ${JSON.stringify(adapter)}, shortCircuit: true };
  return next(specifier, context);
}`;

register(`data:text/javascript,${encodeURIComponent(hooks)}`);
