/** The public surface of ferromcp. */
export * from './dist/index.js';
