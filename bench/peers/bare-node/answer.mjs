// The least an answer takes: compiled validation of arguments, JSON out, no protocol checks.
import { Ajv } from 'ajv';
import { readRecord, TOOLS, text } from '../tools.mjs';

const ajv = new Ajv();
const tools = new Map(TOOLS.map(({ name, schema, run }) => [name, { run, validate: ajv.compile(schema) }]));
const list = {
  tools: TOOLS.map(({ name, description, schema }) => ({ name, description, inputSchema: schema })),
};

function call({ name, arguments: args }) {
  const tool = tools.get(name);
  if (tool === undefined || !tool.validate(args)) throw new Error(`bad call of ${name}`);
  return text(tool.run(args));
}

function result({ method, params }) {
  switch (method) {
    case 'initialize':
      return {
        protocolVersion: params.protocolVersion,
        capabilities: { tools: {}, resources: {} },
        serverInfo: { name: 'bare', version: '1' },
      };
    case 'ping':
      return {};
    case 'tools/list':
      return list;
    case 'tools/call':
      return call(params);
    case 'resources/read':
      return { contents: [{ uri: params.uri, mimeType: 'text/plain', text: readRecord() }] };
    default:
      throw new Error(`unknown method ${method}`);
  }
}

/** The reply to a message as text; undefined for a notification. */
export function answer(message) {
  if (message.id === undefined) return undefined;
  return JSON.stringify({ jsonrpc: '2.0', id: message.id, result: result(message) });
}
