import { type Command, parse, service } from './context';
import { positive, usage } from './exit';
import { harmless } from './screen';

/** A variation's patch on standard output, byte for byte; on a terminal without what would command it. */
export const diff: Command = async (args, context) => {
  const { positionals } = parse(args, {}, [1, 2]);
  const id = positive(positionals[0], 'the run');
  const client = service(context);
  let position = positionals[1] === undefined ? null : positive(positionals[1], 'the variation');
  if (position === null) {
    const { variations } = await client.run(id);
    const patched = variations.filter((variation) => variation.patch !== null && variation.patch.files > 0);
    if (patched.length !== 1) {
      const these = patched.map((variation) => variation.position).join(', ') || 'none';
      throw usage(`which variation? ./bakeoff diff ${id} <variation>; with a change: ${these}`);
    }
    position = patched[0]?.position ?? null;
  }
  const response = await client.raw(`/runs/${id}/variations/${position}/diff`, {
    signal: AbortSignal.timeout(60_000),
  });
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (context.out.live) context.out.write(harmless(new TextDecoder().decode(bytes)));
  else context.out.bytes(bytes);
  return 0;
};
