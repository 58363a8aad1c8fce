// Which of a module's constants its first part reads: an object of the linker's map stays when the code that stays names its
// address, or an object that stays holds it. The others come with the rest, to the same addresses.

import { OP, Reader, SECTION, afterLocals, list, s32, u32 } from './wasm.mjs';

/** An index may be counted from another number than 0: the address that the code names is then before its table, by so many bytes, */
const BEFORE = 1024;
/** or behind its end, where one counts down from. */
const BEHIND = 64;
/** A gap of so few bytes costs more as two segments. */
const GAP = 16;
const ADD = 0x6a;
const POINTER = 4;
const PAGE = 65_536;

/**
 * The two data sections, for a first part of these function bodies. `map`: what the linker wrote of where it put which object.
 */
export function parted(module, map, bodies) {
  const image = imageOf(module);
  const objects = objectsOf(map, image);
  const stays = reached(image, objects, addresses(bodies, image));
  const segments = (wanted) => section(image, runs(objects.filter((_, index) => stays[index] === wanted)));
  return { first: segments(true), rest: segments(false) };
}

/** All that the module's segments put into memory, as one piece: `bytes` from the address `from`. */
function imageOf({ raw }) {
  const segments = new Reader(raw.get(SECTION.data)).list((it) => {
    if (it.u32() !== 0 || it.byte() !== OP.i32Const) throw new Error('data of another kind than active segments');
    const at = it.u32();
    if (it.byte() !== OP.end) throw new Error('an address that is not one number');
    return { at, bytes: it.take(it.u32()) };
  });
  // Zeros may be left out of segments: the first object can begin before the first of them.
  const from = Math.floor(Math.min(...segments.map(({ at }) => at)) / PAGE) * PAGE;
  const to = Math.max(...segments.map(({ at, bytes }) => at + bytes.length));
  const bytes = Buffer.alloc(to - from);
  for (const segment of segments) bytes.set(segment.bytes, segment.at - from);
  return { from, to, bytes };
}

/** The objects in the order of their addresses: `{ at, size, constant }`. Words that the linker has put together are one each. */
function objectsOf(map, { from, to, bytes }) {
  const objects = [];
  let constant = null;
  for (const line of map.split('\n')) {
    const found = /^ *([0-9a-f]+) +[0-9a-f]+ +([0-9a-f]+) (?:(\.\w+)$| {8}(\S.*):\(\.)/.exec(line);
    if (!found) continue;
    const [at, size] = [parseInt(found[1], 16), parseInt(found[2], 16)];
    if (found[3]) constant = found[3] === '.rodata';
    else if (at < to && constant !== null) objects.push({ at, size: Math.min(size, to - at), constant, words: found[4] === '<internal>' });
  }
  if (objects.length === 0) throw new Error("the linker's map names no object: is it of this module (xtask/link.rs)?");
  const cut = objects.flatMap((object) => (object.words ? words(object, bytes.subarray(object.at - from, object.at - from + object.size)) : [object]));
  cut.sort((one, other) => one.at - other.at);
  let end = from;
  for (const { at, size } of cut) {
    // What the linker has left free is nothing but zeros; anything else would belong to nobody.
    if (at < end || bytes.subarray(end - from, at - from).some((byte) => byte !== 0)) throw new Error("the linker's map is of another module");
    end = at + size;
  }
  return cut;
}

/** Texts that end with a zero each. */
function words(object, bytes) {
  const found = [];
  for (let start = 0; start < bytes.length; ) {
    const zero = bytes.indexOf(0, start);
    const end = zero < 0 ? bytes.length : zero + 1;
    found.push({ ...object, at: object.at + start, size: end - start });
    start = end;
  }
  return found;
}

/** The addresses that instructions name: those of objects, and those to which an index is added. */
function addresses(bodies, { from, to }) {
  const found = { exact: new Set(), indexed: new Set() };
  const note = (set, address) => address >= from - BEFORE && address <= to && set.add(address);
  for (const body of bodies) {
    const it = new Reader(body, afterLocals(body));
    while (!it.done) {
      const op = body[it.at];
      const operands = new Reader(body, it.at + 1);
      it.pass();
      if (op === OP.i32Const) note(body[it.at] === ADD ? found.indexed : found.exact, operands.u32());
      else if (op >= 0x28 && op <= 0x3e) note(found.indexed, [operands.u32(), operands.u32()][1]);
    }
  }
  return found;
}

/** Whether each object stays. What is no constant may have changed by the time the rest comes: it stays too. */
function reached({ from, to, bytes }, objects, { exact, indexed }) {
  const stays = objects.map(() => false);
  const todo = [];
  const stay = (index) => {
    if (index < 0 || stays[index]) return;
    stays[index] = true;
    todo.push(index);
  };
  const before = (address) => {
    let [low, high] = [0, objects.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (objects[middle].at <= address) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  };
  const within = (index, address) => index >= 0 && address < objects[index].at + objects[index].size;
  objects.forEach(({ constant }, index) => constant || stay(index));
  for (const address of exact) {
    const index = before(address);
    stay(index);
    // The end of an object, where one counts down from, is where the next begins.
    if (index >= 0 && objects[index].at === address) stay(index - 1);
  }
  for (const address of indexed) {
    for (let index = before(address + BEFORE); index >= 0 && objects[index].at + objects[index].size > address - BEHIND; index--) stay(index);
  }
  while (todo.length) {
    const { at, size, words } = objects[todo.pop()];
    if (words) continue;
    for (let place = Math.ceil(at / POINTER) * POINTER; place + POINTER <= at + size; place += POINTER) {
      const address = bytes.readUInt32LE(place - from);
      if (address < from || address > to) continue;
      const index = before(address);
      if (within(index, address)) stay(index);
    }
  }
  return stays;
}

/** Neighbours put together. */
function runs(objects) {
  const found = [];
  for (const { at, size } of objects) {
    const last = found.at(-1);
    if (last && at - last.end < GAP) last.end = at + size;
    else found.push({ at, end: at + size });
  }
  return found;
}

function section({ from, bytes }, runs) {
  return list(
    runs.map(({ at, end }) => {
      const content = bytes.subarray(at - from, end - from);
      return Buffer.concat([Buffer.from([0, OP.i32Const, ...s32(at), OP.end, ...u32(content.length)]), content]);
    }),
  );
}
