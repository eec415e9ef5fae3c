/** The codec: strict reading and writing of JSON-RPC text, by the addon or in TypeScript. */
export { createCodec, jsCodec, nativeCodec, selectCodec } from './codec.ts';
export { encodeJson } from './encode.ts';
export { readEnvelope } from './envelope-reader.ts';
export { internedText } from './interned-text.ts';
export { readParams } from './params.ts';
