// The CPU backend's scalar step as WebAssembly: src/kernels/cpu/wasm/live.c says what it exports.
'use strict';

// One of the page's two modules, which stand in it deflated.
nca.compileModule = async function(id) {
  const bytes = new Blob([nca.bytes(document.getElementById(id).textContent)]).stream();
  const inflated = new Response(bytes.pipeThrough(new DecompressionStream('deflate')));
  return WebAssembly.compile(await inflated.arrayBuffer());
};

// With vectors where the browser has them, without where it refuses that module. Both give the same
// bits.
nca.module = function(id) {
  nca.compiled =
    nca.compiled || nca.compileModule('vector-module').catch(() => nca.compileModule('module'));
  return (id ? nca.compileModule(id) : nca.compiled)
    .then((module) => WebAssembly.instantiate(module, {math: {cos: Math.cos, sin: Math.sin}}));
};
