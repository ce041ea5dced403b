import type { Directive } from '../core/contract';
import { type Command, parse, service } from './context';
import { positive, usage } from './exit';

/** Tells the agents of a run something, all or some; each hears it at its next turn. */
export const tell: Command = async (args, context) => {
  const { values, positionals } = parse(
    args,
    {
      variation: { type: 'string', short: 'v', multiple: true },
      path: { type: 'string' },
      line: { type: 'string' },
    },
    [1, 1000],
  );
  const [run, ...words] = positionals;
  const id = positive(run, 'the run');
  const text = words.join(' ').trim();
  if (text === '') throw usage(`what is it to hear? ./bakeoff tell ${id} "…"`);
  const variations = values.variation?.map((one) => positive(one, '-v'));
  const { items } = await service(context).call<{ items: Directive[] }>('POST', `/runs/${id}/directives`, {
    text,
    ...(variations === undefined ? {} : { variations: [...new Set(variations)] }),
    ...(values.path === undefined ? {} : { path: values.path }),
    ...(values.line === undefined ? {} : { line: positive(values.line, '--line') }),
  });
  const who = items.map((one) => one.position).join(', ');
  const plural = items.length === 1 ? 'Variation' : 'Variations';
  context.out.write(`${plural} ${who} of run ${id} will hear it at the next turn\n`);
  return 0;
};
