// The CPU backend's scalar step as WebAssembly: src/kernels/cpu/wasm/live.c says what it exports.
'use strict';

// With vectors where the browser has them, without where it refuses that module.
nca.compileModule = async function() {
  const bytesOf = (id) => nca.bytes(document.getElementById(id).textContent);
  const inflate = (bytes) => new Response(
    new Blob([bytes]).stream().pipeThrough(new DecompressionStream(
      'deflate'))).arrayBuffer();
  try {
    const module = await WebAssembly.compile(await inflate(bytesOf('vector-module')));
    nca.compileModule.hasVectors = true;
    return module;
  } catch {
    return WebAssembly.compile(bytesOf('module'));
  }
};

nca.module = function() {
  nca.compiled = nca.compiled || nca.compileModule();
  return nca.compiled.then(
    (module) => WebAssembly.instantiate(module, {math: {cos: Math.cos, sin: Math.sin}}));
};
