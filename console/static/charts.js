// Draws the charts of a page from the numbers in it, again when htmx brought new ones; every chart has a table beside it.
"use strict";
(() => {
  const drawn = new WeakSet();
  const draw = (place) => {
    if (drawn.has(place)) return;
    drawn.add(place);
    const { days, rp } = JSON.parse(place.dataset.chart);
    const at = days.map((_, index) => index);
    new uPlot({
      width: place.clientWidth, height: 256, legend: { show: false }, cursor: { show: false },
      scales: { x: { time: false, range: [-0.6, Math.max(days.length - 0.4, 0.6)] }, y: { range: (_, __, most) => [0, most * 1.1 || 1] } },
      axes: [
        { splits: () => at, values: (_, splits) => splits.map((index) => days[index]) },
        { size: 72, values: (_, splits) => splits.map((value) => (value / 1e6).toLocaleString("id") + " jt") },
      ],
      series: [{}, { label: place.dataset.label, fill: "#0b5d3b", paths: uPlot.paths.bars({ size: [0.7, 48] }), points: { show: false } }],
    }, [at, rp], place);
  };
  const drawAll = () => document.querySelectorAll("[data-chart]").forEach(draw);
  document.addEventListener("DOMContentLoaded", drawAll);
  document.addEventListener("htmx:afterSettle", drawAll);
})();
