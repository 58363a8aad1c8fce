// The instructions of a function body, one by one, with what each does to the stack. Changes nothing.

import { OP, Reader, afterLocals, u32 } from './wasm.mjs';

const ONE = [0, 1];
/** What an instruction takes from the stack and gives to it, where its number alone says so. */
function effect(op) {
  const within = (...ranges) => ranges.some(([from, to]) => op >= from && op <= to);
  if (op === 0x01) return [0, 0];
  if (op === 0x1a || op === 0x21 || op === 0x24) return [1, 0];
  if (op === 0x1b || op === 0x1c) return [3, 1];
  if (op === 0x20 || op === 0x23 || op === 0x3f || op === 0xd0 || within([0x41, 0x44])) return ONE;
  if (op === 0x26 || within([0x36, 0x3e])) return [2, 0];
  const pairs = [[0x46, 0x4f], [0x51, 0x66], [0x6a, 0x78], [0x7c, 0x8a], [0x92, 0x98], [0xa0, 0xa6]];
  return within(...pairs) ? [2, 1] : [1, 1];
}

/** Whether nothing of the same sequence runs after this instruction. */
export const leaves = (op) => op === OP.unreachable || op === OP.br || op === OP.brTable || op === OP.return;

/**
 * A body as parallel lists over its instructions: `ops`, `at` (its first byte; one more for the end of the body) and `args`
 * (a local, a label, labels, a callee, a block's type). `end` and `otherwise` name the instruction that closes a block and its
 * `else`.
 */
export function instructions(module, type, body) {
  const locals = [...module.types[type].params];
  const reader = new Reader(body);
  for (let groups = reader.u32(); groups > 0; groups--) {
    const count = reader.u32();
    locals.push(...Array(count).fill(reader.byte()));
  }
  const code = { locals, ops: [], at: [], args: [], end: new Map(), otherwise: new Map() };
  const open = [-1];
  while (open.length) {
    const index = code.ops.length;
    code.at.push(reader.at);
    const op = reader.byte();
    code.ops.push(op);
    code.args.push(argument(reader, op));
    if (op === OP.block || op === OP.loop || op === OP.if) open.push(index);
    else if (op === OP.else) code.otherwise.set(open.at(-1), index);
    else if (op === OP.end) code.end.set(open.pop(), index);
  }
  code.at.push(reader.at);
  if (reader.at !== body.length || code.at[0] !== afterLocals(body)) throw new Error('a body that ends elsewhere');
  return code;
}

function argument(it, op) {
  if (op >= OP.block && op <= OP.if) {
    const type = it.byte();
    if (type !== 0x40 && type < 0x6f) throw new Error('a block with a type of the list');
    return type === 0x40 ? [] : [type];
  }
  if (op === OP.brTable) return it.list((reader) => reader.u32()).concat(it.u32());
  if (op === OP.callIndirect) return [it.u32(), it.u32()][0];
  if (op === OP.br || op === OP.brIf || op === OP.call || (op >= 0x20 && op <= 0x24)) return it.u32();
  it.at -= 1;
  it.pass();
  return null;
}

/** `[taken, given]` for the instruction as a whole: a block with all that is in it. */
export function stack(module, code, index, body, arity) {
  const [op, arg] = [code.ops[index], code.args[index]];
  const signature = (type, more) => [module.types[type].params.length + more, module.types[type].results.length];
  if (op === OP.block || op === OP.loop) return [0, arg.length];
  if (op === OP.if) return [1, arg.length];
  if (op === OP.brIf) return [arity(arg) + 1, arity(arg)];
  if (op === OP.call) return signature(module.functions[arg], 0);
  if (op === OP.callIndirect) return signature(arg, 1);
  if (op === 0xfc) return { 10: [3, 0], 11: [3, 0], 15: [2, 1], 16: [0, 1], 17: [3, 0] }[body[code.at[index] + 1]] ?? [1, 1];
  return effect(op);
}

/** The instruction after `index` in its own sequence. */
export const after = (code, index) => (code.end.get(index) ?? index) + 1;

export const localOp = (op) => op >= 0x20 && op <= 0x22;
export const number = (op, value) => [op, ...u32(value)];
