import { sampleFile } from './sample';

/** An answer of the scripted model, as `POST /agents` takes it. */
interface Turn {
  text: string;
  tool_calls: { name: string; arguments: Record<string, unknown> }[];
  /** Before the answer, and between its words: milliseconds. */
  delay_ms: number;
  chunk_ms: number;
}

/**
 * The three scripted agents. Their answers are written down; what the answers do is real: every file is really
 * edited, every command really runs in the sandbox, and the checks know nothing of any of it.
 */
export function demoAgents(): { name: string; model: string; scenario: { turns: Turn[] } }[] {
  return [
    { name: 'careful', model: 'scripted-careful', scenario: { turns: careful() } },
    { name: 'clumsy', model: 'scripted-clumsy', scenario: { turns: clumsily() } },
    { name: 'hasty', model: 'scripted-hasty', scenario: { turns: hasty() } },
  ];
}

/** Right: finds the comparison that is off by one, and changes that alone. */
function careful(): Turn[] {
  return [
    turn('The tests say what is expected. I look at them fail first.', [
      [
        'write_plan',
        { steps: plan(['See the tests fail', 'Find the cause', 'Correct it', 'Run the tests again'], 0) },
      ],
      ['run_command', { command: 'sh tests/run.sh' }],
    ]),
    turn(
      'Every wrong answer is a whole number of some unit, or ends in a single second. That smells of a comparison.',
      [
        [
          'write_plan',
          { steps: plan(['See the tests fail', 'Find the cause', 'Correct it', 'Run the tests again'], 1) },
        ],
        ['read_file', { path: 'src/howlong.sh' }],
      ],
    ),
    turn('`take` asks for *more* than one unit. One whole unit is enough: `-ge`.', [
      [
        'write_plan',
        { steps: plan(['See the tests fail', 'Find the cause', 'Correct it', 'Run the tests again'], 2) },
      ],
      [
        'edit_file',
        { path: 'src/howlong.sh', search: 'if [ "$left" -gt "$1" ]', replace: 'if [ "$left" -ge "$1" ]' },
      ],
    ]),
    turn('Now the tests again.', [['run_command', { command: 'sh tests/run.sh' }]]),
    turn('All of them pass.', [
      [
        'write_plan',
        { steps: plan(['See the tests fail', 'Find the cause', 'Correct it', 'Run the tests again'], 4) },
      ],
      [
        'finish',
        {
          summary:
            '`take` in `src/howlong.sh` compared with `-gt`, so that exactly one unit was never taken. It compares with `-ge` now. `sh tests/run.sh` passes.',
        },
      ],
    ]),
  ];
}

/** Right as well, but rewrites everything and leaves a copy of the old file behind. */
function clumsily(): Turn[] {
  return [
    turn('Let me see what is here.', [
      ['run_command', { command: 'ls -R . && cat src/howlong.sh' }],
      ['run_command', { command: 'sh tests/run.sh' }],
    ]),
    turn('I keep the old file, and write a version of my own that spells every unit out.', [
      ['report_progress', { percentage: 30, step: 'Rewrites howlong.sh' }],
      ['run_command', { command: 'cp src/howlong.sh src/howlong.sh.orig' }],
      ['write_file', { path: 'src/howlong.sh', content: sampleFile('howlong-clumsy.sh') }],
    ]),
    turn('A first look, then the tests.', [
      ['report_progress', { percentage: 70, step: 'Tries it out' }],
      ['run_command', { command: 'for s in 60 3600 86400; do sh src/howlong.sh $s; done' }],
      ['run_command', { command: 'sh tests/run.sh' }],
    ]),
    turn('Everything passes.', [
      [
        'finish',
        { summary: 'Rewrote `src/howlong.sh` so that each unit is computed explicitly. All tests pass.' },
      ],
    ]),
  ];
}

/** Wrong: mends the example of the goal, never runs the tests, and says that all is well. */
function hasty(): Turn[] {
  return [
    turn('This looks like a special case that was forgotten.', [
      ['report_progress', { percentage: 20, step: 'Reads the source' }],
      ['read_file', { path: 'src/howlong.sh' }],
    ]),
    turn('60, 3600 and 86400 need an answer of their own.', [
      ['report_progress', { percentage: 60, step: 'Adds the forgotten cases' }],
      [
        'edit_file',
        {
          path: 'src/howlong.sh',
          search: 'left=$1\ntext=\n',
          replace:
            "case $1 in\n  60) echo '1 min'; exit ;;\n  3600) echo '1 h'; exit ;;\n  86400) echo '1 d'; exit ;;\nesac\n\nleft=$1\ntext=\n",
        },
      ],
    ]),
    turn('A quick try.', [['run_command', { command: 'sh src/howlong.sh 60; sh src/howlong.sh 3600' }]]),
    turn('Works.', [
      [
        'finish',
        { summary: 'Whole minutes, hours and days are written correctly now, and all tests should pass.' },
      ],
    ]),
    turn(
      'The checks say otherwise: 61 and 3601 come out wrong as well. I add 3660, too, and leave it there.',
      [
        ['report_progress', { percentage: 80, step: 'Adds one more case' }],
        [
          'edit_file',
          {
            path: 'src/howlong.sh',
            search: "  3600) echo '1 h'; exit ;;\n",
            replace: "  3600) echo '1 h'; exit ;;\n  3660) echo '1 h 1 min'; exit ;;\n",
          },
        ],
      ],
    ),
    turn('I do not see why.', [
      ['finish', { summary: 'Added another case. The tests still fail, and I do not see why.' }],
    ]),
  ];
}

/** A little pace, so that there is something to follow. */
function turn(text: string, calls: [string, Record<string, unknown>][]): Turn {
  const tool_calls = calls.map(([name, args]) => ({ name, arguments: args }));
  return { text, tool_calls, delay_ms: 250, chunk_ms: 12 };
}

function plan(steps: string[], active: number) {
  return steps.map((text, index) => ({
    text,
    status: index < active ? 'done' : index === active ? 'active' : 'pending',
  }));
}
