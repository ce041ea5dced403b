import type { Run } from '../core/contract';
import { type Command, parse, service } from './context';
import { positive, usage } from './exit';
import { harmless } from './screen';

/**
 * A variation's patch, the winner's where none is named, on standard output, byte for byte; on a terminal without what
 * would command it.
 */
export const diff: Command = async (args, context) => {
  const { positionals } = parse(args, {}, [1, 2]);
  const id = positive(positionals[0], 'the run');
  const client = service(context);
  const position =
    positionals[1] === undefined ? meant(await client.run(id)) : positive(positionals[1], 'the variation');
  const response = await client.raw(`/runs/${id}/variations/${position}/diff`, {
    signal: AbortSignal.timeout(60_000),
  });
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (context.out.live) context.out.write(harmless(new TextDecoder().decode(bytes)));
  else context.out.bytes(bytes);
  return 0;
};

/** The winner; before there is one, the only variation that has changed something. */
function meant({ id, winner, variations }: Run): number {
  if (winner !== null) return winner.position;
  const patched = variations.filter((variation) => variation.patch !== null && variation.patch.files > 0);
  const [only, ...others] = patched.map((variation) => variation.position);
  if (only !== undefined && others.length === 0) return only;
  const these = [only, ...others].join(', ') || 'none';
  throw usage(`which variation? ./bakeoff diff ${id} <variation>; with a change: ${these}`);
}
