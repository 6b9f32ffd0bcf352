// Draws a dashboard with Grafana's own components, from a Prometheus behind the same origin.
//
// Address: ?board=scf-fleet&width=1600&from=SECONDS&to=SECONDS&function=NAME. The title of the page
// becomes "drawn" once every panel has its answer. Layout, variables and field overrides are this
// file's own; heatmaps are drawn simply, as Grafana's component for them is not in a package.
import React, { useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import {
  EventBusSrv, FieldType, createTheme, dateTime, formattedValueToString, getDisplayProcessor,
  getFieldDisplayName, getValueFormat, standardTransformers, standardTransformersRegistry,
  ThemeContext, toDataFrame, transformDataFrame,
} from '@grafana/data';
import { BarGauge, BigValue, GlobalStyles, PanelChrome, PanelContextProvider, TimeSeries } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';

const asked = new URLSearchParams(location.search);
const theme = createTheme({ colors: { mode: 'dark' } });
const WIDTH = Number(asked.get('width'));
const DASHBOARD = { from: Number(asked.get('from')), to: Number(asked.get('to')) };
// Height of a row of Grafana's grid, and the gap between two panels.
const ROW = 30, GAP = 8;
// Grafana asks for at most so many points of a graph; the scrape interval is five seconds.
const POINTS = 500;

standardTransformersRegistry.setInit(() => Object.values(standardTransformers)
  .filter((one, at, all) => all.findIndex((other) => other.id === one.id) === at)
  .map((one) => ({
    id: one.id, name: one.name, imageDark: '', imageLight: '', editor: () => null,
    transformation: () => Promise.resolve(one),
  })));

/** The time range of a panel: that of the dashboard unless the panel has one of its own. */
function rangeOf(panel) {
  if (!panel.timeFrom) return DASHBOARD;
  const start = new Date(DASHBOARD.to * 1000);
  start.setUTCHours(0, 0, 0, 0);
  if (panel.timeFrom === 'now/M') start.setUTCDate(1);
  else if (panel.timeFrom !== 'now/d') throw new Error(`time range ${panel.timeFrom}`);
  return { from: start.getTime() / 1000, to: DASHBOARD.to };
}

function filler(board, range) {
  const seconds = Math.round(range.to - range.from);
  const step = Math.max(5, Math.ceil(seconds / POINTS));
  const values = {
    __range: `${seconds}s`, __range_s: seconds, __interval: `${step}s`,
    __rate_interval: `${Math.max(30, step + 5)}s`,
  };
  for (const variable of board.templating.list) {
    values[variable.name] = variable.type === 'textbox' ? variable.query : asked.get(variable.name) ?? '.*';
  }
  const fill = (text) => text.replace(/\$(?:\{(\w+)(?::\w+)?\}|(\w+))/g, (whole, a, b) => {
    if (!((a ?? b) in values)) throw new Error(`no variable ${whole}`);
    return values[a ?? b];
  });
  return { fill, step };
}

async function answer(target, { fill, step }, range) {
  const query = new URLSearchParams({ query: fill(target.expr) });
  if (target.instant) query.set('time', range.to);
  else {
    query.set('start', range.from);
    query.set('end', range.to);
    query.set('step', step);
  }
  const got = await fetch(`/api/v1/${target.instant ? 'query' : 'query_range'}?${query}`);
  const body = await got.json();
  if (body.status !== 'success') throw new Error(`${body.error}: ${query.get('query')}`);
  return body.data.result;
}

const legendOf = (target, labels) =>
  (target.legendFormat ?? '').replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label) => labels[label] ?? '').trim();

function tableFrame(target, result) {
  const labels = [...new Set(result.flatMap((row) => Object.keys(row.metric)))].sort();
  return toDataFrame({
    refId: target.refId,
    fields: [
      { name: 'Time', type: FieldType.time, values: result.map((row) => row.value[0] * 1000) },
      ...labels.map((name) => ({
        name, type: FieldType.string, values: result.map((row) => row.metric[name]),
      })),
      { name: `Value #${target.refId}`, type: FieldType.number, values: result.map((row) => Number(row.value[1])) },
    ],
  });
}

function seriesFrames(target, result, range, step) {
  const times = [];
  for (let at = range.from; at <= range.to; at += step) times.push(at);
  return result.map((series) => {
    const known = new Map((series.values ?? []).map(([at, value]) => [Math.round(at - range.from), Number(value)]));
    const values = times.map((at) => {
      const value = known.get(Math.round(at - range.from));
      return Number.isFinite(value) ? value : null;
    });
    return toDataFrame({
      refId: target.refId,
      fields: [
        { name: 'Time', type: FieldType.time, values: target.instant ? [range.to * 1000] : times.map((at) => at * 1000) },
        {
          name: 'Value', type: FieldType.number, labels: series.metric,
          values: target.instant ? [Number(series.value[1])] : values,
          config: { displayNameFromDS: legendOf(target, series.metric) },
        },
      ],
    });
  });
}

function matches(matcher, name, frame) {
  if (matcher.id === 'byName') return matcher.options === name;
  if (matcher.id === 'byRegexp') return new RegExp(matcher.options.replace(/^\/|\/$/g, '')).test(name);
  if (matcher.id === 'byFrameRefID') return matcher.options === frame.refId;
  throw new Error(`matcher ${matcher.id}`);
}

function put(config, path, value) {
  const steps = path.split('.');
  const last = steps.pop();
  let place = config;
  for (const step of steps) place = place[step] ??= {};
  place[last] = structuredClone(value);
}

/** What a field is shown with: the panel's defaults, and the overrides that fit its name. */
function configOf(panel, field, name, frame) {
  const config = { ...structuredClone(panel.fieldConfig.defaults), ...field.config };
  config.custom = structuredClone(panel.fieldConfig.defaults.custom ?? {});
  if (field.type !== FieldType.number) {
    delete config.unit;
    delete config.noValue;
  }
  for (const override of panel.fieldConfig.overrides) {
    if (!matches(override.matcher, name, frame)) continue;
    for (const property of override.properties) put(config, property.id, property.value);
  }
  config.color ??= { mode: panel.type === 'timeseries' ? 'palette-classic' : 'thresholds' };
  config.thresholds ??= { mode: 'absolute', steps: [{ color: 'green', value: null }] };
  for (const step of config.thresholds.steps) step.value ??= -Infinity;
  // Links lead nowhere here.
  config.links = [];
  return config;
}

function shown(panel, frames) {
  let number = 0;
  for (const frame of frames) {
    for (const field of frame.fields) {
      const name = getFieldDisplayName(field, frame, frames);
      field.config = configOf(panel, field, name, frame);
      field.state = {
        ...field.state, displayName: name, multipleFrames: true,
        seriesIndex: field.type === FieldType.number ? number++ : 0,
      };
      field.display = getDisplayProcessor({ field, theme, timeZone: 'utc' });
      field.getLinks = () => [];
    }
  }
  return frames;
}

async function load(board, panel) {
  const range = rangeOf(panel), filled = filler(board, range);
  const answers = await Promise.all(panel.targets.map((target) => answer(target, filled, range)));
  if (panel.type === 'heatmap') return { range, buckets: answers, step: filled.step };
  let frames = panel.targets.flatMap((target, at) => (target.format === 'table'
    ? [tableFrame(target, answers[at])] : seriesFrames(target, answers[at], range, filled.step)));
  if (panel.transformations?.length) {
    frames = await new Promise((done, failed) => {
      transformDataFrame(panel.transformations, frames, { interpolate: (text) => text })
        .subscribe({ next: done, error: failed });
    });
  }
  return { range, frames: shown(panel, frames) };
}

const lastOf = (field) => field.values.findLast((value) => value !== null);

function Message({ text, height }) {
  return <div style={{ textAlign: 'center', paddingTop: height / 2 - 16, fontSize: 20 }}>{text}</div>;
}

const noValue = (panel) => panel.fieldConfig.defaults.noValue ?? 'No data';

function Stat({ panel, fields, width, height }) {
  const values = fields.map((field) => ({
    ...field.display(lastOf(field)), title: fields.length > 1 ? field.state.displayName : undefined,
  }));
  if (values.length === 0) {
    const field = { name: '', type: FieldType.number, values: [], config: configOf(panel, { type: FieldType.number }, '', {}) };
    values.push({ ...getDisplayProcessor({ field, theme })(null), text: noValue(panel), suffix: undefined, prefix: undefined });
  }
  return (
    <div style={{ display: 'flex' }}>
      {values.map((value, at) => (
        <BigValue key={at} value={value} width={width / values.length} height={height} theme={theme}
          colorMode={panel.options.colorMode} graphMode="none" justifyMode={panel.options.justifyMode}
          textMode={panel.options.textMode} />
      ))}
    </div>
  );
}

function Bars({ panel, fields, width, height }) {
  if (fields.length === 0) return <Message text={noValue(panel)} height={height} />;
  const most = Math.max(...fields.map(lastOf));
  const values = fields.map((field) => ({ ...field.display(lastOf(field)), title: field.state.displayName }));
  const longest = (texts) => texts.reduce((one, other) => (other.length > one.length ? other : one));
  const { minVizHeight, maxVizHeight } = panel.options;
  const share = (height - (fields.length - 1) * GAP) / fields.length;
  const each = Math.min(Math.max(share, minVizHeight), maxVizHeight);
  const align = { text: longest(values.map(formattedValueToString)), title: longest(values.map((value) => value.title)) };
  return (
    <div style={{ height, overflow: 'auto' }}>
      {fields.map((field, at) => (
        <div key={at} style={{ marginBottom: GAP }}>
          <BarGauge theme={theme} width={width} height={each} value={values[at]} display={field.display}
            field={{ ...field.config, max: field.config.max ?? most }} alignmentFactors={align}
            orientation={panel.options.orientation} displayMode={panel.options.displayMode}
            valueDisplayMode={panel.options.valueMode} namePlacement={panel.options.namePlacement}
            showUnfilled={panel.options.showUnfilled} text={panel.options.text} />
        </div>
      ))}
    </div>
  );
}

function Table({ panel, frame, width, height }) {
  return (
    <TableNG data={frame} width={width} height={height} sortBy={panel.options.sortBy} structureRev={1}
      cellHeight={panel.options.cellHeight ?? 'sm'} fieldConfig={panel.fieldConfig} enableVirtualization={false}
      getActions={() => []} />
  );
}

function Graph({ panel, frames, range, width, height }) {
  if (frames.length === 0) return <Message text={noValue(panel)} height={height} />;
  const [from, to] = [range.from, range.to].map((at) => dateTime(at * 1000));
  return (
    <PanelContextProvider value={{ eventBus: new EventBusSrv(), app: 'dashboard', sync: () => 0 }}>
      <TimeSeries frames={frames} timeRange={{ from, to, raw: { from, to } }} timeZone="utc" width={width}
        height={height} legend={panel.options.legend} options={panel.options} />
    </PanelContextProvider>
  );
}

/** A rectangle for each classic bucket and step, the darker the more calls. */
function Heatmap({ panel, buckets, range, step, width, height }) {
  const bound = (series) => Number(series.metric.le.replace('+Inf', 'Infinity'));
  const rows = [...buckets[0]].sort((one, other) => bound(one) - bound(other));
  if (rows.length === 0) return <Message text={noValue(panel)} height={height} />;
  const at = rows.map((row) => new Map(row.values.map(([when, value]) => [Math.round(when), Number(value)])));
  const cells = [];
  for (let when = range.from; when <= range.to; when += step) {
    let below = 0;
    at.forEach((row, index) => {
      const upTo = row.get(Math.round(when));
      if (upTo === undefined) return;
      if (upTo - below > 1e-9) cells.push([when, index, upTo - below]);
      below = Math.max(below, upTo);
    });
  }
  const used = cells.map(([, index]) => index);
  const low = Math.min(...used), high = Math.max(...used), count = high - low + 1;
  const most = Math.max(...cells.map(([, , value]) => value));
  const format = getValueFormat(panel.options.yAxis.unit);
  const left = 64, foot = 22, tall = (height - foot) / count, wide = ((width - left) * step) / (range.to - range.from);
  const ink = theme.colors.text.secondary;
  return (
    <svg width={width} height={height} style={{ fontSize: 12, fontFamily: theme.typography.fontFamily }}>
      {cells.map(([when, index, value], key) => (
        <rect key={key} x={left + ((width - left) * (when - range.from)) / (range.to - range.from)}
          y={(high - index) * tall + 0.5} width={Math.max(wide - 0.5, 1)} height={Math.max(tall - 1, 1)}
          fill="#ff9830" opacity={0.15 + 0.85 * Math.sqrt(value / most)} />
      ))}
      {rows.slice(low, high + 1).map((row, index) => ((high - low - index) % Math.ceil(16 / tall) === 0 ? (
        <text key={index} x={left - 6} y={(count - 1 - index) * tall + Math.min(tall, 12)} textAnchor="end" fill={ink}>
          {bound(row) === Infinity ? '+Inf' : formattedValueToString(format(bound(row)))}
        </text>
      ) : null))}
      {[0.1, 0.5, 0.9].map((share) => (
        <text key={share} x={left + (width - left) * share} y={height - 6} textAnchor="middle" fill={ink}>
          {new Date((range.from + (range.to - range.from) * share) * 1000).toISOString().slice(11, 19)}
        </text>
      ))}
    </svg>
  );
}

function Body({ panel, data, width, height }) {
  const size = { panel, width, height };
  if (panel.type === 'heatmap') return <Heatmap {...size} {...data} />;
  const fields = data.frames.flatMap((frame) => frame.fields).filter((field) => field.type === FieldType.number);
  if (panel.type === 'stat') return <Stat {...size} fields={fields} />;
  if (panel.type === 'bargauge') return <Bars {...size} fields={fields} />;
  if (panel.type === 'timeseries') return <Graph {...size} {...data} />;
  if (panel.type === 'table') return <Table {...size} frame={data.frames[0]} />;
  throw new Error(`panel type ${panel.type}`);
}

class Caught extends React.Component {
  state = {};

  static getDerivedStateFromError(error) {
    return { error };
  }

  render() {
    if (!this.state.error) return this.props.children;
    return <pre data-failed style={{ color: 'tomato', whiteSpace: 'pre-wrap' }}>{String(this.state.error.stack)}</pre>;
  }
}

const SPANS = { 'now/d': 'Today so far', 'now/M': 'This month so far' };

function Panel({ board, panel, place, done }) {
  const [data, setData] = useState(null);
  useEffect(() => {
    load(board, panel).then((data) => setData({ data }), (error) => setData({ error })).finally(done);
  }, []);
  const [left, top, width, height] = place;
  const Failed = () => { throw data.error; };
  return (
    <div style={{ position: 'absolute', left, top, width, height }}>
      <PanelChrome title={panel.title} description={panel.description} width={width} height={height}
        titleItems={panel.timeFrom ? <small>{SPANS[panel.timeFrom]}</small> : undefined}>
        {(innerWidth, innerHeight) => data && (
          <Caught>
            {data.error ? <Failed /> : <Body panel={panel} data={data.data} width={innerWidth} height={innerHeight} />}
          </Caught>
        )}
      </PanelChrome>
    </div>
  );
}

function Board({ board }) {
  const column = (WIDTH - GAP) / 24;
  const panels = board.panels.filter((panel) => panel.type !== 'row');
  let waits = panels.length, bottom = 0;
  const done = () => {
    waits -= 1;
    // The last one still has to be painted.
    if (waits === 0) setTimeout(() => { document.title = 'drawn'; }, 2000);
  };
  const parts = board.panels.map((panel) => {
    const { x, y, w, h } = panel.gridPos;
    const top = GAP + y * (ROW + GAP), height = h * (ROW + GAP) - GAP;
    bottom = Math.max(bottom, top + height + GAP);
    if (panel.type === 'row') {
      const style = { position: 'absolute', left: GAP, top: top + 4, fontSize: 16, color: theme.colors.text.primary };
      return <div key={panel.id} style={style}>{panel.title}</div>;
    }
    const place = [GAP + x * column, top, w * column - GAP, height];
    return <Panel key={panel.id} board={board} panel={panel} place={place} done={done} />;
  });
  return (
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <div style={{ position: 'relative', height: bottom, background: theme.colors.background.canvas }}>{parts}</div>
    </ThemeContext.Provider>
  );
}

fetch(`/dashboards/${asked.get('board')}.json`).then((got) => got.json()).then((board) => {
  createRoot(document.getElementById('root')).render(<Board board={board} />);
});
