import { FerroError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { LOGGING_LEVELS, type LoggingLevel } from '../../core/mcp.ts';
import type { Call } from '../../protocol/call.ts';
import type { MethodHandler } from '../../protocol/handler.ts';

/** `logging/setLevel` (legacy): the least severe level this session wants from now on. */
export function setLevelHandler(onLevel?: (peerKey: string, level: LoggingLevel) => void): MethodHandler {
  return {
    handle(params: JsonObject, call: Call): JsonObject {
      const level = params['level'];
      if (typeof level !== 'string' || !(LOGGING_LEVELS as readonly string[]).includes(level)) {
        throw new FerroError('LOG_LEVEL_INVALID');
      }
      if (call.session !== undefined) call.session.logLevel = level as LoggingLevel;
      onLevel?.(call.peerKey, level as LoggingLevel);
      return {};
    },
  };
}
