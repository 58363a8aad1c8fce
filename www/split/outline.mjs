// Takes what never ran out of the functions that did: the end of a sequence of instructions, from where it is never reached,
// becomes a function of its own, which is called in its place. It gets the locals that it reads, gives back those that are read
// afterwards, and a number that says where to go on when there are several ways. The module does the same as before.

import { EMPTY, I32, OP, SECTION, list, u32 } from './wasm.mjs';
import { after, instructions, leaves, localOp, number, stack } from './code.mjs';
import { places } from './marks.mjs';

/** Bytes that a piece has to have more than the call in its place. */
const WORTH = 24;
const BIT = (local) => 1n << BigInt(local);

/** The module with pieces of the functions for which `may(own)` holds, after all others. `ran(own, index)` says what ran. */
export function outline(module, ran, may) {
  const made = { ...module, types: [...module.types], functions: [...module.functions], raw: new Map(module.raw) };
  const pieces = [];
  const bodies = module.bodies.map((body, own) => {
    if (!may(own)) return body;
    const host = new Host(made, module.functions[module.imports.length + own], body, (index) => ran(own, index));
    return host.outlined((type, piece) => {
      made.functions.push(typeNumber(made.types, type));
      pieces.push(piece);
      return made.functions.length - 1;
    });
  });
  made.bodies = [...bodies, ...pieces];
  made.raw.set(SECTION.type, list(made.types.map(({ params, results }) => [0x60, ...u32(params.length), ...params, ...u32(results.length), ...results])));
  return made;
}

function typeNumber(types, { params, results }) {
  const same = (a, b) => a.length === b.length && a.every((type, index) => type === b[index]);
  const found = types.findIndex((type) => same(type.params, params) && same(type.results, results));
  return found >= 0 ? found : types.push({ params, results }) - 1;
}

/** A function that pieces are taken from. */
class Host {
  constructor(module, type, body, ran) {
    this.module = module;
    this.body = body;
    this.code = instructions(module, type, body);
    this.results = module.types[type].results;
    const marks = new Set(places(this.code));
    this.cold = (index) => marks.has(index) && !ran(index);
    /** The locals that are read after an instruction was come to, before they are written. */
    this.before = new Map();
    /** The same for what follows a sequence, and for the labels that it sees, innermost first. */
    this.behind = new Map();
    this.cuts = [];
  }

  /** The body that is left; `add(type, body)` takes a piece and gives its number. */
  outlined(add) {
    const end = this.code.ops.length - 1;
    this.live(0, end, 0n, [0n]);
    this.add = add;
    this.visit(0, end, [{ results: this.results, carries: this.results }]);
    let copied = 0;
    const parts = [];
    for (const { from, to, bytes } of this.cuts) {
      parts.push(this.body.subarray(copied, from), Buffer.from(bytes));
      copied = to;
    }
    return Buffer.concat([...parts, this.body.subarray(copied)]);
  }

  sequence(start, end) {
    const found = [];
    for (let index = start; index < end; index = after(this.code, index)) found.push(index);
    return found;
  }

  /** Fills `before` and `behind` for a sequence; gives what is live at its start. */
  live(start, end, out, labels) {
    this.behind.set(start, { out, labels });
    const { ops, args } = this.code;
    let now = out;
    for (const index of this.sequence(start, end).reverse()) {
      const [op, arg] = [ops[index], args[index]];
      if (op === OP.br) now = labels[arg];
      else if (op === OP.brIf) now |= labels[arg];
      else if (op === OP.brTable) now = arg.reduce((all, label) => all | labels[label], 0n);
      else if (op === OP.return || op === OP.unreachable) now = 0n;
      else if (op === OP.localGet) now |= BIT(arg);
      else if (op === OP.localSet || op === OP.localTee) now &= ~BIT(arg);
      else if (op === OP.block || op === OP.if) now = this.liveArms(index, now, labels);
      else if (op === OP.loop) now = this.liveLoop(index, now, labels);
      this.before.set(index, now);
    }
    return now;
  }

  liveArms(index, out, labels) {
    const { end, otherwise } = this.code;
    const [close, other] = [end.get(index), otherwise.get(index)];
    const first = this.live(index + 1, other ?? close, out, [out, ...labels]);
    if (this.code.ops[index] === OP.block) return first;
    return first | (other === undefined ? out : this.live(other + 1, close, out, [out, ...labels]));
  }

  liveLoop(index, out, labels) {
    for (let known = 0n; ; ) {
      const next = this.live(index + 1, this.code.end.get(index), out, [known, ...labels]);
      if (next === known) return known;
      known = next;
    }
  }

  /** Takes the pieces of a sequence. `scopes` are the labels that it sees, innermost first. */
  visit(start, end, scopes) {
    for (const index of this.sequence(start, end)) {
      if (this.cold(index) && this.take(index, start, end, scopes)) return;
      const op = this.code.ops[index];
      if (op !== OP.block && op !== OP.loop && op !== OP.if) continue;
      const results = this.code.args[index];
      const inside = [{ results, carries: op === OP.loop ? [] : results, loop: op === OP.loop }, ...scopes];
      const [close, other] = [this.code.end.get(index), this.code.otherwise.get(index)];
      this.visit(index + 1, other ?? close, inside);
      if (other !== undefined) this.visit(other + 1, close, inside);
    }
  }

  /** Takes the end of a sequence from `from` on, if that can be done and is worth it. */
  take(from, start, end, scopes) {
    const size = this.code.at[end] - this.code.at[from];
    if (size <= WORTH) return false;
    const falls = this.fits(from, start, end, scopes);
    if (falls === null) return false;
    const ways = this.ways(from, end, scopes, falls);
    if (ways === null) return false;
    const { read, written } = this.touched(from, end);
    const { out, labels } = this.behind.get(start);
    const later = ways.reduce((all, way) => all | (way === FALL ? out : labels[way]), 0n);
    const gives = locals(written & later);
    const takes = locals(this.before.get(from) & (read | (written & later)));
    if (size < 2 * (takes.length + gives.length) + 2 * ways.length + 8 + WORTH) return false;
    const kind = (local) => this.code.locals[local];
    const carried = ways.length === 1 ? carries(ways[0], scopes) : [];
    const type = {
      params: takes.map(kind),
      results: [...(ways.length > 1 ? [I32] : carried), ...gives.map(kind)],
    };
    const piece = this.piece(from, end, scopes, { takes, gives, ways, carried, touched: read | written });
    const callee = this.add(type, piece);
    this.cuts.push({ from: this.code.at[from], to: this.code.at[end], bytes: site(callee, takes, gives, ways) });
    return true;
  }

  /** Whether what comes from `from` on stands on a stack of its own; then whether it can come to the end of its sequence. */
  fits(from, start, end, scopes) {
    const height = (index, limit) => {
      let [now, low] = [0, 0];
      for (; index < limit; index = after(this.code, index)) {
        if (leaves(this.code.ops[index])) return { low, left: true };
        const [taken, given] = stack(this.module, this.code, index, this.body, (label) => scopes[label].carries.length);
        low = Math.min(low, now - taken);
        now += given - taken;
      }
      return { now, low, left: false };
    };
    const before = height(start, from);
    const piece = height(from, end);
    if (before.left || piece.low < 0) return null;
    if (piece.left) return false;
    return before.now === 0 && piece.now === scopes[0].results.length ? true : null;
  }

  /** Where a piece may go on: the end of its sequence, labels around it. `null` when they want values of several kinds. */
  ways(from, end, scopes, falls) {
    const found = new Set(falls ? [FALL] : []);
    this.branches(from, end, scopes, (label) => found.add(label));
    const ways = [...found].sort((a, b) => a - b);
    const most = Math.max(0, ...ways.map((way) => carries(way, scopes).length));
    return most > (ways.length === 1 ? 1 : 0) ? null : ways;
  }

  /** Tells every branch out of a piece: the label as its sequence sees it, instruction and depth. */
  branches(from, end, scopes, tell) {
    const { ops, args } = this.code;
    let depth = 0;
    for (let index = from; index < end; index++) {
      const op = ops[index];
      if (op === OP.block || op === OP.loop || op === OP.if) depth += 1;
      else if (op === OP.end) depth -= 1;
      else if (op === OP.return) tell(outer(scopes.length - 1, scopes), index, depth);
      else if (op === OP.br || op === OP.brIf) args[index] >= depth && tell(outer(args[index] - depth, scopes), index, depth);
      else if (op === OP.brTable) for (const label of args[index]) label >= depth && tell(outer(label - depth, scopes), index, depth);
    }
  }

  touched(from, end) {
    let [read, written] = [0n, 0n];
    for (let index = from; index < end; index++) {
      const [op, arg] = [this.code.ops[index], this.code.args[index]];
      if (op === OP.localGet) read |= BIT(arg);
      else if (op === OP.localSet || op === OP.localTee) written |= BIT(arg);
    }
    return { read, written };
  }

  /** The body of a piece: a block for every way, around what was there. */
  piece(from, end, scopes, { takes, gives, ways, carried, touched }) {
    const own = locals(touched).filter((local) => !takes.includes(local));
    const place = new Map([...takes, ...own].map((local, index) => [local, index]));
    const choice = takes.length + own.length;
    const kinds = [...own.map((local) => this.code.locals[local]), ...(ways.length > 1 ? [I32] : [])];
    const bytes = [...u32(kinds.length), ...kinds.flatMap((kind) => [1, kind])];
    const many = ways.length > 1;
    if (many) bytes.push(OP.block, EMPTY);
    for (const _ of ways) bytes.push(OP.block, carried[0] ?? EMPTY);
    this.copy(bytes, from, end, scopes, place, ways);
    ways.forEach((_, way) => {
      bytes.push(OP.end);
      if (!many) return;
      if (way > 0) bytes.push(...number(OP.i32Const, way), ...number(OP.localSet, choice));
      if (way < ways.length - 1) bytes.push(...number(OP.br, ways.length - 1 - way));
    });
    if (many) bytes.push(OP.end, ...number(OP.localGet, choice));
    bytes.push(...gives.flatMap((local) => number(OP.localGet, place.get(local))));
    if (ways.length === 0) bytes.push(OP.unreachable);
    return Buffer.from([...bytes, OP.end]);
  }

  /** Copies instructions, with other numbers for locals and for labels outside. */
  copy(bytes, from, end, scopes, place, ways) {
    const { ops, args, at } = this.code;
    const moved = new Map();
    this.branches(from, end, scopes, (label, index, depth) => {
      moved.set(index, [...(moved.get(index) ?? []), depth + ways.indexOf(label)]);
    });
    let depth = 0;
    for (let index = from; index < end; index++) {
      const op = ops[index];
      if (op === OP.block || op === OP.loop || op === OP.if) depth += 1;
      else if (op === OP.end) depth -= 1;
      if (localOp(op)) bytes.push(...number(op, place.get(args[index])));
      else if (!moved.has(index)) bytes.push(...this.body.subarray(at[index], at[index + 1]));
      else if (op === OP.brTable) {
        const labels = args[index].map((label) => (label < depth ? label : moved.get(index).shift()));
        bytes.push(op, ...u32(labels.length - 1), ...labels.flatMap(u32));
      } else bytes.push(...number(op === OP.return ? OP.br : op, moved.get(index)[0]));
    }
  }
}

/** The way to the end of the sequence; others are labels. */
const FALL = -1;
/** A branch to the end of the own block comes to the end of the sequence. */
const outer = (label, scopes) => (label === 0 && !scopes[0].loop ? FALL : label);
const carries = (way, scopes) => (way === FALL ? scopes[0].results : scopes[way].carries);

function locals(set) {
  const found = [];
  for (let local = 0; set > 0n; local++, set >>= 1n) if (set & 1n) found.push(local);
  return found;
}

/** What stands where a piece was taken: the call, the locals that it gives, and the way on. */
function site(callee, takes, gives, ways) {
  const call = [
    ...takes.flatMap((local) => number(OP.localGet, local)),
    ...number(OP.call, callee),
    ...[...gives].reverse().flatMap((local) => number(OP.localSet, local)),
  ];
  const [first, second] = ways;
  if (ways.length === 0) return [...call, OP.unreachable];
  if (ways.length === 1) return first === FALL ? call : [...call, ...number(OP.br, first)];
  if (ways.length === 2) return [...call, ...number(OP.brIf, second), ...(first === FALL ? [] : number(OP.br, first))];
  const table = (labels) => [OP.brTable, ...u32(labels.length - 1), ...labels.flatMap(u32)];
  if (first !== FALL) return [...call, ...table(ways)];
  return [OP.block, EMPTY, ...call, ...table(ways.map((way) => way + 1)), OP.end];
}
