// Numbers and times as a language writes them, by the browser's own Intl.

const cached = new Map();

function formatter(kind, language, options) {
  const key = `${kind}|${language}|${JSON.stringify(options)}`;
  if (!cached.has(key)) cached.set(key, new Intl[kind](language, options));
  return cached.get(key);
}

export function formatNumber(language, value, digits) {
  return formatter("NumberFormat", language, { maximumFractionDigits: digits }).format(value);
}

export function formatPercent(language, fraction) {
  return formatter("NumberFormat", language, { style: "percent", maximumFractionDigits: 0 }).format(fraction);
}

const isSameDay = (one, other) => one.getDate() === other.getDate() && one.getMonth() === other.getMonth() && isSameYear(one, other);
const isSameYear = (one, other) => one.getFullYear() === other.getFullYear();
const clocks = new Map(); // the formatters by language and style: an album asks for one for each of its cells

function clock(language, style, options) {
  const key = `${style} ${language}`;
  if (!clocks.has(key)) clocks.set(key, new Intl.DateTimeFormat(language, options));
  return clocks.get(key);
}

/** Seconds since the epoch as a time of day, with the date unless it is today, and the year unless it is this one. If it `isExact`, to
 *  the second, and a date has its year. */
export function formatClock(language, seconds, isExact = false) {
  const [at, now] = [new Date(seconds * 1000), new Date()];
  const time = { timeStyle: isExact ? "medium" : "short" };
  if (isSameDay(at, now)) return clock(language, `time ${isExact}`, time).format(at);
  if (!isExact && isSameYear(at, now))
    return clock(language, "day", { month: "short", day: "numeric", hour: "numeric", minute: "2-digit" }).format(at);
  return clock(language, `date ${isExact}`, { dateStyle: "medium", ...time }).format(at);
}

/** Seconds since the epoch as a time of day. */
export const formatTime = (language, seconds) => clock(language, "time false", { timeStyle: "short" }).format(new Date(seconds * 1000));

/** Seconds since the epoch as a day: today, yesterday, or the weekday and the date, with the year unless it is this one. */
export function formatDay(language, seconds) {
  const [at, now] = [new Date(seconds * 1000), new Date()];
  const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
  const ago = [now, yesterday].findIndex((day) => isSameDay(at, day));
  if (ago >= 0) {
    const name = formatter("RelativeTimeFormat", language, { numeric: "auto" }).format(-ago, "day");
    return name.charAt(0).toLocaleUpperCase(language) + name.slice(1); // it begins a line
  }
  const date = { weekday: "long", month: "long", day: "numeric" };
  return formatter("DateTimeFormat", language, isSameYear(at, now) ? date : { ...date, year: "numeric" }).format(at);
}

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte"];

export function formatSize(language, count) {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(count, 1)) / 3));
  const unitDisplay = power ? "short" : "long"; // in English the short name of bytes has no plural
  const options = { style: "unit", unit: UNITS[power], unitDisplay, maximumFractionDigits: power > 1 ? 1 : 0 };
  const text = formatter("NumberFormat", language, options).format(count / 1000 ** power);
  return text.replace(/(?<=\d)(?=\p{Script=Han})/u, "\u00a0"); // Chinese has “879 字节”, as it has “1 kB”
}
