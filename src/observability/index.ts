/** Logging: the pino logger behind `core/log.ts`, redaction, and text made safe to show. */
export type { LogDestination, LogFormat, LoggerOptions, LogThreshold } from './logger.ts';
export { createLogger, LOG_THRESHOLDS } from './logger.ts';
export { isSecretKey, loggableText, REDACTED, redactFields, redactText } from './redaction.ts';
export { boundText, safeLine, safeText } from './safe-text.ts';
