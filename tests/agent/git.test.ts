import { expect, test } from 'bun:test';
import { GitError, isPassing } from '../../src/agent/git';

const https = "unable to access 'https://example.org/a/b.git/': ";

test.each([
  `${https}Empty reply from server`,
  `${https}HTTP/2 stream 1 was not closed cleanly before end of the underlying stream`,
  `${https}Error in the HTTP2 framing layer`,
  `${https}transfer closed with 10 bytes remaining to read`,
  `${https}The requested URL returned error: 503`,
  'RPC failed; curl 56 Recv failure: Connection reset by peer',
  'the remote end hung up unexpectedly',
  'server closed the connection unexpectedly',
])('%s: may pass', (message) => {
  expect(isPassing(new GitError(message, 128))).toBe(true);
});

test.each([
  `${https}The requested URL returned error: 403`,
  "repository 'https://example.org/a/b.git/' not found",
  "Authentication failed for 'https://example.org/a/b.git/'",
  'pre-receive hook declined',
])('%s: does not pass by itself', (message) => {
  expect(isPassing(new GitError(message, 128))).toBe(false);
});
