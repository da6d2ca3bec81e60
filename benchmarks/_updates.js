// A run of thirty steps that moves on while somebody scrolls: milliseconds from each
// update to its frame, and MiB that as many more updates leave behind.
async ([code, updates]) => {
  const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  const { default: widget } = await import(url);
  const heard = {};
  let snapshot = {};
  const model = {
    get: () => snapshot,
    on: (event, act) => (heard[event] = act),
    off: () => {},
    send: () => {},
  };
  const step = (i, done) => ({
    name: `step${i}`, kind: "sample", needs: i ? [`step${i - 1}`] : [], inputs: [],
    dims: [["k", 10000]], backend: "aer", total: 10000, counts: { done },
    state: "running", phase: "running", seconds: done / 100, error: null, jobs: done,
    calls: null, cached: null, kept: null,
  });
  const at = (n) => ({
    name: "wide", run: "r", state: "running", elapsed: n / 10, message: null, inputs: [],
    steps: Array.from({ length: 30 }, (_, i) => step(i, 10 * n)),
    metrics: [{ step: "step0", name: "e", first: n,
      values: Array.from({ length: 500 }, (_, k) => Math.sin((n + k) / 30)) }],
    cost: { machine_s: n },
  });
  const frame = () => new Promise((seen) => requestAnimationFrame(() => setTimeout(seen)));
  const frames = [];
  const show = async (n) => {
    snapshot = at(n);
    const began = performance.now();
    heard["change:snapshot"]();
    await frame();
    return performance.now() - began;
  };
  snapshot = at(0);
  widget.render({ model, el: document.querySelector("main") });
  const box = document.querySelector(".qf-graph");
  for (let n = 0; n < updates; n++) {
    box.scrollLeft = (n * 7) % 900;
    frames.push(await show(n));
  }
  gc();
  const before = performance.memory.usedJSHeapSize;
  for (let n = updates; n < 2 * updates; n++) await show(n);
  gc();
  return [frames, (performance.memory.usedJSHeapSize - before) / 2 ** 20];
}
