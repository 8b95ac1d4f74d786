// Results under the headings of their days. The days are found once for an order of results, and their places once for a number of
// columns; where a result lies, and which ones are in sight, is found among the days by binary search.

/** The days of results that ended at these seconds since the epoch: `{first, last, at}`, the first and last one's index, and when the
 *  first one ended. A day is one of the browser's time zone. */
export function daysOf(ends) {
  const days = [];
  let [from, to] = [0, 0];
  for (const [index, at] of ends.entries()) {
    if (!(at >= from && at < to)) {
      const date = new Date(at * 1000);
      const midnight = (more) => new Date(date.getFullYear(), date.getMonth(), date.getDate() + more).getTime() / 1000;
      [from, to] = [midnight(0), midnight(1)];
      days.push({ first: index, at });
    }
    days.at(-1).last = index;
  }
  return days;
}

/** Where results and headings lie, in CSS pixels. `step` is from one cell to the next, `gap` between them, `head` a heading's height, and
 *  `between` what is free above each but the first. */
export class DayRows {
  constructor(days, columns, { step, gap, head, between }) {
    Object.assign(this, { columns, step, head });
    let top = 0;
    this.days = days.map((day) => {
      const rows = Math.ceil((day.last - day.first + 1) / columns);
      const placed = { ...day, rows, top, height: head + rows * step - gap };
      top += placed.height + between;
      return placed;
    });
    this.height = Math.max(0, top - between);
  }

  /** The last day of which `key` is not beyond a value; the first one if it is beyond. */
  #find(key, value) {
    let [low, high] = [0, this.days.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.days[middle][key] <= value) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The row of a result: its day's place, the row in that day, and the column. */
  #rowOf(index) {
    const place = this.#find("first", index);
    const at = index - this.days[place].first;
    return [place, Math.floor(at / this.columns), at % this.columns];
  }

  /** The result in this row of a day that is nearest to a column. */
  #resultAt(day, row, column) {
    return Math.min(day.last, day.first + row * this.columns + column);
  }

  /** A result's distance from the left and from the top. */
  placeOf(index) {
    const [place, row, column] = this.#rowOf(index);
    return [column * this.step, this.days[place].top + this.head + row * this.step];
  }

  columnOf(index) {
    return this.#rowOf(index)[2];
  }

  /** The days of which something lies between two heights, as the places of the first and the one after the last. */
  daysWithin(upper, lower) {
    if (!this.days.length || lower < 0 || upper > this.height) return [0, 0];
    return [this.#find("top", upper), this.#find("top", lower) + 1];
  }

  /** The results between two heights, as the index of the first and the one after the last. */
  within(upper, lower) {
    const [from, to] = this.daysWithin(upper, lower);
    if (from === to) return [0, 0];
    const [first, last] = [this.days[from], this.days[to - 1]];
    const above = Math.floor((upper - first.top - this.head) / this.step);
    const below = Math.ceil((lower - last.top - this.head) / this.step);
    return [
      Math.min(first.last + 1, first.first + Math.max(0, above) * this.columns),
      Math.min(last.last + 1, last.first + Math.max(0, below) * this.columns),
    ];
  }

  /** The result in the row below (`by` 1) or above (-1), at that column or the nearest; the same one if there is no such row. */
  beside(index, column, by) {
    const [place, row] = this.#rowOf(index);
    const day = this.days[place];
    if (row + by >= 0 && row + by < day.rows) return this.#resultAt(day, row + by, column);
    const next = this.days[place + by];
    return next ? this.#resultAt(next, by > 0 ? 0 : next.rows - 1, column) : index;
  }

  /** The result at that column of the furthest row that is at most so many pixels further down, or up if they are negative; at least in
   *  the next row. */
  away(index, column, distance) {
    const [, from] = this.placeOf(index);
    const next = this.beside(index, column, Math.sign(distance));
    if (next === index) return index;
    const target = from + distance - this.head; // of a day whose first row is there
    const place = this.#find("top", target);
    const day = this.days[place];
    const rows = Math.max(0, (target - day.top) / this.step);
    if (distance > 0) return Math.max(next, this.#resultAt(day, Math.min(day.rows - 1, Math.floor(rows)), column));
    const row = Math.ceil(rows);
    return Math.min(next, row < day.rows ? this.#resultAt(day, row, column) : this.#resultAt(this.days[place + 1], 0, column));
  }
}
