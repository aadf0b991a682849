// Writing into the document: only what differs from what stands there, and data only ever as text.

export const byId = (id) => document.getElementById(id);

export function setText(element, text) {
  const node = element.firstChild;
  if (node === null || node.nextSibling !== null || node.nodeType !== Node.TEXT_NODE) {
    if (element.textContent !== text) element.textContent = text;
  } else if (node.data !== text) {
    node.data = text; // Cheaper than `textContent`, which throws the node away.
  }
}

export function setData(element, name, value) {
  if (element.dataset[name] !== value) element.dataset[name] = value;
}

export function setClass(element, name) {
  if (element.className !== name) element.className = name;
}

export function setHidden(element, hidden) {
  if (element.hidden !== hidden) element.hidden = hidden;
}

export function setTitle(element, text) {
  if (element.title !== text) element.title = text;
}

export const clone = (id) => byId(id).content.firstElementChild.cloneNode(true);

// The children of an element, one for each item, in the order of the items; an element stays with its item's key.
export class Keyed {
  constructor(parent, make) {
    this.parent = parent;
    this.make = make;
    this.elements = new Map();
  }

  show(items, keyOf, update) {
    // First what goes: an element that others are moved around, instead of past, loses the focus and its selection.
    this.remove(new Set(items.map(keyOf)));
    const seen = new Set();
    let next = this.parent.firstElementChild;
    for (const item of items) {
      const key = keyOf(item);
      if (seen.has(key)) continue;
      seen.add(key);
      let element = this.elements.get(key);
      if (element === undefined) {
        element = this.make(item);
        this.elements.set(key, element);
      }
      if (element === next) next = next.nextElementSibling;
      else this.parent.insertBefore(element, next);
      update(element, item);
    }
  }

  remove(kept) {
    for (const [key, element] of this.elements) {
      if (kept.has(key)) continue;
      element.remove();
      this.elements.delete(key);
    }
  }
}

// Name and value pairs of a <dl>.
export function showPairs(list, pairs) {
  const cells = pairs.flat();
  while (list.children.length > cells.length) list.lastElementChild.remove();
  cells.forEach((text, index) => {
    let cell = list.children[index];
    if (cell === undefined) cell = list.appendChild(document.createElement(index % 2 ? "dd" : "dt"));
    setText(cell, text);
  });
}
