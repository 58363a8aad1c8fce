// Reads and writes WebAssembly's binary format, as far as a linked Rust module uses it. Knows what the sections are and
// where instructions name functions and globals; throws at anything that it does not know, and changes nothing itself.
// https://webassembly.github.io/spec/core/binary/

export const SECTION = {
  custom: 0, type: 1, import: 2, function: 3, table: 4, memory: 5, global: 6, export: 7, start: 8, element: 9, code: 10,
  data: 11, dataCount: 12,
};
export const KIND = { function: 0, table: 1, memory: 2, global: 3 };
export const OP = {
  unreachable: 0x00, block: 0x02, loop: 0x03, if: 0x04, else: 0x05, end: 0x0b, br: 0x0c, brIf: 0x0d, brTable: 0x0e,
  return: 0x0f, call: 0x10, callIndirect: 0x11, localGet: 0x20, localSet: 0x21, localTee: 0x22, globalGet: 0x23,
  globalSet: 0x24, i32Store8: 0x3a, i32Const: 0x41, i32Eqz: 0x45,
};
export const I32 = 0x7f;
export const EMPTY = 0x40;

// Blocks, branches, calls, locals, globals, tables, memory's size, constants, null.
const ONE_OPERAND = new Set([2, 3, 4, 0x0c, 0x0d, 0x10, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x3f, 0x40, 0x41, 0x42, 0xd0]);
const NO_OPERAND = (op) => op <= 0x01 || op === 0x05 || op === 0x0b || op === 0x0f || op === 0x1a || op === 0x1b || (op >= 0x45 && op <= 0xc4) || op === 0xd1;

/** A cursor over bytes. */
export class Reader {
  constructor(bytes, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  get done() {
    return this.at >= this.bytes.length;
  }

  byte() {
    if (this.done) throw new Error('the module ends too early');
    return this.bytes[this.at++];
  }

  /** An unsigned LEB128 number. */
  u32() {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  }

  /** Passes a LEB128 number of any width and sign. */
  skipLeb() {
    while (this.byte() >= 0x80);
  }

  take(count) {
    const part = this.bytes.subarray(this.at, this.at + count);
    if (part.length < count) throw new Error('the module ends too early');
    this.at += count;
    return part;
  }

  /** Passes one instruction. */
  pass() {
    const op = this.byte();
    if (op === OP.brTable) for (let targets = this.u32(); targets >= 0; targets--) this.u32();
    else if (op === 0x1c) this.take(this.u32());
    else if (op === OP.callIndirect || (op >= 0x28 && op <= 0x3e)) {
      this.u32();
      this.u32();
    } else if (op === 0x43) this.take(4);
    else if (op === 0x44) this.take(8);
    else if (op === 0xfc) this.#passPrefixed();
    else if (ONE_OPERAND.has(op)) this.skipLeb();
    else if (!NO_OPERAND(op)) throw new Error(`an instruction that is not known here: 0x${op.toString(16)}`);
  }

  #passPrefixed() {
    const op = this.u32();
    // Saturating conversions have no operand; then memory.copy and .fill, table.grow, .size and .fill.
    const operands = op <= 7 ? 0 : { 10: 2, 11: 1, 15: 1, 16: 1, 17: 1 }[op];
    if (operands === undefined) throw new Error(`an instruction that is not known here: 0xfc ${op}`);
    for (let operand = 0; operand < operands; operand++) this.u32();
  }

  name() {
    return new TextDecoder().decode(this.take(this.u32()));
  }

  list(one) {
    return Array.from({ length: this.u32() }, () => one(this));
  }
}

/** Bytes of an unsigned LEB128 number. */
export function u32(value) {
  const bytes = [];
  do {
    const rest = Math.floor(value / 128);
    bytes.push((value % 128) | (rest ? 0x80 : 0));
    value = rest;
  } while (value);
  return bytes;
}

/** Bytes of a signed LEB128 number that is not negative. */
export function s32(value) {
  const bytes = [];
  for (;;) {
    const low = value & 0x7f;
    value >>= 7;
    if (value === 0 && !(low & 0x40)) return [...bytes, low];
    bytes.push(low | 0x80);
  }
}

const utf8 = (text) => [...new TextEncoder().encode(text)];
export const text = (words) => [...u32(utf8(words).length), ...utf8(words)];
export const list = (items) => Buffer.concat([Buffer.from(u32(items.length)), ...items.map((item) => Buffer.from(item))]);

export const sized = (body) => Buffer.concat([Buffer.from(u32(body.length)), Buffer.from(body)]);

/** Sections in their order, some of them anew; what nobody runs is left out. */
export function sections(raw, anew) {
  const order = ['type', 'import', 'function', 'table', 'memory', 'global', 'export', 'start', 'element', 'dataCount', 'code', 'data'];
  return order.map((name) => [SECTION[name], anew[name] ?? raw.get(SECTION[name])]);
}

/** A module of these sections, `[id, bytes]` each; empty ones are left out. */
export function write(sections) {
  const parts = [Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0])];
  for (const [id, bytes] of sections) {
    if (bytes) parts.push(Buffer.from([id, ...u32(bytes.length)]), bytes);
  }
  return Buffer.concat(parts);
}

/** What a module consists of. Indices count as the format counts them: imported functions first. */
export function read(bytes) {
  const reader = new Reader(bytes);
  if (Buffer.from(reader.take(8)).toString('hex') !== '0061736d01000000') throw new Error('this is no module of version 1');
  const raw = new Map();
  const names = new Map();
  while (!reader.done) {
    const id = reader.byte();
    const content = reader.take(reader.u32());
    if (id === SECTION.custom) functionNames(content, names);
    else raw.set(id, content);
  }
  const section = (id, one) => (raw.has(id) ? new Reader(raw.get(id)).list(one) : []);
  const imports = section(SECTION.import, readImport);
  if (imports.some(({ kind }) => kind !== KIND.function)) throw new Error('only functions may be imported');
  const own = section(SECTION.function, (it) => it.u32());
  return {
    raw,
    names,
    imports,
    types: section(SECTION.type, readType),
    /** The type of every function. */
    functions: [...imports.map(({ type }) => type), ...own],
    tables: section(SECTION.table, readTable),
    memories: section(SECTION.memory, readLimits),
    globals: section(SECTION.global, readGlobal),
    exports: section(SECTION.export, (it) => ({ name: it.name(), kind: it.byte(), index: it.u32() })),
    elements: section(SECTION.element, readElements),
    bodies: section(SECTION.code, (it) => it.take(it.u32())),
  };
}

function functionNames(content, names) {
  const reader = new Reader(content);
  if (reader.name() !== 'name') return;
  while (!reader.done) {
    const id = reader.byte();
    const part = new Reader(reader.take(reader.u32()));
    if (id === 1) for (const [index, name] of part.list((it) => [it.u32(), it.name()])) names.set(index, name);
  }
}

function readType(it) {
  if (it.byte() !== 0x60) throw new Error('a type is no function');
  return { params: [...it.take(it.u32())], results: [...it.take(it.u32())] };
}

function readImport(it) {
  return { module: it.name(), name: it.name(), kind: it.byte(), type: it.u32() };
}

function readLimits(it) {
  const flags = it.byte();
  if (flags > 1) throw new Error(`limits of the kind ${flags}`);
  return { min: it.u32(), max: flags ? it.u32() : null };
}

function readTable(it) {
  return { element: it.byte(), ...readLimits(it) };
}

function readGlobal(it) {
  const [type, mutable, start] = [it.byte(), it.byte(), it.at];
  skipInstructions(it);
  return { type, mutable, init: it.bytes.subarray(start, it.at) };
}

/** Active segments of functions in the first table are all that a linker writes. */
function readElements(it) {
  if (it.u32() !== 0 || it.byte() !== OP.i32Const) throw new Error('elements of another kind than active functions');
  const offset = it.u32();
  if (it.byte() !== OP.end) throw new Error('an offset that is not one number');
  return { offset, functions: it.list((reader) => reader.u32()) };
}

/** Where the instructions of a body start: after its locals. */
export function afterLocals(body) {
  const reader = new Reader(body);
  for (let groups = reader.u32(); groups > 0; groups--) {
    reader.u32();
    reader.byte();
  }
  return reader.at;
}

/** Tells `call(index, start, end)` every function that a body calls, with the place of the index in it. */
export function calls(body, call) {
  const reader = new Reader(body, afterLocals(body));
  skipInstructions(reader, call);
  if (!reader.done) throw new Error('a body goes on behind its end');
}

/** Passes instructions up to the `end` of the block that the reader stands in. */
function skipInstructions(it, call) {
  for (let depth = 1; depth > 0; ) {
    const op = it.bytes[it.at];
    if (op === OP.end) depth -= 1;
    else if (op >= OP.block && op <= OP.if) depth += 1;
    if (op === OP.call && call) {
      const start = it.at + 1;
      it.at = start;
      call(it.u32(), start, it.at);
    } else it.pass();
  }
}
