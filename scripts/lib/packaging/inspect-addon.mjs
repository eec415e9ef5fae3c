/**
 * Reads a built addon without running it: machine, libraries it asks for, oldest C library it runs on, and on macOS
 * whether its signature fits its bytes (Apple silicon ends a process whose code is not signed at all).
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

const ENTRY = 'napi_register_module_v1';
const MACHINES = { 62: 'x64', 183: 'arm64', 16777228: 'arm64', 16777223: 'x64' };

/**
 * @typedef {object} Addon
 * @property {'elf' | 'macho'} format
 * @property {string} cpu
 * @property {string[]} libraries
 * @property {string} [glibc] newest version of glibc symbols it uses
 * @property {boolean} [signed]
 * @property {boolean} entry it registers itself with Node-API
 */

/** @returns {Addon} */
export function inspectAddon(file) {
  const bytes = readFileSync(file);
  const entry = bytes.includes(ENTRY);
  const magic = bytes.readUInt32LE(0);
  if (magic === 0x464c457f && bytes[4] === 2) return { ...readElf(bytes), entry };
  if (magic === 0xfeedfacf) return { ...readMachO(bytes), entry };
  throw new Error(`${file} is neither ELF nor Mach-O of 64 bits`);
}

/** What is wrong with it for the platform it is meant for; empty when nothing is. */
export function problemsOf(addon, platform, glibc) {
  const problems = [];
  if (addon.format !== (platform.os === 'darwin' ? 'macho' : 'elf')) problems.push(`format ${addon.format}`);
  if (addon.cpu !== platform.cpu) problems.push(`made for ${addon.cpu}`);
  if (!addon.entry) problems.push(`no ${ENTRY}`);
  const strange = addon.libraries.filter((library) => !LIBRARIES[platform.libc ?? platform.os].test(library));
  if (strange.length > 0) problems.push(`needs ${strange.join(', ')}`);
  if (platform.libc === 'glibc' && addon.glibc !== undefined && newer(addon.glibc, glibc)) {
    problems.push(`needs glibc ${addon.glibc}`);
  }
  if (platform.libc === 'musl' && addon.glibc !== undefined) problems.push('uses symbols of glibc');
  if (platform.os === 'darwin' && addon.signed !== true) problems.push('its signature does not fit');
  return problems;
}

const LIBRARIES = {
  glibc: /^(lib(c|m|dl|rt|pthread)\.so\.\d|libgcc_s\.so\.1|ld-linux[\w-]*\.so\.\d)$/,
  musl: /^libc\.(so|musl-\w+\.so\.1)$/,
  darwin: /^\/(usr\/lib|System\/Library)\//,
};

function newer(version, than) {
  const [a, b] = [version, than].map((text) => text.split('.').map(Number));
  return a[0] > b[0] || (a[0] === b[0] && a[1] > b[1]);
}

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const DT_NEEDED = 1n;
const DT_STRTAB = 5n;

function readElf(bytes) {
  const at = (offset) => Number(bytes.readBigUInt64LE(offset));
  const headers = [];
  for (let index = 0; index < bytes.readUInt16LE(56); index += 1) {
    const header = at(32) + index * bytes.readUInt16LE(54);
    headers.push({
      type: bytes.readUInt32LE(header),
      offset: at(header + 8),
      address: at(header + 16),
      size: at(header + 32),
    });
  }
  const offsetOf = (address) => {
    const load = headers.find(
      (one) => one.type === PT_LOAD && address >= one.address && address < one.address + one.size,
    );
    return load === undefined ? 0 : load.offset + address - load.address;
  };
  const dynamic = headers.find((one) => one.type === PT_DYNAMIC);
  const entries = [];
  for (let offset = dynamic?.offset ?? 0, end = offset + (dynamic?.size ?? 0); offset < end; offset += 16) {
    entries.push({ tag: bytes.readBigUInt64LE(offset), value: at(offset + 8) });
  }
  const strings = offsetOf(entries.find((one) => one.tag === DT_STRTAB)?.value ?? 0);
  const libraries = entries
    .filter((one) => one.tag === DT_NEEDED)
    .map((one) => text(bytes, strings + one.value));
  const versions = [...bytes.toString('latin1').matchAll(/GLIBC_(\d+\.\d+)/g)].map((match) => match[1]);
  const glibc = versions.reduce(
    (newest, one) => (newest === undefined || newer(one, newest) ? one : newest),
    undefined,
  );
  return {
    format: 'elf',
    cpu: MACHINES[bytes.readUInt16LE(18)] ?? 'another machine',
    libraries,
    ...(glibc !== undefined && { glibc }),
  };
}

const LC_LOAD_DYLIB = 0xc;
const LC_CODE_SIGNATURE = 0x1d;

function readMachO(bytes) {
  const libraries = [];
  let signed = false;
  let offset = 32;
  for (let index = 0; index < bytes.readUInt32LE(16); index += 1) {
    const command = bytes.readUInt32LE(offset);
    if (command === LC_LOAD_DYLIB) libraries.push(text(bytes, offset + bytes.readUInt32LE(offset + 8)));
    if (command === LC_CODE_SIGNATURE) signed = signatureFits(bytes, bytes.readUInt32LE(offset + 8));
    offset += bytes.readUInt32LE(offset + 4);
  }
  return {
    format: 'macho',
    cpu: MACHINES[bytes.readUInt32LE(4)] ?? 'another machine',
    libraries,
    signed,
  };
}

const CODE_DIRECTORY = 0xfade0c02;
const SHA256 = 2;

/** True when every page has the hash the code directory says. */
function signatureFits(bytes, start) {
  for (let index = 0; index < bytes.readUInt32BE(start + 8); index += 1) {
    const directory = start + bytes.readUInt32BE(start + 12 + index * 8 + 4);
    if (bytes.readUInt32BE(directory) !== CODE_DIRECTORY) continue;
    const hashes = directory + bytes.readUInt32BE(directory + 16);
    const count = bytes.readUInt32BE(directory + 28);
    const limit = bytes.readUInt32BE(directory + 32);
    const page = 2 ** bytes[directory + 39];
    if (bytes[directory + 37] !== SHA256 || count !== Math.ceil(limit / page)) return false;
    for (let slot = 0; slot < count; slot += 1) {
      const data = bytes.subarray(slot * page, Math.min((slot + 1) * page, limit));
      const expected = bytes.subarray(hashes + slot * 32, hashes + slot * 32 + 32);
      if (!createHash('sha256').update(data).digest().equals(expected)) return false;
    }
    return count > 0;
  }
  return false;
}

function text(bytes, start) {
  return bytes.toString('latin1', start, bytes.indexOf(0, start));
}
