// Marks in a module that tell what of it has run: a byte of memory for every place at which a function can go one way or
// another. The memory is put behind what the module starts with, where its allocator never looks.

import { OP, SECTION, list, s32, sections, sized, u32, write } from './wasm.mjs';
import { instructions } from './code.mjs';

const PAGE = 65_536;

/** Where a sequence of instructions starts, and where it goes on when something in it has not gone elsewhere. */
export function places(code) {
  const found = [0];
  code.ops.forEach((op, index) => {
    const nested = op === OP.block || op === OP.loop || op === OP.if || op === OP.else;
    const closed = op === OP.end && index < code.ops.length - 1;
    if (nested || closed || op === OP.brIf) found.push(index + 1);
  });
  return found;
}

/**
 * The module with marks; `ran(memory)`: whether, by its memory, a function of its own has come to an instruction; and
 * `count(memory)`: to how many places it has come.
 */
export function marked(module) {
  const start = module.memories[0].min * PAGE;
  const firsts = [];
  let count = 0;
  const numbers = module.bodies.map(() => new Map());
  const bodies = module.bodies.map((body, own) => {
    const code = instructions(module, module.functions[module.imports.length + own], body);
    const parts = [];
    let copied = 0;
    for (const index of places(code)) {
      parts.push(body.subarray(copied, code.at[index]), mark(start + count));
      numbers[own].set(index, count++);
      copied = code.at[index];
    }
    return sized(Buffer.concat([...parts, body.subarray(copied)]));
  });
  const [memory] = module.memories;
  const min = memory.min + Math.ceil(count / PAGE);
  const limits = memory.max === null ? [0, ...u32(min)] : [1, ...u32(min), ...u32(Math.max(min, memory.max))];
  const bytes = write(sections(module.raw, { memory: list([limits]), code: list(bodies) }));
  const marks = (memory) => new Uint8Array(memory.buffer, start, count);
  const ran = (memory) => {
    const seen = marks(memory).slice();
    return (own, index) => seen[numbers[own].get(index)] === 1;
  };
  return { bytes, ran, count: (memory) => marks(memory).reduce((sum, mark) => sum + mark, 0) };
}

const mark = (address) => Buffer.from([OP.i32Const, ...s32(address), OP.i32Const, 1, OP.i32Store8, 0, 0]);
