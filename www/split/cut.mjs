// Cuts a linked module in two: a first part that runs by itself, and the rest, which shares its memory and its tables.
// Where the first part calls a function of the rest, it calls `need_rest` first unless the rest has arrived, and then the
// function by a slot of the table, which the rest fills when it arrives. In the table itself, and for what is called from
// many places, a stub stands in that does the same. Decides not which function goes where, nor which constant.

import { EMPTY, I32, KIND, OP, Reader, SECTION, calls, list, s32, sections, sized, text, u32, write } from './wasm.mjs';

const buffer = (...parts) => Buffer.concat(parts.map((part) => Buffer.from(part)));

/**
 * The two parts: `first` keeps the functions for which `stays(index)` holds, `rest` gets the others. `part(bodies)` gives both data
 * sections, for the functions of the first part.
 */
export function cut(module, stays, part) {
  const { imports, bodies } = module;
  const own = bodies.map((_, index) => imports.length + index);
  const staying = own.filter(stays);
  const leaving = own.filter((index) => !stays(index));
  const plan = { module, staying, leaving, left: new Set(leaving), slots: tableSlots(module), arrived: module.globals.length };
  const first = firstPart(plan, part);
  const rest = restPart(plan, first);
  return { first: first.bytes, rest: rest.bytes, staying, leaving, stubs: first.stubs, shared: first.passed };
}

/** More calls than this of a function of the rest, and a stub is smaller. */
const FEW = 2;

/** Imports, what stays, the asking for the rest, then the stubs. */
function firstPart({ module, staying, leaving, left, slots, arrived }, part) {
  const { imports, functions, exports, tables } = module;
  const placed = new Map([...imports.keys(), ...staying].map((index, place) => [index, place]));
  const need = exports.find(({ name }) => name === 'need_rest')?.index;
  if (need === undefined || left.has(need)) throw new Error('the first part has to export need_rest');
  const ask = placed.size;
  const asking = [0, OP.globalGet, ...u32(arrived), OP.i32Eqz, OP.if, EMPTY, OP.call, ...u32(placed.get(need)), OP.end, OP.end];
  let end = tables[0].min;
  const bySlot = (index) => {
    if (!slots.has(index)) slots.set(index, end++);
    return [OP.call, ...u32(ask), OP.i32Const, ...s32(slots.get(index)), OP.callIndirect, ...u32(functions[index]), 0];
  };
  const stubs = [];
  const place = (index) => {
    if (!placed.has(index)) {
      placed.set(index, ask + 1 + stubs.length);
      stubs.push(index);
    }
    return placed.get(index);
  };
  const counts = new Map();
  for (const index of staying) calls(bodyOf(module, index), (callee) => counts.set(callee, (counts.get(callee) ?? 0) + 1));
  const callOf = (index) => (left.has(index) && counts.get(index) <= FEW ? bySlot(index) : [OP.call, ...u32(place(index))]);
  const kept = staying.map((index) => rewritten(bodyOf(module, index), callOf));
  const elements = module.elements.map(({ offset, functions }) => elementBytes(offset, functions.map(place)));
  const offered = exports.map((it) => (it.kind === KIND.function ? { ...it, index: place(it.index) } : it));
  const bodies = stubs.map((index) => {
    const given = module.types[functions[index]].params.flatMap((_, local) => [OP.localGet, ...u32(local)]);
    return [0, ...given, ...bySlot(index), OP.end];
  });

  const missed = new Set(leaving.flatMap((index) => called(bodyOf(module, index))).filter((index) => !left.has(index)));
  const passed = [...missed].sort((a, b) => placed.get(a) - placed.get(b));
  const shared = sharedThings(module, end);
  const data = part(kept);
  const names = passed.map((index, number) => ({ name: number.toString(36), kind: KIND.function, index: placed.get(index) }));
  const bytes = write(
    sections(module.raw, {
      function: list([...staying.map((index) => functions[index]), nothing(module), ...stubs.map((index) => functions[index])].map(u32)),
      table: list(tables.map((table, index) => tableBytes(table, index, end))),
      global: list([...module.globals.map(globalBytes), flag()]),
      export: list([...offered, ...names, ...shared].map(exportBytes)),
      element: list(elements),
      dataCount: Buffer.from(u32(new Reader(data.first).u32())),
      code: list([...kept, asking, ...bodies].map(sized)),
      data: data.first,
    }),
  );
  return { bytes, stubs, passed, shared, data: data.rest };
}

/** Memory, tables and globals under names for the rest; the last global tells that it has arrived. */
function sharedThings(module, end) {
  const globals = [...module.globals, { type: I32, mutable: 1 }];
  return [
    ...module.memories.map((limits, index) => ({ name: `m${index}`, kind: KIND.memory, index, type: limitBytes(limits) })),
    ...module.tables.map((table, index) => ({ name: `t${index}`, kind: KIND.table, index, type: tableBytes(table, index, end) })),
    ...globals.map(({ type, mutable }, index) => ({ name: `g${index}`, kind: KIND.global, index, type: [type, mutable] })),
  ].map((it) => ({ ...it, name: `:${it.name}` }));
}

/** What is called of the first part as imports, what left it, and a start that tells of the arrival. */
function restPart({ module, leaving, left, slots, arrived }, { passed, shared, data }) {
  const { functions } = module;
  const placed = new Map([...passed, ...leaving].map((index, place) => [index, place]));
  const imports = [
    ...passed.map((index, number) => [number.toString(36), KIND.function, u32(functions[index])]),
    ...shared.map(({ name, kind, type }) => [name, kind, type]),
  ];
  const bodies = leaving.map((index) => rewritten(bodyOf(module, index), (callee) => [OP.call, ...u32(placed.get(callee))]));
  const tell = [0, OP.i32Const, 1, OP.globalSet, ...u32(arrived), OP.end];
  const bytes = write([
    [SECTION.type, module.raw.get(SECTION.type)],
    [SECTION.import, list(imports.map(([name, kind, type]) => buffer(text('first'), text(name), [kind], type)))],
    [SECTION.function, list([...leaving.map((index) => u32(functions[index])), u32(nothing(module))])],
    [SECTION.start, Buffer.from(u32(placed.size))],
    [SECTION.element, list(filled(module, slots, left).map(([offset, run]) => elementBytes(offset, run.map((index) => placed.get(index)))))],
    [SECTION.code, list([...bodies, tell].map(sized))],
    [SECTION.data, data],
  ]);
  return { bytes };
}

/** The first slot of each function that the table holds. */
function tableSlots(module) {
  const slots = new Map();
  for (const { offset, functions } of module.elements) {
    functions.forEach((index, place) => slots.has(index) || slots.set(index, offset + place));
  }
  return slots;
}

/** What the rest puts into the table, as runs of neighbours: itself, wherever a stub stood or calls by a slot of its own. */
function filled(module, slots, left) {
  const content = new Map([...slots].map(([index, slot]) => [slot, index]));
  for (const { offset, functions } of module.elements) functions.forEach((index, place) => content.set(offset + place, index));
  const runs = [];
  let next = -1;
  for (const [slot, index] of [...content].filter(([, index]) => left.has(index)).sort(([a], [b]) => a - b)) {
    if (slot === next) runs.at(-1)[1].push(index);
    else runs.push([slot, [index]]);
    next = slot + 1;
  }
  return runs;
}

/** The type of functions that take nothing and give nothing. */
function nothing({ types }) {
  const found = types.findIndex(({ params, results }) => params.length + results.length === 0);
  if (found < 0) throw new Error('no function of the module takes nothing and gives nothing');
  return found;
}

const bodyOf = ({ bodies, imports }, index) => bodies[index - imports.length];

/** The functions that a body calls. */
export function called(body) {
  const found = new Set();
  calls(body, (index) => found.add(index));
  return [...found];
}

/** The body with other calls: `callOf(index)` gives the instructions. */
function rewritten(body, callOf) {
  const parts = [];
  let copied = 0;
  calls(body, (index, start, end) => {
    parts.push(body.subarray(copied, start - 1), callOf(index));
    copied = end;
  });
  return buffer(...parts, body.subarray(copied));
}

const flag = () => [I32, 1, OP.i32Const, 0, OP.end];
const globalBytes = ({ type, mutable, init }) => [type, mutable, ...init];
const exportBytes = ({ name, kind, index }) => [...text(name), kind, ...u32(index)];
const limitBytes = ({ min, max }) => (max === null ? [0, ...u32(min)] : [1, ...u32(min), ...u32(max)]);
const elementBytes = (offset, functions) => buffer([0, OP.i32Const, ...s32(offset), OP.end], list(functions.map(u32)));
/** Functions are in the first table; it has grown by the slots of stubs. */
const tableBytes = (table, index, end) => [
  table.element,
  ...limitBytes(index === 0 ? { min: end, max: table.max === null ? null : Math.max(table.max, end) } : table),
];
