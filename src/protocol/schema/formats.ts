import { isIPv6 } from 'node:net';
import type { Format } from 'ajv/dist/2020.js';
import { fastFormats, fullFormats } from 'ajv-formats/dist/formats.js';

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** From ajv-formats: only definitions whose time is linear in the string. */
const FULL = [
  'date',
  'time',
  'date-time',
  'duration',
  'hostname',
  'ipv4',
  'json-pointer',
  'json-pointer-uri-fragment',
  'relative-json-pointer',
  'uri-template',
  'uuid',
  'int32',
  'int64',
  'float',
  'double',
] as const;
const FAST = ['email', 'uri', 'uri-reference'] as const;

function isPattern(text: string): boolean {
  try {
    new RegExp(text, 'u');
    return true;
  } catch {
    return false;
  }
}

/**
 * The formats that are checked. The table leaves out or replaces those of ajv-formats that can backtrack (`url`, the full
 * `email` and `uri`) or are wrong on several lines (`byte`). Other formats are annotations.
 */
export const FORMATS: Readonly<Record<string, Format>> = {
  ...Object.fromEntries(FULL.map((name) => [name, fullFormats[name]])),
  ...Object.fromEntries(FAST.map((name) => [name, fastFormats[name]])),
  byte: (text: string) => BASE64.test(text),
  ipv6: (text: string) => !text.includes('%') && isIPv6(text),
  regex: isPattern,
  url: (text: string) => /^(?:https?|ftp):\/\//i.test(text) && URL.canParse(text),
};
