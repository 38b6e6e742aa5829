/** Time against onnxruntime, as a picture. */
import { BarChart } from "echarts/charts";
import { GridComponent, LegendComponent, MarkLineComponent, TitleComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { THREADS, type Measurement } from "./measure.ts";

use([BarChart, GridComponent, LegendComponent, MarkLineComponent, SVGRenderer, TitleComponent]);

/** What the networks are to stay under. */
const LIMITS = [5, 10] as const;
const RED = "#c9372c";
const WIDTH = 900;
const ROW = 66;
const AROUND = 120;
const FONT = { fontFamily: "system-ui, -apple-system, 'Segoe UI', sans-serif", color: "#24292f" } as const;
const SERIES = [
  { name: "exact, 1 thread", color: "#1d4aa3", of: (made: Measurement) => made.aloneMs },
  { name: `exact, ${THREADS} threads`, color: "#2f6fde", of: (made: Measurement) => made.exactMs },
  { name: "with trace root", color: "#9dbdf2", of: (made: Measurement) => made.traceMs },
] as const;

interface Labelled {
  readonly value: number;
}

function ratioText(ratio: number): string {
  return `${ratio < 10 ? ratio.toFixed(1) : ratio.toFixed(0)}×`;
}

/** Powers of ten only, not the ends of the axis. */
function tickText(ratio: number): string {
  const power = Math.log10(ratio);
  return Math.abs(power - Math.round(power)) < 1e-9 ? `${ratio}×` : "";
}

/** Horizontal bars, a group per network. @returns SVG. */
export function plotRatios(measurements: readonly Measurement[]): string {
  const ratios = measurements.flatMap((made) => SERIES.map(({ of }) => of(made) / made.onnxruntimeMs));
  // Bars begin at onnxruntime's own time, 1.
  const low = Math.min(1, ...ratios.map((ratio) => ratio * 0.6));
  const high = Math.max(...ratios, LIMITS[1]) * 1.6;
  const limits = {
    // Behind the bars and their labels.
    z: 1,
    ...{ silent: true, symbol: "none", lineStyle: { color: RED, type: "dashed" } },
    label: { ...FONT, color: RED, position: "start", formatter: ({ value }: Labelled) => `${value}×` },
    data: LIMITS.map((xAxis) => ({ xAxis })),
  };
  const series = SERIES.map(({ name, color, of }, i) => ({
    ...{ type: "bar", name, barWidth: 15, barGap: "8%", itemStyle: { color, borderRadius: 2 } },
    label: {
      ...{ ...FONT, show: true, backgroundColor: "#ffffff", padding: [1, 2] },
      formatter: ({ value }: Labelled) => ratioText(value),
    },
    data: measurements.map((made) => {
      const value = of(made) / made.onnxruntimeMs;
      return { value, label: { position: value < 1 ? "left" : "right" } };
    }),
    ...(i === 0 ? { markLine: limits } : {}),
  }));
  const chart = init(null, null, {
    ...{ renderer: "svg", ssr: true, width: WIDTH, height: AROUND + ROW * measurements.length },
  });
  chart.setOption({
    ...{ animation: false, backgroundColor: "#ffffff", textStyle: FONT },
    title: {
      ...{ text: "Time of the exact interpreter against onnxruntime", left: 16, top: 12 },
      ...{ subtext: "onnxruntime on one thread, same process, same inputs; less is better", itemGap: 6 },
      ...{ textStyle: { ...FONT, fontSize: 17 }, subtextStyle: { ...FONT, color: "#57606a", fontSize: 13 } },
    },
    legend: { right: 16, top: 36, itemGap: 18, textStyle: FONT, data: SERIES.map(({ name }) => name) },
    grid: { left: 140, right: 40, top: 84, bottom: 36 },
    xAxis: {
      ...{ type: "log", min: low, max: high, axisLabel: { ...FONT, formatter: tickText } },
      splitLine: { showMinLine: false, showMaxLine: false, lineStyle: { color: "#d8dee4" } },
    },
    yAxis: {
      ...{ type: "category", inverse: true, data: measurements.map(({ network }) => network) },
      ...{ axisLabel: { ...FONT, fontSize: 13 }, axisTick: { show: false } },
      axisLine: { show: false },
    },
    series,
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}
