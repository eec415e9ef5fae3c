/** Builds and runs the fuzz targets, and keeps what they find. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { ROOT } from './paths.mjs';
import { run } from './process.mjs';

const FUZZ = join(ROOT, 'fuzz');
const WORK = join(ROOT, 'target', 'fuzz');
/** What is kept of a target: enough for the replay to walk its code, little enough for a repository. */
const KEPT_BYTES = 120 * 1024;
/** libFuzzer: seconds one input may take, memory it may take, its size. */
const LIMITS = ['-timeout=10', '-rss_limit_mb=2048', '-max_len=4096'];
const KEPT_LENGTH = '-max_len=1024';

const COVERAGE = [
  '-Cpasses=sancov-module',
  '-Cllvm-args=-sanitizer-coverage-level=4',
  '-Cllvm-args=-sanitizer-coverage-inline-8bit-counters',
  '-Cllvm-args=-sanitizer-coverage-pc-table',
  '-Cllvm-args=-sanitizer-coverage-trace-compares',
  '-Ccodegen-units=1',
];

const DICTIONARIES = {
  envelope: 'json',
  canonical: 'json',
  head: 'http',
  chunks: 'http',
  connection: 'http',
};

/** Names of the targets, from the table in Rust. */
export function targets() {
  const table = readFileSync(join(FUZZ, 'src', 'lib.rs'), 'utf8');
  return [...table.matchAll(/^ {4}\("(\w+)", \w+::run\),$/gm)].map((match) => match[1]);
}

async function rustc(args) {
  const { code, output } = await run('rustc', args, { capture: true, cwd: ROOT });
  if (code !== 0) throw new Error(`rustc ${args.join(' ')} failed:\n${output}`);
  return output.trim();
}

/** AddressSanitizer, where the compiler has its runtime. */
async function sanitizer(wanted, host) {
  if (wanted !== undefined) return wanted;
  const folder = await rustc(['--print', 'target-libdir', '--target', host]);
  const found = existsSync(folder) && readdirSync(folder).some((name) => /rt\.asan\.a$/.test(name));
  return found ? 'address' : 'none';
}

async function build(wanted) {
  const host = /^host: (.*)$/m.exec(await rustc(['-vV']))[1];
  const kind = await sanitizer(wanted, host);
  const flags = [...COVERAGE, ...(kind === 'none' ? [] : [`-Zsanitizer=${kind}`])];
  const folder = join(WORK, 'build');
  // A target triple keeps the flags away from build scripts. The stable compiler takes -Z with RUSTC_BOOTSTRAP.
  const { code } = await run(
    'cargo',
    ['build', '--release', '--features', 'libfuzzer', '--target', host, '--target-dir', folder],
    { cwd: FUZZ, env: { ...process.env, RUSTFLAGS: flags.join(' '), RUSTC_BOOTSTRAP: '1' } },
  );
  if (code !== 0) throw new Error(`the fuzz targets did not build (code ${code})`);
  return { program: join(folder, host, 'release', 'fuzz'), kind };
}

const folderOf = (kind, target) => {
  const folder = join(WORK, kind, target);
  mkdirSync(folder, { recursive: true });
  return folder;
};

/** The kept inputs of a target in one file: each a length (u32, little-endian) and its bytes. */
const pack = (target) => join(FUZZ, 'corpus', `${target}.pack`);

export function unpack(bytes) {
  const inputs = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 4 + bytes.readUInt32LE(at);
    inputs.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return inputs;
}

/** Small inputs first, as many as fit. */
export function packed(inputs, bound = KEPT_BYTES) {
  const parts = [];
  let size = 0;
  for (const input of inputs.toSorted(
    (one, other) => one.length - other.length || Buffer.compare(one, other),
  )) {
    size += 4 + input.length;
    if (size > bound) break;
    const length = Buffer.alloc(4);
    length.writeUInt32LE(input.length);
    parts.push(length, input);
  }
  return Buffer.concat(parts);
}

/** A folder with the kept inputs, for libFuzzer. */
function unpacked(target) {
  const folder = folderOf('kept', target);
  rmSync(folder, { recursive: true });
  mkdirSync(folder);
  const inputs = existsSync(pack(target)) ? unpack(readFileSync(pack(target))) : [];
  for (const [index, input] of inputs.entries()) writeFileSync(join(folder, String(index)), input);
  return folder;
}

function libFuzzer(program, target, args) {
  const env = { ...process.env, FERROMCP_FUZZ_TARGET: target, ASAN_OPTIONS: 'detect_leaks=0' };
  return run(program, args, { capture: true, cwd: WORK, env });
}

async function fuzz(program, target, seconds) {
  const artifacts = folderOf('artifacts', target);
  const before = new Set(readdirSync(artifacts));
  const dictionary = DICTIONARIES[target];
  const { code, output } = await libFuzzer(program, target, [
    ...LIMITS,
    `-max_total_time=${seconds}`,
    '-print_final_stats=1',
    `-artifact_prefix=${artifacts}/`,
    ...(dictionary === undefined ? [] : [`-dict=${join(FUZZ, 'dict', `${dictionary}.dict`)}`]),
    folderOf('corpus', target),
    unpacked(target),
  ]);
  const findings = readdirSync(artifacts).filter((name) => !before.has(name));
  const runs = /stat::number_of_executed_units:\s*(\d+)/.exec(output)?.[1] ?? '?';
  const coverage = [...output.matchAll(/ cov: (\d+) /g)].at(-1)?.[1] ?? '?';
  return { code, findings: findings.map((name) => join(artifacts, name)), runs, coverage, output };
}

/** Keeps the inputs that together reach everything, small ones first, within the bound. */
async function keep(program, target) {
  const merged = folderOf('merged', target);
  rmSync(merged, { recursive: true });
  mkdirSync(merged);
  const sources = [folderOf('corpus', target), unpacked(target)];
  const { code, output } = await libFuzzer(program, target, [
    '-set_cover_merge=1',
    KEPT_LENGTH,
    merged,
    ...sources,
  ]);
  if (code !== 0)
    throw new Error(`libFuzzer could not merge the corpus of ${target}:\n${output.slice(-2_000)}`);
  const inputs = readdirSync(merged).map((name) => readFileSync(join(merged, name)));
  const bytes = packed(inputs);
  mkdirSync(dirname(pack(target)), { recursive: true });
  writeFileSync(pack(target), bytes);
  return `kept ${unpack(bytes).length} of ${inputs.length} inputs, ${bytes.length} bytes`;
}

const USAGE = `usage: node scripts/fuzz.mjs [--minutes N] [--keep] [--sanitizer address|none] [target…]
targets: ${targets().join(', ')}
`;

function parse(argv) {
  const options = { minutes: 5, keep: false, sanitizer: undefined, names: [] };
  for (let at = 0; at < argv.length; at += 1) {
    const word = argv[at];
    if (word === '--keep') options.keep = true;
    else if (word === '--minutes') options.minutes = Number(argv[++at]);
    else if (word === '--sanitizer') options.sanitizer = argv[++at];
    else options.names.push(word);
  }
  const unknown = options.names.filter((name) => !targets().includes(name));
  const minutes = Number.isFinite(options.minutes) && options.minutes >= 0;
  const known = [undefined, 'address', 'none'].includes(options.sanitizer);
  return unknown.length > 0 || !minutes || !known ? undefined : options;
}

export async function fuzzFromCommandLine(argv) {
  const options = parse(argv);
  if (options === undefined) {
    process.stderr.write(USAGE);
    process.exit(2);
  }
  mkdirSync(WORK, { recursive: true });
  const { program, kind } = await build(options.sanitizer);
  let passed = 0;
  let failed = 0;
  for (const target of options.names.length === 0 ? targets() : options.names) {
    const started = performance.now();
    const { code, findings, runs, coverage, output } = await fuzz(
      program,
      target,
      Math.max(1, Math.round(options.minutes * 60)),
    );
    const seconds = Math.round((performance.now() - started) / 1_000);
    const about = `${target}: ${runs} runs in ${seconds} s, ${coverage} edges, sanitizer ${kind}`;
    if (code === 0 && findings.length === 0) {
      passed += 1;
      console.log(`ok: ${about}${options.keep ? `; ${await keep(program, target)}` : ''}`);
    } else {
      failed += 1;
      console.log(`FAILED: ${about}\n${output.slice(-6_000)}`);
      for (const file of findings) console.log(`input: ${relative(process.cwd(), file)}`);
    }
  }
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed > 0 ? 1 : 0;
}
