/**
 * The server that the official MCP conformance suite tests; names and texts are the suite's. It serves every protocol
 * revision on one address:
 *
 *   ferromcp serve examples/conformance/server.ts --port 3000
 */
import { createServer, type Server } from 'ferromcp';
import { addContentTools } from './content-tools.ts';
import { addInputTools } from './input-tools.ts';
import { addPrompts, addResources } from './resources-and-prompts.ts';

const server = createServer({
  name: 'ferromcp-conformance',
  version: '1.0.0',
  instructions: 'A server for conformance tests: every feature of MCP, nothing useful.',
  cacheHints: { ttlMs: 60_000, cacheScope: 'public' },
});

addContentTools(server);
addInputTools(server);
addResources(server);
addPrompts(server);
addChanges(server);

/** Tools that change what is listed, so that clients are told. */
function addChanges(to: Server): void {
  to.tool('test_trigger_tool_change', { description: 'Adds a tool to the list, or removes it again' }, () => {
    if (!to.removeTool('test_extra_tool'))
      to.tool('test_extra_tool', { description: 'Comes and goes' }, () => 'here');
    return 'The list of tools has changed';
  }).tool(
    'test_trigger_prompt_change',
    { description: 'Adds a prompt to the list, or removes it again' },
    () => {
      if (!to.removePrompt('test_extra_prompt'))
        to.prompt('test_extra_prompt', { description: 'Comes and goes' }, () => 'here');
      return 'The list of prompts has changed';
    },
  );
}

export default server;
