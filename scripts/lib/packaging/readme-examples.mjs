/** The examples of README.md as programs, found by what they call; a README without them is an error. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../paths.mjs';

function blocks(text, language) {
  return [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)]
    .filter((match) => match[1] === language)
    .map((match) => match[2]);
}

function one(found, what) {
  if (found.length !== 1) throw new Error(`README.md has ${found.length} blocks with ${what} instead of one`);
  return found[0];
}

export function readmeExamples(text = readFileSync(join(ROOT, 'README.md'), 'utf8')) {
  const server = one(
    blocks(text, 'ts').filter((block) => /^await server\.run\(\)/m.test(block)),
    'server.run()',
  );
  const inMemory = one(
    blocks(text, 'ts').filter((block) => block.includes('connectInMemory')),
    'connectInMemory',
  );
  const gateway = one(
    blocks(text, 'console').filter((block) => /^\$ npx ferromcp gateway/m.test(block)),
    'npx ferromcp gateway',
  );
  const client = one(
    blocks(text, 'json').filter((block) => block.includes('mcpServers')),
    'mcpServers',
  );
  return {
    /** A program that serves on stdio, or on HTTP with `--port`. */
    server,
    /** The same server asked in memory; prints the result. */
    inMemory: inMemoryProgram(server, inMemory),
    /** Arguments of `npx` for a gateway on a configuration file. */
    gateway: (config) => /^\$ npx (.*?)\s*(#.*)?$/m.exec(gateway)[1].replace('<file>', config).split(/\s+/),
    /** The `mcpServers` entry by which a client starts the gateway itself. */
    clientEntry: (config) => {
      const [entry] = Object.values(JSON.parse(client).mcpServers);
      return { ...entry, args: entry.args.map((word) => (word === '/path/to/mcp.json' ? config : word)) };
    },
  };
}

function inMemoryProgram(server, inMemory) {
  const definition = server.replace(/^await server\.run\(\).*$/m, '');
  const asking = inMemory.replace(
    /^await (client\.callTool\(.*\));$/m,
    'console.log(JSON.stringify(await $1));',
  );
  if (asking === inMemory) throw new Error('the example in memory calls no tool');
  return `${definition}\n${asking}\nawait client.close();\nawait server.close();\n`;
}
