// The page's data, and elements made from it. Texts become text nodes: nothing that a run folder
// says is ever read as markup.
'use strict';

const nca = {
  data: JSON.parse(document.getElementById('data').textContent)
};

// An element with properties (class, text, and attributes) and children.
nca.make = function(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties || {})) {
    if (name === 'text')
      element.textContent = value;
    else if (name === 'class')
      element.className = value;
    else if (name.startsWith('on'))
      element.addEventListener(name.slice(2), value);
    else
      element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
};

nca.bytes = function(base64) {
  const text = atob(base64), bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
};
