// Starts the target on stdio, hands its process id to the test, keeps the pipes to it open and waits to be killed.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('./server-program.mjs', import.meta.url));
const child = spawn(process.execPath, [program, JSON.stringify({ mode: 'stdio' })], {
  stdio: ['pipe', 'pipe', 'pipe'],
});
child.stdout.once('data', () => process.stdout.write(`${child.pid}\n`));
child.stdin.write(`${process.argv[2]}\n`);
