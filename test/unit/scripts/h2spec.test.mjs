import { describe, expect, it } from 'vitest';
import { judge, readReport } from '../../../scripts/lib/h2spec.mjs';

const REPORT = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
  <testsuite name="3.5." package="http2/3.5" id="3.5" tests="2">
    <testcase package="http2/3.5" classname="Sends client connection preface" time="0.0003"></testcase>
    <testcase package="http2/3.5" classname="Sends invalid connection preface" time="0.0005">
      <error>Connection closed
Error: EOF</error>
    </testcase>
    <testcase package="http2/6.7" classname="Sends a PING frame" time="1"><failure>GOAWAY
Timeout</failure></testcase>
    <testcase package="http2/8.2" classname="Sends a PUSH_PROMISE frame" time="1"><skipped></skipped></testcase>
  </testsuite>
</testsuites>`;

describe('the report of h2spec', () => {
  it('counts known failures as skipped and others as failed', () => {
    const { count, lines } = judge(readReport(REPORT));
    expect(count).toEqual({ passed: 1, failed: 1, skipped: 2 });
    expect(lines[0]).toMatch(/^known: http2\/3\.5 Sends invalid connection preface: in clear/);
    expect(lines[1]).toBe('FAILED: http2/6.7 Sends a PING frame: GOAWAY\nTimeout');
  });

  it('knows the ways of Node', () => {
    const name = 'http2/6.7 Sends a PING frame with ACK';
    expect(judge([{ name, trouble: 'x' }]).count.failed).toBe(1);
    expect(judge([{ name, trouble: 'x' }], 'node').count).toEqual({ passed: 0, failed: 0, skipped: 1 });
  });
});
