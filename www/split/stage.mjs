// As much of a page as the engine's views ask for: nodes that hang together and hear events. Draws nothing, parses nothing.

class Node {
  childNodes = [];
  parentNode = null;
  heard = new Map();

  constructor(name = '#text') {
    this.nodeName = name;
    this.attributes = new Map();
  }

  appendChild(node) {
    return this.insertBefore(node, null);
  }

  insertBefore(node, next) {
    node.remove();
    const place = next ? this.childNodes.indexOf(next) : this.childNodes.length;
    this.childNodes.splice(place, 0, node);
    node.parentNode = this;
    return node;
  }

  remove() {
    const siblings = this.parentNode?.childNodes;
    if (siblings) siblings.splice(siblings.indexOf(this), 1);
    this.parentNode = null;
  }

  cloneNode(deep = false) {
    const copy = new this.constructor(this.nodeName);
    for (const [name, value] of this.attributes) copy.setAttribute(name, value);
    if (deep) for (const child of this.childNodes) copy.appendChild(child.cloneNode(true));
    return copy;
  }

  addEventListener(name, hear) {
    this.heard.set(name, [...(this.heard.get(name) ?? []), hear]);
  }

  removeEventListener(name, hear) {
    this.heard.set(name, (this.heard.get(name) ?? []).filter((other) => other !== hear));
  }

  *descendants() {
    for (const child of this.childNodes) {
      yield child;
      yield* child.descendants();
    }
  }
}

class Element extends Node {
  setAttribute(name, value) {
    this.attributes.set(name, value);
  }

  removeAttribute(name) {
    this.attributes.delete(name);
  }

  get firstElementChild() {
    return this.childNodes[0] ?? null;
  }

  /** What a template holds. */
  get content() {
    return (this.inside ??= new Element('#fragment'));
  }

  /** Markup is taken for one element: that is all that a template of a view holds. */
  set innerHTML(markup) {
    this.content.appendChild(new Element('markup')).setAttribute('markup', markup);
  }

  /** What comes of an event on it, here and at all around it. */
  fire(type, fields = {}) {
    const path = [];
    for (let node = this; node; node = node.parentNode) path.push(node);
    const event = { type, target: this, cancelBubble: false, preventDefault() {}, stopPropagation() {}, composedPath: () => path, ...fields };
    for (const node of path) for (const hear of node.heard.get(type) ?? []) hear(event);
    for (const hear of window.heard.get(type) ?? []) hear(event);
  }
}

const window = new Node('window');

/** Makes this process a page; gives a place to mount views in. */
export function stage() {
  globalThis.Element = Element;
  globalThis.ShadowRoot = class {};
  globalThis.Window = class {
    static [Symbol.hasInstance](it) {
      return it === globalThis;
    }
  };
  globalThis.document = {
    createElement: (name) => new Element(name),
    createElementNS: (_, name) => new Element(name),
    createTextNode: () => new Node(),
    createComment: () => new Node('#comment'),
  };
  globalThis.addEventListener = (name, hear) => window.addEventListener(name, hear);
  return (name) => new Element(name);
}

/** What in these places can be pressed or dragged: `each` of a kind at most. */
export function controls(places, each = 3) {
  const kinds = new Map();
  for (const node of places.flatMap((place) => [...place.descendants()])) {
    const role = node.attributes.get('role');
    if (!['button', 'input', 'select'].includes(node.nodeName) && role !== 'button') continue;
    const kind = `${node.nodeName} ${role} ${node.parentNode.nodeName} ${node.attributes.get('type')}`;
    kinds.set(kind, [...(kinds.get(kind) ?? []), node]);
  }
  return [...kinds.values()].flatMap((nodes) => (nodes[0].attributes.get('class') === 'quiet' ? nodes : nodes.slice(0, each)));
}
